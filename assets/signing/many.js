// Many documents of one kind in one sitting, a paper register for instance: what all of them say stands once, what differs is a table decoded
// from the bytes to be signed. Nothing is left out of it; every document can be opened whole before anything is signed.

import { ghost, notice } from "./app.js";
import { fingerprint, hex } from "./bytes.js";
import { encode } from "./cbor.js";
import { h } from "./dom.js";
import { holdToSign } from "./hold.js";
import { money, number, said, t } from "./i18n.js";
import { label, renderDocument, renderEnvelope, show, typeTitle, visible } from "./render.js";

/** More documents of one kind than this are read as a table, and made and sent with a bar. */
export const LONG = 5;

/** @param {import("./prepare.js").Draft[]} drafts */
export const alike = (drafts) =>
  drafts.length > LONG && drafts.every((draft) => draft.shown.type === drafts[0].shown.type && !draft.item.texts?.length);

/** Fields as they are read: the public ones in the registry's order, then the private ones. @param {import("./prepare.js").Draft} draft */
const valuesOf = (draft) => {
  const { type, private: root, ...open } = draft.shown.payload;
  return { ...open, ...draft.opened };
};

/**
 * Which fields all documents share, and which stand in columns.
 * @param {import("./prepare.js").Draft[]} drafts @param {any} registry
 */
export function table(drafts, registry) {
  const known = registry.types[drafts[0].shown.type]?.fields ?? [];
  const rows = drafts.map(valuesOf);
  const names = [...new Set([...known.map((field) => field.name), ...rows.flatMap((row) => Object.keys(row))])].filter((name) => rows.some((row) => name in row));
  const same = (name) => new Set(rows.map((row) => (name in row ? hex(encode(row[name])) : ""))).size === 1;
  const keys = (name) => rows.every((row) => row[name] instanceof Uint8Array);
  const shared = names.filter(same);
  const rest = names.filter((name) => !same(name));
  return {
    rows,
    shared,
    own: rest.filter(keys), // a key or a digest of its own for each: nobody reads a column of them
    columns: inOrder(rest.filter((name) => !keys(name)), known),
    field: (name) => known.find((field) => field.name === name),
  };
}

/** A number, whose it is, and then the rest: what people look for stands at the left of a narrow screen. */
function inOrder(names, known) {
  const personal = (name) => known.some((field) => field.name === name && field.private);
  const [first, ...others] = names.filter((name) => !personal(name));
  return [first, ...names.filter(personal), ...others].filter(Boolean);
}

const isMoney = (value) => typeof value === "object" && value !== null && Number.isSafeInteger(value.amount) && typeof value.currency === "string";

/** Sums of a column of money by currency; null for others. */
function sumOf(rows, name) {
  const sums = new Map();
  for (const row of rows) {
    if (!(name in row)) continue;
    if (!isMoney(row[name])) return null;
    sums.set(row[name].currency, (sums.get(row[name].currency) ?? 0) + row[name].amount);
  }
  return [...sums].map(([currency, amount]) => money(amount, currency) ?? `${number(amount)} ${visible(currency)}`).join(", ");
}

/** @param {{drafts: any[], registry: any, names: any, again: boolean, answer: (what: any) => void}} of answers "sign" or a draft to open */
export function manyScreen({ drafts, registry, names, again, answer }) {
  const { rows, shared, own, columns, field } = table(drafts, registry);
  const type = drafts[0].shown.type;
  const effect = said(registry.types[type]?.effect);
  const body = h("tbody", null, drafts.map((draft, at) => h("tr", null,
    columns.map((name) => h("td", null, name in rows[at] ? show(rows[at][name], field(name)) : "—")),
    h("td", null, h("button.link", { type: "button", onclick: () => answer(draft), "aria-label": t("many.open_one", { place: at + 1 }) }, t("many.open"))))));
  const find = (event) => {
    const wanted = event.target.value.trim().toLowerCase();
    for (const row of body.children) row.hidden = wanted !== "" && !row.textContent.toLowerCase().includes(wanted);
  };
  const sums = columns.map((name) => [name, sumOf(rows, name)]).filter(([, sum]) => sum);
  return {
    title: t("many.title", { count: drafts.length }),
    wide: true,
    body: [
      again && notice("warn", t("sheet.again")),
      h("p.lead", null, typeTitle(type, registry)),
      h("p.muted", null, t("many.lead")),
      h("dl.facts", null,
        names.cooperative && [h("dt", null, t("sheet.for")), h("dd", null, visible(names.cooperative))],
        shared.map((name) => [h("dt", null, label(name, field(name))), h("dd", null, show(rows[0][name], field(name)))]),
        own.map((name) => [h("dt", null, label(name, field(name))), h("dd.muted", null, t("many.own"))]),
        sums.map(([name, sum]) => [h("dt", null, t("many.sum", { name: said(field(name)?.title) || name })), h("dd", null, h("b", null, sum))])),
      h("label.find", null, t("many.find"), " ", h("input", { type: "search", oninput: find, autocomplete: "off" })),
      h("div.many", { tabindex: 0, role: "region", "aria-label": t("many.title", { count: drafts.length }) },
        h("table", null, h("thead", null, h("tr", null, columns.map((name) => h("th", { scope: "col" }, label(name, field(name)))), h("th", { scope: "col" }, h("span.sr", null, t("many.open"))))), body)),
      effect && h("p.law", null, h("b", null, t("sheet.effect")), " ", visible(effect)),
      holdToSign({ label: t("hold.label_many", { count: drafts.length }), onsign: () => answer("sign") }),
    ],
  };
}

/** @param {{draft: any, registry: any, names: any, answer: (what: any) => void}} of */
export const oneOfMany = ({ draft, registry, names, answer }) => ({
  title: t("many.one"),
  body: [
    renderDocument(draft, registry, names),
    h("section", null, h("h2", null, t("sheet.print_title")), h("p.print", null, fingerprint(draft.digest))),
    h("details.envelope", null, h("summary", null, t("sheet.envelope")), renderEnvelope(draft)),
    ghost(t("many.back"), () => answer(null)),
  ],
});
