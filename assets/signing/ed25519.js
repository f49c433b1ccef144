// Ed25519 by the rule of SPEC §3 (P6): cofactorless, canonical A and R, neither of small order, S < L. Browsers' own verification is looser,
// so it never decides. The vectors run before the first use; on a mismatch this page refuses to work.

import { Point, getPublicKey, hashes, sign as signWithSeed } from "@noble/ed25519";
import { sha512 } from "@noble/hashes/sha2.js";
import { concat, equal, fromHex } from "./bytes.js";
import VECTORS from "./ed25519-vectors.json";

hashes.sha512 = sha512;

const L = Point.CURVE().n;

/** @param {Uint8Array} data */
function littleEndian(data) {
  let value = 0n;
  for (let place = data.length - 1; place >= 0; place--) value = (value << 8n) | BigInt(data[place]);
  return value;
}

/** Never throws. @param {Uint8Array} pub @param {Uint8Array} message @param {Uint8Array} signature */
export function verify(pub, message, signature) {
  if (pub.length !== 32 || signature.length !== 64) return false;
  const r = signature.slice(0, 32);
  const s = littleEndian(signature.slice(32));
  if (s >= L) return false;
  try {
    const a = Point.fromBytes(pub, false); // false: canonical encodings only
    if (a.isSmallOrder() || Point.fromBytes(r, false).isSmallOrder()) return false;
    const k = littleEndian(sha512(concat(r, pub, message))) % L;
    return equal(Point.BASE.multiply(s, false).subtract(a.multiply(k, false)).toBytes(), r);
  } catch {
    return false;
  }
}

/** Whether these bytes may be registered as a key. @param {Uint8Array} pub */
export function isKey(pub) {
  try {
    return pub.length === 32 && !Point.fromBytes(pub, false).isSmallOrder();
  } catch {
    return false;
  }
}

/** @param {Uint8Array} seed */
export const publicKey = (seed) => getPublicKey(seed);

/** Only where WebCrypto has no Ed25519, for keys that sign once (invitation) and in the vectors. */
export const sign = (seed, message) => signWithSeed(message, seed);

let checked = /** @type {Promise<void> | null} */ (null);

/** Resolves when all vectors came out right; in slices, so that a slow phone can draw meanwhile. */
export function selfCheck() {
  checked ??= (async () => {
    for (const [place, [name, valid, pub, message, signature, seed]] of VECTORS.entries()) {
      const bytes = [pub, message, signature].map(fromHex);
      if (verify(bytes[0], bytes[1], bytes[2]) !== valid) throw new Error(`this browser judges vector “${name}” wrongly`);
      if (seed && !equal(sign(fromHex(seed), bytes[1]), bytes[2])) throw new Error(`this browser signs vector “${name}” wrongly`);
      if (place % 4 === 3) await new Promise((resume) => setTimeout(resume));
    }
  })();
  return checked;
}
