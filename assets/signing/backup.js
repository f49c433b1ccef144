// The copy of a key outside the browser. One envelope, the same text in the file and in the printed code:
//
//   COOPNODE-KEY-1:<base32, upper case> of CBOR {v, pub, kdf {name, m, t, p, salt}, nonce, box}
//
// box = AES-256-GCM(key = Argon2id(passphrase), additional data = CBOR of the map without box) over CBOR {seed, recovery, nonce, home?, account?}.
// `recovery`, `nonce` and `home` are what a restored device needs to know its account id; a key that joined an account later names it; the recovery key itself is never in here.

import { argon2idAsync } from "@noble/hashes/argon2.js";
import { base32, equal, fromBase32, identifier, random } from "./bytes.js";
import { decode, encode } from "./cbor.js";
import { publicKey } from "./ed25519.js";

const PREFIX = "COOPNODE-KEY-1:";
const COST = { m: 65536, t: 3, p: 1 };
/** What we agree to compute when opening somebody's file: a hostile one must not freeze the phone. */
const MOST = { m: 262144, t: 10, p: 4 };

export class BackupError extends Error {
  /** @param {"not_a_backup" | "wrong_passphrase"} code */
  constructor(code) {
    super(code);
    this.code = code;
  }
}

/** One spelling of a passphrase: the keyboard of another device may compose letters otherwise. @param {string} text */
export const normal = (text) => text.normalize("NFKC").trim().replace(/\s+/g, " ");

async function passphraseKey(passphrase, kdf, usage, progress) {
  const secret = await argon2idAsync(normal(passphrase), kdf.salt, { m: kdf.m, t: kdf.t, p: kdf.p, dkLen: 32, onProgress: progress });
  const key = await crypto.subtle.importKey("raw", secret, "AES-GCM", false, [usage]);
  secret.fill(0);
  return key;
}

/**
 * @param {{seed: Uint8Array, recovery: Uint8Array, nonce: Uint8Array, home: string | null, account?: string | null}} secret
 * @param {string} passphrase
 * @param {(done: number) => void} [progress]
 */
export async function seal(secret, passphrase, progress) {
  const kdf = { name: "argon2id", ...COST, salt: random(16) };
  const head = { v: 1, pub: publicKey(secret.seed), kdf, nonce: random(12) };
  const inside = encode({
    seed: secret.seed, recovery: secret.recovery, nonce: secret.nonce, ...(secret.home ? { home: fromBase32(secret.home) } : {}),
    ...(secret.account ? { account: fromBase32(secret.account) } : {}),
  });
  const key = await passphraseKey(passphrase, kdf, "encrypt", progress);
  const box = await crypto.subtle.encrypt({ name: "AES-GCM", iv: head.nonce, additionalData: encode(head) }, key, inside);
  inside.fill(0);
  return PREFIX + base32(encode({ ...head, box: new Uint8Array(box) })).toUpperCase();
}

/** Finds the envelope in a file or in pasted text. @param {string} text */
export function find(text) {
  // People paste with line breaks and lose the case; neither carries meaning here.
  const found = /COOPNODE-KEY-1:([A-Z2-7\s]+)/i.exec(text);
  if (!found) throw new BackupError("not_a_backup");
  try {
    const whole = decode(fromBase32(found[1].replace(/\s/g, "").toLowerCase()));
    const { m, t, p, name, salt } = whole.kdf;
    const sane = whole.v === 1 && name === "argon2id" && m >= 8 && m <= MOST.m && t >= 1 && t <= MOST.t && p >= 1 && p <= MOST.p;
    if (!sane || salt.length !== 16 || whole.nonce.length !== 12 || whole.pub.length !== 32) throw new Error("fields");
    return whole;
  } catch {
    throw new BackupError("not_a_backup");
  }
}

/** The caller zeroes `seed`. @param {string} text @param {string} passphrase @param {(done: number) => void} [progress] */
export async function open(text, passphrase, progress) {
  const { box, ...head } = find(text);
  const key = await passphraseKey(passphrase, head.kdf, "decrypt", progress);
  let inside;
  try {
    inside = new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv: head.nonce, additionalData: encode(head) }, key, box));
  } catch {
    throw new BackupError("wrong_passphrase");
  }
  const secret = decode(inside);
  inside.fill(0);
  if (!equal(publicKey(secret.seed), head.pub)) throw new BackupError("not_a_backup");
  return { seed: secret.seed, recovery: secret.recovery, nonce: secret.nonce, home: secret.home ? identifier(secret.home) : null, account: secret.account ? identifier(secret.account) : null, pub: head.pub };
}
