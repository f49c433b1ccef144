// Passphrases: six words of two syllables that can be read aloud and typed on any phone (80² words each, about 76 bits), and a plain
// judgement of one's own.

const SOUNDS = {
  ru: ["бвгджзклмнпрстфх", "аеиоу"],
  en: ["bdfghjklmnprstvz", "aeiou"],
};
const WORDS = 6;

/** @param {number} below at most 256 */
function draw(below) {
  const limit = 256 - (256 % below); // drop the rest, or early letters would come more often
  for (;;) {
    const [byte] = crypto.getRandomValues(new Uint8Array(1));
    if (byte < limit) return byte % below;
  }
}

/** @param {"ru" | "en"} language */
export function generate(language) {
  const [consonants, vowels] = SOUNDS[language] ?? SOUNDS.en;
  const syllable = () => consonants[draw(consonants.length)] + vowels[draw(vowels.length)];
  return Array.from({ length: WORDS }, () => syllable() + syllable()).join(" ");
}

/** Rough: length times kinds of characters, repetition does not count. @param {string} text @returns {"weak" | "fair" | "good"} */
export function strength(text) {
  const kinds = [[/\p{Ll}/u, 26], [/\p{Lu}/u, 26], [/\d/, 10], [/[^\p{L}\d]/u, 12]];
  const pool = kinds.reduce((sum, [kind, size]) => sum + (kind.test(text) ? size : 0), 0);
  const letters = [...text].filter((letter, place, all) => letter !== all[place - 1] && letter !== all[place - 2]).length;
  // Words are guessed as words: beyond the first ten, a letter of running text is worth about two bits.
  const bits = Math.min(letters, 10) * Math.log2(pool || 1) * 0.75 + Math.max(letters - 10, 0) * 2;
  return text.length < 12 || bits < 45 ? "weak" : bits < 65 ? "fair" : "good";
}
