// The device's keys: a sign key and a login key (SPEC §3 scopes). Both are non-extractable once made; a seed lives only between its creation
// and the encryption of the backup, and is zeroed after. Where WebCrypto lacks Ed25519, an AES key that cannot be extracted wraps the seed.

import { hex, identifier, isIdentifier, random, sha256 } from "./bytes.js";
import { encode } from "./cbor.js";
import { ED25519, LOGIN, assemble, messageHeader, possession, sigStructure } from "./cose.js";
import { publicKey, sign as signWithSeed, verify } from "./ed25519.js";
import { keyTable } from "./store.js";

/** PKCS#8 of RFC 8410 up to the 32 bytes of the seed. */
const PKCS8 = [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
const LOGIN_SECONDS = 300;

/**
 * @typedef {object} KeyRecord
 * @property {string} id hex of the public key
 * @property {Uint8Array} pub
 * @property {object} handle
 * @property {{pub: Uint8Array, handle: object}} login
 * @property {string[]} enrolled cooperative ids that know the login key
 * @property {Uint8Array} recovery commitment to the recovery key (P7)
 * @property {Uint8Array} nonce of the genesis this key was made for
 * @property {string | null} home
 * @property {string | null} account set once a log has taken the genesis
 * @property {string | null} name of the cooperative, for people
 * @property {number} created
 * @property {boolean} [waits] added or recovered, not yet seen to be in force: the account's chain tells (care.js)
 */

/** Turns a seed into a handle and zeroes it. @param {Uint8Array} seed */
async function lockAway(seed) {
  const pub = publicKey(seed);
  const handle = (await asWebCrypto(seed)) ?? (await wrapped(seed));
  seed.fill(0);
  const probe = random(32);
  // An engine that signs otherwise than RFC 8032 would make a key nobody can use: better to find out before the backup is printed.
  if (!verify(pub, probe, await sign(handle, probe))) throw new Error("this browser's Ed25519 is broken");
  return { pub, handle };
}

async function asWebCrypto(seed) {
  const der = Uint8Array.from([...PKCS8, ...seed]);
  try {
    return { kind: "webcrypto", key: await crypto.subtle.importKey("pkcs8", der, { name: "Ed25519" }, false, ["sign"]) };
  } catch {
    return null; // no Ed25519 in this browser
  } finally {
    der.fill(0);
  }
}

async function wrapped(seed) {
  const key = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
  const iv = random(12);
  return { kind: "wrapped", key, iv, data: new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, seed)) };
}

/** @param {any} handle @param {Uint8Array} message @returns {Promise<Uint8Array>} */
export async function sign(handle, message) {
  if (handle.kind === "webcrypto") return new Uint8Array(await crypto.subtle.sign({ name: "Ed25519" }, handle.key, message));
  const seed = new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv: handle.iv }, handle.key, handle.data));
  try {
    return signWithSeed(seed, message);
  } finally {
    seed.fill(0);
  }
}

/** What the recovery sheet commits the account to. @param {Uint8Array} pub */
export const recoveryCommitment = (pub) => sha256(encode({ alg: ED25519, pub }));

/**
 * A key record from a seed, which is zeroed. Not stored yet: nothing is, before the backup is confirmed.
 * @param {{seed: Uint8Array, recovery: Uint8Array, nonce: Uint8Array, home: string | null, name: string | null, account?: string | null}} from
 * @returns {Promise<KeyRecord>}
 */
export async function makeRecord({ seed, recovery, nonce, home, name, account = null }) {
  const { pub, handle } = await lockAway(seed);
  return {
    id: hex(pub), pub, handle, login: await lockAway(random(32)), enrolled: [], recovery, nonce, home, account, name,
    created: Math.floor(Date.now() / 1000),
  };
}

/** The genesis map of an account whose home is `home` (SPEC §6.1). @param {KeyRecord} key @param {string} home */
export function genesisOf(key, home) {
  if (!isIdentifier(home)) throw new Error("home is not a cooperative id");
  return { keys: [{ alg: ED25519, pub: key.pub, scope: "sign" }], recovery: key.recovery, home, nonce: key.nonce };
}

/** @param {KeyRecord} key @param {string} home */
export const accountOf = (key, home) => identifier(sha256(encode(genesisOf(key, home))));

/** Payload fields of account.genesis/1. @param {KeyRecord} key @param {string} home */
export async function genesisPayload(key, home) {
  const proof = await sign(key.handle, possession(key.pub, accountOf(key, home), 0));
  return { type: "account.genesis/1", genesis: genesisOf(key, home), proofs: [proof] };
}

/** The account a key acts as: the one a log has taken, or the one it would have at this cooperative. */
export function accountAt(key, cooperative) {
  if (key.account) return key.account;
  const home = key.home ?? cooperative;
  return home ? accountOf(key, home) : null;
}

/** Keys on this device, newest first. @returns {Promise<KeyRecord[]>} */
export async function allKeys() {
  return (await keyTable.all()).sort((a, b) => b.created - a.created);
}

/** @param {KeyRecord} key */
export const keepKey = (key) => keyTable.put(key);

/** @param {KeyRecord} key */
export const forgetKey = (key) => keyTable.remove(key.id);

/** The key's owner lets this device's login key in. @param {KeyRecord} key @param {string} cooperative @param {string} account */
export function enrolment(key, cooperative, account) {
  const payload = { purpose: "enrol", aud: cooperative, iss: account, key: key.login.pub, exp: soon() };
  return message(key.pub, key.handle, payload);
}

/** @param {KeyRecord} key @param {string} cooperative @param {string} account @param {Uint8Array} challenge */
export function loginAnswer(key, cooperative, account, challenge) {
  const payload = { purpose: "login", aud: cooperative, iss: account, challenge, exp: soon() };
  return message(key.login.pub, key.login.handle, payload);
}

const soon = () => Math.floor(Date.now() / 1000) + LOGIN_SECONDS;

async function message(pub, handle, payload) {
  const [header, body] = [messageHeader(LOGIN, pub), encode(payload)];
  return assemble(header, body, await sign(handle, sigStructure(header, body)));
}

