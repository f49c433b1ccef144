// Statements and messages: COSE_Sign1 in the one shape of SPEC §4. No key enters this module; callers sign what `sigStructure` gives.

import { concat, isIdentifier, sha256, utf8 } from "./bytes.js";
import { decode, decodeHeader, encode, encodeHeader } from "./cbor.js";

export const ED25519 = -19;
export const STATEMENT = "application/coopnode-statement+cbor";
export const POSSESSION = "application/coopnode-possession+cbor";
export const LOGIN = "application/coopnode-login+cbor";
export const COMMITTED = "application/coopnode-committed+cbor";

const MAX_STATEMENT = 65535;
const MAX_LIFETIME = 86400;
const [ALG, CONTENT_TYPE, KID, CLAIMS] = [1, 3, 4, 15];
const [ISS, SUB, AUD, EXP, IAT, CTI, SEEN, FOR] = [1, 2, 3, 4, 6, 7, -70001, -70002];
const REQUIRED = [ISS, SUB, AUD, EXP, IAT, CTI];

export class StatementError extends Error {}

/**
 * @typedef {object} Statement
 * @property {Uint8Array} protected
 * @property {Uint8Array} payloadBytes
 * @property {Uint8Array} signature
 * @property {Uint8Array} kid
 * @property {string} iss
 * @property {string} sub
 * @property {string} aud
 * @property {number} exp
 * @property {number} iat
 * @property {Uint8Array} cti
 * @property {[number, number, Uint8Array, Uint8Array] | null} seen generation, size, root, the log's signature
 * @property {[string, Uint8Array] | null} onBehalf
 * @property {string} type
 * @property {{[field: string]: any}} payload
 */

/** @param {Uint8Array} data */
function bstr(data) {
  if (data.length < 24) return concat([0x40 | data.length], data);
  if (data.length < 256) return concat([0x58, data.length], data);
  return concat([0x59, data.length >> 8, data.length & 255], data);
}

/** ["Signature1", protected, h'', payload] (RFC 9052 §4.4): the only thing a personal key ever signs (P4). */
export function sigStructure(protectedHeader, payload) {
  return concat([0x84, 0x6a], utf8("Signature1"), bstr(protectedHeader), [0x40], bstr(payload));
}

/** @returns {Uint8Array} */
export function assemble(protectedHeader, payload, signature) {
  const data = concat([0xd2, 0x84], bstr(protectedHeader), [0xa0], bstr(payload), bstr(signature));
  if (data.length > MAX_STATEMENT) throw new StatementError("too_large");
  return data;
}

export const documentDigest = (protectedHeader, payload) => sha256(sigStructure(protectedHeader, payload));

/** RFC 9162: the leaf of a statement in the log. @param {Uint8Array} statement */
export const leafHash = (statement) => sha256(concat([0], statement));

/** Protected header of a message that is not a statement. */
export function messageHeader(contentType, kid) {
  return encodeHeader(new Map([[ALG, ED25519], [CONTENT_TYPE, contentType], [KID, kid]]));
}

/** @param {{kid: Uint8Array, iss: string, sub: string, aud: string, iat: number, exp: number, cti: Uint8Array, seen?: any, onBehalf?: any}} of */
export function statementHeader(of) {
  const claims = new Map([[ISS, of.iss], [SUB, of.sub], [AUD, of.aud], [EXP, of.exp], [IAT, of.iat], [CTI, of.cti]]);
  if (of.seen) claims.set(SEEN, of.seen);
  if (of.onBehalf) claims.set(FOR, of.onBehalf);
  return encodeHeader(new Map([[ALG, ED25519], [CONTENT_TYPE, STATEMENT], [KID, of.kid], [CLAIMS, claims]]));
}

/** What a new key signs to prove it is held (P8). */
export function possession(kid, subject, number, previous = new Uint8Array(32)) {
  return sigStructure(messageHeader(POSSESSION, kid), encode([subject, number, previous]));
}

