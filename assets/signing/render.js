// The document for people, decoded from the bytes to be signed. Names and formats come from the registry; a field it does not know is shown
// all the same, under its raw name: nothing that is signed is ever hidden.

import { fingerprint, hex, isIdentifier } from "./bytes.js";
import { h } from "./dom.js";
import { dateTime, day, dayOf, hasWords, money, number, said, t } from "./i18n.js";

const TIMES = new Set(["time", "seconds", "timestamp", "datetime"]);
/** Characters that change how their neighbours look and show nothing themselves. */
const INVISIBLE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;

/** Text as it is, with the invisible made visible. @param {string} text */
export function visible(text) {
  return text.replace(INVISIBLE, (letter) => `⟨U+${letter.codePointAt(0)?.toString(16).toUpperCase().padStart(4, "0")}⟩`);
}

/** @param {string} type @param {any} registry */
export function typeTitle(type, registry) {
  return said(registry.types[type]?.title) || type;
}

/**
 * The article: public fields, then private ones, then everything of the envelope.
 * @param {import("./prepare.js").Draft} draft @param {any} registry @param {{cooperative: string | null}} names
 */
export function renderDocument(draft, registry, names) {
  const kind = registry.types[draft.shown.type];
  const known = kind?.fields ?? [];
  const { type, private: root, ...fields } = draft.shown.payload;
  const open = known.filter((field) => !field.private);
  return h("article.doc", { "aria-labelledby": "doc-title" },
    h("header.doc-head", null,
      h("h2", { id: "doc-title" }, typeTitle(type, registry)),
      names.cooperative && h("p.muted", null, visible(names.cooperative)),
      h("p.muted", null, dateTime(draft.shown.iat)),
    ),
    !kind && h("p.law.warn", null, t("doc.unknown_type", { type })),
    list(fields, open),
    root && h("section.sealed", null,
      h("h3", null, t("doc.private")),
      h("p.muted", null, t("doc.private_help")),
      Object.keys(draft.opened).length ? list(draft.opened, known.filter((field) => field.private)) : h("p", null, t("doc.private_none")),
    ),
  );
}

/** Every claim of the envelope, for whoever wants to compare. @param {import("./prepare.js").Draft} draft */
export function renderEnvelope(draft) {
  const { iss, sub, aud, iat, exp, cti, kid, seen, onBehalf, type } = draft.shown;
  const rows = [
    ["type", type], ["iss", iss], ["sub", sub], ["aud", aud], ["iat", dateTime(iat)], ["exp", dateTime(exp)], ["cti", hex(cti)], ["kid", fingerprint(kid)],
    seen && ["seen", t("env.seen_value", { generation: seen[0], size: number(seen[1]), root: fingerprint(seen[2]) })],
    onBehalf && ["for", `${onBehalf[0]} · ${fingerprint(onBehalf[1])}`],
    draft.shown.payload.private && ["private", fingerprint(draft.shown.payload.private)],
  ];
  return h("dl.facts.stacked", null, rows.filter(Boolean).map(([name, value]) => [h("dt", null, t(`env.${name}`)), h("dd.code", null, value)]));
}

/** @param {{[name: string]: any}} fields @param {any[]} known in the registry's order */
function list(fields, known) {
  const names = [...known.map((field) => field.name).filter((name) => name in fields), ...Object.keys(fields).filter((name) => !known.some((field) => field.name === name))];
  if (!names.length) return null;
  return h("dl.facts", null, names.map((name) => {
    const field = known.find((each) => each.name === name);
    return [h("dt", null, label(name, field)), h("dd", null, show(fields[name], field))];
  }));
}

/** @param {string} name @param {any} field of the registry, or undefined */
export function label(name, field) {
  if (field && said(field.title)) return said(field.title);
  return hasWords(`name.${name}`) ? t(`name.${name}`) : h("code", null, visible(name));
}

/** @param {any} value @param {any} field of the registry, or undefined @returns {Node | string} */
export function show(value, field) {
  if (typeof value === "boolean") return t(value ? "value.yes" : "value.no");
  if (typeof value === "number") return TIMES.has(field?.format) ? dateTime(value) : field?.format === "date" ? dayOf(value) : number(value);
  if (typeof value === "string") return words(value, field);
  if (value instanceof Uint8Array) return h("span.code", null, value.length ? fingerprint(value) : t("value.empty"));
  if (Array.isArray(value)) {
    if (!value.length) return t("value.none");
    return value.length === 1 ? show(value[0], field) : h("ol.values", null, value.map((item) => h("li", null, show(item, field))));
  }
  const names = Object.keys(value);
  if (names.length === 2 && Number.isSafeInteger(value.amount) && typeof value.currency === "string") {
    return money(value.amount, value.currency) ?? `${number(value.amount)} ${visible(value.currency)}`;
  }
  if (names.length === 3 && value.alg === -19 && value.pub instanceof Uint8Array && typeof value.scope === "string") {
    const scope = hasWords(`scope.${value.scope}`) ? t(`scope.${value.scope}`) : visible(value.scope);
    return h("span", null, h("span.code", null, fingerprint(value.pub)), h("br", null), h("span.muted", null, t("value.key", { scope })));
  }
  return list(value, field?.fields ?? []) ?? t("value.empty");
}

function words(value, field) {
  const named = field?.values && Object.hasOwn(field.values, value) ? said(field.values[value]) : "";
  if (named) return named;
  if (hasWords(`scope.${value}`) && !field) return t(`scope.${value}`);
  if (field?.format === "date" && /^\d{4}-\d\d-\d\d$/.test(value) && !Number.isNaN(Date.parse(value))) return day(new Date(value));
  if (isIdentifier(value)) return h("span.code", null, value.replace(/.{4}(?=.)/g, "$& "));
  return value ? h("bdi.said", null, visible(value)) : t("value.empty");
}
