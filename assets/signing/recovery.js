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

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/**
 * Where typed groups are wrong. The checksum covers the whole key, so a single wrong letter, or two neighbours that changed places, is found
 * by trying: 24 bits of check leave one wrong guess in ten thousand. What would be right is never shown: the sheet says it.
 * @param {string[]} typed fourteen groups, upper case
 * @returns {{kind: "short" | "letters" | "suspect" | "swapped" | "check", place: number, other?: number, letter?: string} | null}
 */
export function mistake(typed) {
  for (const [place, group] of typed.entries()) {
    const letter = [...group].find((each) => !ALPHABET.includes(each));
    if (letter) return { kind: "letters", place, letter };
    if (group.length !== 4) return { kind: "short", place };
  }
  const fits = (all) => {
    try {
      return parse(all.join("")).fill(0) !== null;
    } catch {
      return false;
    }
  };
  if (fits(typed)) return null;
  for (let place = 0; place + 1 < typed.length; place++) {
    const swapped = [...typed];
    [swapped[place], swapped[place + 1]] = [typed[place + 1], typed[place]];
    if (fits(swapped)) return { kind: "swapped", place, other: place + 1 };
  }
  for (const [place, group] of typed.entries()) {
    for (const other of neighbours(group)) if (fits([...typed.slice(0, place), other, ...typed.slice(place + 1)])) return { kind: "suspect", place };
  }
  return { kind: "check", place: 0 };
}

/** One letter otherwise, or two letters side by side exchanged. */
function* neighbours(group) {
  for (let at = 0; at < 4; at++) {
    for (const letter of ALPHABET) if (letter !== group[at]) yield group.slice(0, at) + letter + group.slice(at + 1);
    if (at < 3) yield group.slice(0, at) + group[at + 1] + group[at] + group.slice(at + 2);
  }
}