/** [protected, payload, signature] of a tagged COSE_Sign1 with an empty unprotected header. @param {Uint8Array} data */
export function split(data) {
  if (data.length > MAX_STATEMENT) throw new StatementError("too_large");
  if (data[0] !== 0xd2 || data[1] !== 0x84) throw new StatementError("malformed");
  let at = 2;
  const take = () => {
    const head = data[at] ?? 0;
    let size = head & 31;
    if (head >> 5 !== 2) throw new StatementError("malformed");
    at += 1;
    if (size === 24 && data[at] >= 24) size = data[at++];
    else if (size === 25 && data[at] > 0 && at + 1 < data.length) {
      size = (data[at] << 8) | data[at + 1];
      at += 2;
    } else if (size > 23) throw new StatementError("malformed");
    if (data.length < at + size) throw new StatementError("malformed");
    at += size;
    return data.slice(at - size, at);
  };
  const header = take();
  if (data[at++] !== 0xa0) throw new StatementError("malformed");
  const payload = take();
  const signature = take();
  if (at !== data.length || signature.length !== 64) throw new StatementError("malformed");
  return [header, payload, signature];
}

/** Form only: whose key it is and whether the signature holds is for the caller. @param {Uint8Array} data @returns {Statement} */
export function parseStatement(data) {
  const [header, payload, signature] = split(data);
  return { ...parseParts(header, payload), signature };
}

/** As parseStatement, before there is a signature: what the page shows is decoded from the bytes to be signed. */
export function parseParts(protectedHeader, payloadBytes) {
  const header = decodeHeader(protectedHeader);
  const payload = decode(payloadBytes);
  const claims = header.get(CLAIMS);
  need(header.size === 4 && header.get(ALG) === ED25519 && header.get(CONTENT_TYPE) === STATEMENT, "protected");
  need(isBytes(header.get(KID), 32), "kid");
  need(claims instanceof Map && REQUIRED.every((name) => claims.has(name)), "claims");
  need([...claims.keys()].every((name) => REQUIRED.includes(name) || name === SEEN || name === FOR), "claims");
  need([ISS, SUB, AUD].every((name) => isIdentifier(claims.get(name))), "claims");
  const [iat, exp, cti] = [claims.get(IAT), claims.get(EXP), claims.get(CTI)];
  need(isCount(iat) && isCount(exp) && iat < exp && exp <= iat + MAX_LIFETIME, "exp");
  need(isBytes(cti, 16), "cti");
  const [seen, onBehalf] = [claims.get(SEEN) ?? null, claims.get(FOR) ?? null];
  need(!seen || (seen.length === 4 && isCount(seen[0]) && isCount(seen[1]) && isBytes(seen[2], 32) && isBytes(seen[3], 64)), "seen");
  need(!onBehalf || (onBehalf.length === 2 && isIdentifier(onBehalf[0]) && isBytes(onBehalf[1], 32)), "for");
  need(isMap(payload) && typeof payload.type === "string", "type");
  need(!("private" in payload) || isBytes(payload.private, 32), "private");
  return {
    protected: protectedHeader, payloadBytes, kid: header.get(KID), iss: claims.get(ISS), sub: claims.get(SUB), aud: claims.get(AUD),
    exp, iat, cti, seen, onBehalf, type: payload.type, payload,
  };
}

/** A signed message that is not a statement. @param {Uint8Array} data @param {string} contentType */
export function parseMessage(data, contentType) {
  const [protectedHeader, payload, signature] = split(data);
  const header = decodeHeader(protectedHeader);
  const content = decode(payload);
  need(header.size === 3 && header.get(ALG) === ED25519 && header.get(CONTENT_TYPE) === contentType, "protected");
  need(isBytes(header.get(KID), 32) && isMap(content), "message");
  return { kid: header.get(KID), content, signature, signed: sigStructure(protectedHeader, payload) };
}

const isBytes = (value, length) => value instanceof Uint8Array && value.length === length;
const isCount = (value) => Number.isSafeInteger(value) && value >= 0;
const isMap = (value) => typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);

function need(condition, field) {
  if (!condition) throw new StatementError(`malformed: ${field}`);
}
