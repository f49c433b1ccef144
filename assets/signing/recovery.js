// The recovery key as people keep it: 14 groups of four letters and digits (base32 has no 0, 1, 8, 9 to confuse), the last ones a checksum.
// It exists on paper only; the account holds its commitment (P7).

import { base32, concat, equal, fromBase32, sha256, utf8 } from "./bytes.js";

const CHECK_BYTES = 3;

const check = (seed) => sha256(concat(utf8("coopnode/recovery/0"), seed)).slice(0, CHECK_BYTES);

/** @param {Uint8Array} seed @returns {string[]} */
export function groups(seed) {
  return base32(concat(seed, check(seed))).toUpperCase().match(/.{4}/g) ?? [];
}

/** The seed behind typed groups; throws when the checksum does not fit. @param {string} text */
export function parse(text) {
  const data = fromBase32(text.replace(/[\s-]/g, "").toLowerCase());
  const seed = data.slice(0, 32);
  if (data.length !== 32 + CHECK_BYTES || !equal(data.slice(32), check(seed))) throw new Error("the recovery key is mistyped");
  return seed;
}
