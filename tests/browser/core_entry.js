// Gives a test page the modules of the signing origin under one name.
import * as backup from "../../assets/signing/backup.js";
import * as bytes from "../../assets/signing/bytes.js";
import * as cbor from "../../assets/signing/cbor.js";
import * as commitments from "../../assets/signing/commitments.js";
import * as cose from "../../assets/signing/cose.js";
import * as ed25519 from "../../assets/signing/ed25519.js";
import * as i18n from "../../assets/signing/i18n.js";
import * as keys from "../../assets/signing/keys.js";
import * as log from "../../assets/signing/log.js";
import * as passphrase from "../../assets/signing/passphrase.js";
import * as recovery from "../../assets/signing/recovery.js";

/** Values cross into the page as JSON; a byte string is {"$": hex}, a header map {"#": [[key, value], …]}. */
function from(value) {
  if (Array.isArray(value)) return value.map(from);
  if (value === null || typeof value !== "object") return value;
  if ("$" in value && Object.keys(value).length === 1) return bytes.fromHex(value.$);
  if ("#" in value && Object.keys(value).length === 1) return new Map(value["#"].map(([key, item]) => [key, from(item)]));
  const object = Object.create(null);
  for (const [key, item] of Object.entries(value)) object[key] = from(item);
  return object;
}

function to(value) {
  if (value instanceof Uint8Array) return { $: bytes.hex(value) };
  if (value instanceof Map) return { "#": [...value].map(([key, item]) => [key, to(item)]) };
  if (Array.isArray(value)) return value.map(to);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, to(item)]));
}

const refused = (work) => {
  try {
    return to(work());
  } catch (error) {
    return { refused: String(error?.message ?? error) };
  }
};

globalThis.core = { backup, bytes, cbor, commitments, cose, ed25519, i18n, keys, log, passphrase, recovery, from, to, refused };
