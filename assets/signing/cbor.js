// Deterministic CBOR of SPEC §1 over cborg. cborg reads and writes; the profile is ours: every value is walked before it is written and
// after it is read, and what was read is written again and compared, which refuses long forms, disorder and trailing bytes.
//
// Maps with text keys become objects without a prototype (a key "__proto__" is then a key like any other); headers become Maps.

import { decode as read, encode as write, rfc8949EncodeOptions } from "cborg";
import { equal } from "./bytes.js";

export const MAX_BYTES = 65535;
export const MAX_DEPTH = 32;

/** @typedef {boolean | number | string | Uint8Array | Value[] | {[key: string]: Value} | Map<string | number, Value>} Value */

export class EncodingError extends Error {}

const READING = {
  allowIndefinite: false,
  allowUndefined: false,
  allowInfinity: false,
  allowNaN: false,
  allowBigInt: false,
  strict: true,
  useMaps: true,
  rejectDuplicateMapKeys: true,
};

/** @param {Value} value @param {number} [limit] */
export const encode = (value, limit = MAX_BYTES) => writeOut(value, false, limit);

/** As encode, with integer keys allowed in every map (COSE headers). @param {Value} value */
export const encodeHeader = (value) => writeOut(value, true, MAX_BYTES);

/** @param {Uint8Array} data @param {number} [limit] @returns {any} */
export const decode = (data, limit = MAX_BYTES) => plain(readIn(data, false, limit));

/** @param {Uint8Array} data @returns {Map<string | number, any>} */
export function decodeHeader(data) {
  const header = readIn(data, true, MAX_BYTES);
  if (!(header instanceof Map)) throw new EncodingError("a header must be a map");
  return header;
}

function writeOut(value, header, limit) {
  const data = Uint8Array.from(write(walk(value, header, 0), rfc8949EncodeOptions));
  if (data.length > limit) throw new EncodingError(`${data.length} bytes are more than the ${limit} allowed`);
  return data;
}

function readIn(data, header, limit) {
  if (data.length > limit) throw new EncodingError(`${data.length} bytes are more than the ${limit} allowed`);
  try {
    const value = walk(read(data, READING), header, 0);
    if (!equal(write(value, rfc8949EncodeOptions), data)) throw new EncodingError("not the shortest form, or disorder, or bytes follow");
    return value;
  } catch (error) {
    if (error instanceof EncodingError) throw error;
    throw new EncodingError(`not in the CBOR profile: ${error instanceof Error ? error.message : error}`);
  }
}

/** A copy in which every map is a Map; throws on what the profile does not know. */
function walk(value, header, depth) {
  if (typeof value === "boolean") return value;
  if (typeof value === "number") return integer(value);
  if (typeof value === "string") return text(value);
  if (value instanceof Uint8Array) return Uint8Array.from(value);
  if (typeof value !== "object" || value === null) throw new EncodingError(`${value === null ? "null" : typeof value} is outside the profile`);
  if (depth === MAX_DEPTH) throw new EncodingError("nested too deep");
  if (Array.isArray(value)) return Array.from(value, (item) => walk(item, header, depth + 1));
  const prototype = Object.getPrototypeOf(value);
  if (!(value instanceof Map) && prototype !== null && prototype !== Object.prototype) throw new EncodingError("an object of an unknown kind");
  const map = new Map();
  for (const [key, item] of value instanceof Map ? value : Object.entries(value)) map.set(keyOf(key, header), walk(item, header, depth + 1));
  return map;
}

function keyOf(key, header) {
  if (typeof key === "string") return text(key);
  if (header && typeof key === "number") return integer(key);
  throw new EncodingError("a map key must be text");
}

function integer(value) {
  // A float such as 1.0 reads as the integer 1 and is caught by the comparison of bytes.
  if (!Number.isSafeInteger(value)) throw new EncodingError("not an integer within ±(2^53 − 1)");
  return value + 0; // −0 becomes 0
}

function text(value) {
  if (/\p{Surrogate}/u.test(value)) throw new EncodingError("text with half a character");
  return value;
}

function plain(value) {
  if (Array.isArray(value)) return value.map(plain);
  if (!(value instanceof Map)) return value;
  const object = Object.create(null);
  for (const [key, item] of value) object[key] = plain(item);
  return object;
}
