// Words of the pages in the reader's language. Russian is first; a key that one language lacks is an error of the build (tests compare them).

import en from "./i18n/en.js";
import ru from "./i18n/ru.js";

/** @typedef {"ru" | "en"} Language */
export const LANGUAGES = { ru, en };

let language = /** @type {Language} */ ("ru");

/** @param {unknown} wanted */
export function setLanguage(wanted) {
  language = wanted === "en" ? "en" : "ru";
  document.documentElement.lang = language;
}

export const currentLanguage = () => language;

/** @param {string} key @param {{[name: string]: string | number}} [facts] */
export function t(key, facts = {}) {
  const text = LANGUAGES[language][key] ?? LANGUAGES.ru[key];
  if (text === undefined) throw new Error(`no words for ${key}`);
  return text.replace(/\{(\w+)\}/g, (_, name) => String(facts[name] ?? ""));
}

/** @param {string} key */
export const hasWords = (key) => key in LANGUAGES[language];

/** A `{ru, en}` of the registry. @param {{[language: string]: string} | undefined} words */
export const said = (words) => words?.[language] ?? words?.ru ?? words?.en ?? "";

const locale = () => (language === "ru" ? "ru-RU" : "en-GB");

/** @param {number} seconds */
export function dateTime(seconds) {
  if (seconds > 8e12) return String(seconds);
  const date = new Date(seconds * 1000);
  const shown = { day: "numeric", month: "long", year: "numeric", hour: "2-digit", minute: "2-digit", timeZoneName: "short" };
  return new Intl.DateTimeFormat(locale(), /** @type {any} */ (shown)).format(date);
}

/** @param {Date} date */
export const day = (date) => new Intl.DateTimeFormat(locale(), { day: "numeric", month: "long", year: "numeric", timeZone: "UTC" }).format(date);

/** @param {number} value */
export const number = (value) => new Intl.NumberFormat(locale(), /** @type {any} */ ({ useGrouping: "min2" })).format(value);

/** Integer minor units as money; null when the currency is unknown. @param {number} amount @param {string} currency */
export function money(amount, currency) {
  try {
    const digits = new Intl.NumberFormat(locale(), { style: "currency", currency }).resolvedOptions().maximumFractionDigits ?? 2;
    const whole = String(Math.abs(amount)).padStart(digits + 1, "0");
    const cut = whole.length - digits;
    const fraction = digits && Number(whole.slice(cut)) ? `.${whole.slice(cut)}` : "";
    const shape = { style: "currency", currency, minimumFractionDigits: fraction ? digits : 0 };
    return new Intl.NumberFormat(locale(), shape).format(/** @type {any} */ (`${amount < 0 ? "-" : ""}${whole.slice(0, cut)}${fraction}`));
  } catch {
    return null;
  }
}
