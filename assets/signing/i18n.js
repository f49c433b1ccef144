// Words of the pages in the reader's language: Russian, or English for everybody else. A key that one language lacks is an error of the build (tests compare them).

import en from "./i18n/en.js";
import ru from "./i18n/ru.js";

/** @typedef {"ru" | "en"} Language */
export const LANGUAGES = { ru, en };

let language = /** @type {Language} */ ("en");
/** Where no request says it: documents that were kept, pages one opens by oneself. */
let zone = "Europe/Moscow";

/** @param {unknown} wanted */
export function setLanguage(wanted) {
  language = wanted === "ru" ? "ru" : "en";
  document.documentElement.lang = language;
}

export const currentLanguage = () => language;

/** The cooperative's clock, by its name in the time zone database. UTC where this browser does not know it, as on the node. @param {string | null} wanted */
export function setZone(wanted) {
  if (!wanted) return;
  try {
    zone = new Intl.DateTimeFormat("en", { timeZone: wanted }).resolvedOptions().timeZone;
  } catch {
    zone = "UTC";
  }
}

/** @param {string} key @param {{[name: string]: string | number}} [facts] */
export function t(key, facts = {}) {
  const text = LANGUAGES[language][key] ?? LANGUAGES.en[key];
  if (text === undefined) throw new Error(`no words for ${key}`);
  return text.replace(/\{(\w+)(?::([^}]*))?\}/g, (_, name, forms) => (forms ? plural(Number(facts[name]), forms.split("|")) : String(facts[name] ?? "")));
}

/** `{count:документ|документа|документов}`; languages with two forms give two. @param {number} count @param {string[]} forms */
function plural(count, forms) {
  const place = { one: 0, few: 1, many: 2, other: forms.length === 2 ? 1 : 2 }[new Intl.PluralRules(language).select(count)];
  return forms[place ?? 1] ?? forms[forms.length - 1];
}

/** @param {string} key */
export const hasWords = (key) => key in LANGUAGES[language];

/** A `{ru, en}` of the registry. @param {{[language: string]: string} | undefined} words */
export const said = (words) => words?.[language] ?? words?.en ?? words?.ru ?? "";

const locale = () => (language === "ru" ? "ru-RU" : "en-GB");

/** @param {number} seconds */
export function dateTime(seconds) {
  if (seconds > 8e12) return String(seconds);
  const date = new Date(seconds * 1000);
  const shown = { day: "numeric", month: "long", year: "numeric", hour: "2-digit", minute: "2-digit" };
  const moscow = Intl.DateTimeFormat().resolvedOptions().timeZone === "Europe/Moscow";
  const format = new Intl.DateTimeFormat(locale(), /** @type {any} */ (moscow ? shown : { ...shown, timeZoneName: "short" }));
  return format.format(date) + (moscow ? ` (${t("moscow")})` : "");
}

/** @param {Date} date */
export const day = (date) => new Intl.DateTimeFormat(locale(), { day: "numeric", month: "long", year: "numeric", timeZone: "UTC" }).format(date);

/** Of a moment that stands for a whole day: the day it is where the cooperative reads its clock, not in UTC. @param {number} seconds */
export const dayOf = (seconds) => new Intl.DateTimeFormat(locale(), { day: "numeric", month: "long", year: "numeric", timeZone: zone }).format(new Date(seconds * 1000));

/** @param {number} value */
export const number = (value) => new Intl.NumberFormat(locale(), /** @type {any} */ ({ useGrouping: "min2" })).format(value);

/** Integer minor units as money; null when the currency is unknown. @param {number} amount @param {string} currency */
export function money(amount, currency) {
  try {
    const digits = new Intl.NumberFormat(locale(), { style: "currency", currency }).resolvedOptions().maximumFractionDigits ?? 2;
    const whole = String(Math.abs(amount)).padStart(digits + 1, "0");
    const cut = whole.length - digits;
    const fraction = digits && Number(whole.slice(cut)) ? `.${whole.slice(cut)}` : "";
    const shape = { style: "currency", currency, currencyDisplay: "narrowSymbol", minimumFractionDigits: fraction ? digits : 0 };
    return new Intl.NumberFormat(locale(), shape).format(/** @type {any} */ (`${amount < 0 ? "-" : ""}${whole.slice(0, cut)}${fraction}`));
  } catch {
    return null;
  }
}
