// Byte strings and their spellings. Decoders accept one spelling of each value and throw on every other.

import { sha256 as digest } from "@noble/hashes/sha2.js";

const BASE32 = "abcdefghijklmnopqrstuvwxyz234567";
const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const BASE64URL = BASE64.slice(0, 62) + "-_";

/** @param {Uint8Array} data */
export const sha256 = (data) => digest(data);

/** @param {string} text */
export const utf8 = (text) => new TextEncoder().encode(text);

/** Throws on bytes that are not UTF-8; a byte order mark is kept, so that nothing signed is hidden. @param {Uint8Array} data */
export const fromUtf8 = (data) => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data);

/** @param {number} length */
export const random = (length) => crypto.getRandomValues(new Uint8Array(length));

/** @param {...(Uint8Array | number[])} parts */
export function concat(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** @param {Uint8Array} a @param {Uint8Array} b */
export function equal(a, b) {
  return a.length === b.length && a.every((byte, place) => byte === b[place]);
}

/** @param {Uint8Array} data */
export const hex = (data) => Array.from(data, (byte) => byte.toString(16).padStart(2, "0")).join("");

/** @param {string} text */
export function fromHex(text) {
  if (!/^(?:[0-9a-f]{2})*$/.test(text)) throw new Error("not hexadecimal");
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

/** What people see of a digest: groups of four hexadecimal digits. @param {Uint8Array} data */
export const fingerprint = (data) => hex(data).replace(/....(?=.)/g, "$& ");

/** @param {Uint8Array} data @param {string} alphabet @param {number} width */
function spell(data, alphabet, width) {
  let text = "";
  let bits = 0;
  let held = 0;
  for (const byte of data) {
    held = ((held << 8) | byte) & 0xffff;
    bits += 8;
    while (bits >= width) {
      bits -= width;
      text += alphabet[(held >> bits) & ((1 << width) - 1)];
    }
  }
  if (bits) text += alphabet[(held << (width - bits)) & ((1 << width) - 1)];
  return text;
}

/** @param {string} text @param {string} alphabet @param {number} width */
function unspell(text, alphabet, width) {
  const data = new Uint8Array(Math.floor((text.length * width) / 8));
  let bits = 0;
  let held = 0;
  let at = 0;
  for (const letter of text) {
    const value = alphabet.indexOf(letter);
    if (value < 0) throw new Error("a letter outside the alphabet");
    held = ((held << width) | value) & 0xffff;
    bits += width;
    if (bits >= 8) {
      bits -= 8;
      data[at++] = (held >> bits) & 255;
    }
  }
  // Unused bits or letters at the end would give one value two spellings.
  if (spell(data, alphabet, width) !== text) throw new Error("not the one spelling of these bytes");
  return data;
}

/** @param {Uint8Array} data */
export const base32 = (data) => spell(data, BASE32, 5);
/** @param {string} text */
export const fromBase32 = (text) => unspell(text, BASE32, 5);
/** @param {Uint8Array} data */
export const base64url = (data) => spell(data, BASE64URL, 6);
/** @param {string} text */
export const fromBase64url = (text) => unspell(text, BASE64URL, 6);
/** Standard base64 with padding, as signed notes use it. @param {Uint8Array} data */
export const base64 = (data) => spell(data, BASE64, 6).padEnd(Math.ceil(data.length / 3) * 4, "=");
/** @param {string} text */
export function fromBase64(text) {
  const data = unspell(text.replace(/={1,2}$/, ""), BASE64, 6);
  if (base64(data) !== text) throw new Error("not base64");
  return data;
}

/** SPEC §2: the name made of a digest. @param {Uint8Array} digest32 */
export const identifier = (digest32) => base32(digest32);

/** @param {unknown} text */
export function isIdentifier(text) {
  if (typeof text !== "string" || !/^[a-z2-7]{52}$/.test(text)) return false;
  try {
    return fromBase32(text).length === 32;
  } catch {
    return false;
  }
}
