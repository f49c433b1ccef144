// What is handed to the people invited: cards, letters for the post, a table for one's own mail program. All of it is made here, because only
// this browser knows the codes (ADR 2, ADR 13); nothing of it goes to the node.

import { button, ghost, notice } from "./app.js";
import { download, h } from "./dom.js";
import { currentLanguage, day, t } from "./i18n.js";
import { allKept } from "./invitations.js";
import { parcels } from "./outbox.js";
import { visible } from "./render.js";
import { code } from "./sheetpaper.js";
import { invitationTable } from "./store.js";

/** @typedef {import("./invitations.js").Kept} Kept */

/** More invitations than this are a list, not cards. */
const CARDS = 20;
/** Lines of the list before "all". */
const SHOWN = 50;
/** Letters made before the browser may paint. */
const STEP = 20;

/** @param {Kept} kept */
const linkOf = (kept) => `${location.origin}/#i=${kept.digest}.${kept.index}.${kept.code}`;
const groupsOf = (text) => text.toUpperCase().replace(/.{4}(?=.)/g, "$& ");
const byHand = () => `${location.origin}/#i`;

// --- cards -------------------------------------------------------------------------------------------------------------------------------

/** Cards to print, copy or photograph. @param {Kept[]} all */
export function cards(all) {
  return h("section.invitations", null,
    h("h2", null, t("invite.cards", { count: all.length })),
    h("p", null, t("invite.cards_help")),
    notice("warn", t("invite.cards_secret")),
    h("div.row.noprint", null, button(t("invite.print"), () => window.print())),
    all.map(card));
}

/** @param {Kept} kept */
function card(kept) {
  return h("article.paper.invitation", { "data-link": linkOf(kept) },
    h("header", null, h("h3", null, visible(kept.label)), h("p", null, [visible(kept.owner), day(new Date(kept.at * 1000))].filter(Boolean).join(" · "))),
    h("div.split", null,
      h("div", null, h("p", null, t("invite.how")), h("p", null, t("invite.by_hand", { address: byHand() })), h("p.code", null, groupsOf(kept.code))),
      code(linkOf(kept), t("invite.qr", { label: kept.label }))),
    h("p.noprint", null, copier(kept)));
}

/** @param {Kept} kept */
function copier(kept) {
  const status = h("span", { role: "status" });
  const field = h("input", { type: "text", readonly: true, hidden: true, value: linkOf(kept), "aria-label": t("invite.link") });
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(linkOf(kept));
      status.textContent = t("invite.copied");
    } catch {
      field.hidden = false;
      field.select();
    }
  };
  return [h("button.link", { type: "button", onclick: copy }, t("invite.copy")), " ", status, field];
}

// --- letters -----------------------------------------------------------------------------------------------------------------------------

/**
 * One person a sheet of A4. The address stands where a window envelope shows it when the sheet is folded in three (DIN 5008, form B); the code
 * stands below the first fold, so that no window shows it.
 * @param {Kept} kept
 */
function letter(kept) {
  const { name = "", address = "", number = "" } = kept.to ?? {};
  return h("article.paper.letter", { "data-link": linkOf(kept) },
    h("p.sender", null, visible(kept.owner)),
    h("address.window", null, h("span", null, visible(name || kept.label)), visible(address).split(/,\s*(?=\d{5,6}\b)|\n/).map((line) => h("span", null, line))),
    h("p.date", null, day(new Date(kept.at * 1000))),
    h("h2", null, t("letter.title")),
    h("p", null, t("letter.dear", { name: visible(name || kept.label) })),
    h("p", null, number ? t("letter.what_number", { owner: visible(kept.owner), number: visible(number) }) : t("letter.what", { owner: visible(kept.owner) })),
    h("div.split", null,
      h("div", null,
        h("ol", null, h("li", null, t("letter.step1")), h("li", null, t("letter.step2")), h("li", null, t("letter.step3"))),
        h("p", null, t("letter.by_hand", { address: byHand() })),
        h("p.code", null, groupsOf(kept.code))),
      code(linkOf(kept), t("invite.qr", { label: kept.label }))),
    h("ul.small", null, h("li", null, t("letter.once")), h("li", null, t("letter.nobody")), h("li", null, t("letter.lost"))));
}

/** Makes all letters, then opens the print dialogue; a bar while they are made. @param {HTMLElement} into @param {HTMLElement} status @param {Kept[]} all */
async function printLetters(into, status, all) {
  into.replaceChildren();
  for (const [at, kept] of all.entries()) {
    into.append(letter(kept));
    if (at % STEP === STEP - 1) {
      status.textContent = t("work.count", { done: at + 1, of: all.length });
      await new Promise((painted) => setTimeout(painted));
    }
  }
  status.textContent = t("letter.made", { count: all.length });
  window.print();
}

// --- one's own mail program --------------------------------------------------------------------------------------------------------------

/** A table with a line for each, as mail programs and word processors merge it. @param {Kept[]} all */
function mailTable(all) {
  // A cell that begins like a formula would be run by a spreadsheet: names are people's own words.
  const cell = (text) => `"${(/^\s*[=+\-@\uff1d\uff0b\uff0d\uff20]/.test(text) ? `'${text}` : text).replace(/"/g, '""')}"`;
  const rows = [
    ["number", "name", "email", "address", "link", "code"].map((name) => t(`letter.column_${name}`)),
    ...all.map((kept) => [kept.to?.number ?? "", kept.to?.name ?? kept.label, kept.to?.email ?? "", kept.to?.address ?? "", linkOf(kept), groupsOf(kept.code)]),
  ];
  return "\ufeff" + rows.map((row) => row.map(cell).join(";")).join("\r\n") + "\r\n";
}

/** @param {Kept} kept */
const mailto = (kept) =>
  `mailto:${encodeURIComponent(kept.to?.email ?? "")}?subject=${encodeURIComponent(t("letter.subject"))}&body=${encodeURIComponent(t("letter.body", { owner: kept.owner, link: linkOf(kept) }))}`;

// --- the page ----------------------------------------------------------------------------------------------------------------------------

/** All invitations made on this device. @param {import("./app.js").App} app @param {string} main */
export async function list(app, main) {
  app.cancel = main;
  const all = (await allKept()).filter((kept) => kept.label);
  const waiting = (await parcels.all()).filter((parcel) => parcel.state === "sending");
  const forget = async () => {
    for (const kept of all) await invitationTable.remove(kept.kid);
    await list(app, main);
  };
  app.show(() => ({
    title: t("invite.list"),
    wide: true,
    body: [
      waiting.map((parcel) => notice("warn", h("p", null, t("letter.unsent", { count: parcel.items.filter((item) => !item.answer).length })), h("a", { href: `#r=${encodeURIComponent(parcel.id)}&m=${encodeURIComponent(parcel.main)}&l=${currentLanguage()}` }, t("letter.go_on")))),
      !all.length && h("p.empty", null, t("invite.none")),
      all.length > 0 && (all.some((kept) => kept.to) || all.length > CARDS ? many(all) : cards(all)),
      all.length > 0 && forgetting(forget),
    ],
  }));
}

/** Removing what is nowhere else asks once. @param {() => void} forget */
function forgetting(forget) {
  const area = h("div.noprint");
  const ask = () => area.replaceChildren(
    notice("bad", h("p", null, t("letter.forget_lead"))),
    h("div.row", null, h("button.btn.ghost.danger", { type: "button", onclick: forget }, t("letter.forget_yes")), button(t("letter.forget_no"), () => area.replaceChildren(first))));
  const first = ghost(t("invite.forget"), ask);
  area.append(first);
  return area;
}

/** @param {Kept[]} all */
function many(all) {
  const letters = h("section.letters", { "aria-label": t("letter.preview") });
  const status = h("p.muted", { role: "status" });
  const mailed = all.filter((kept) => kept.to?.email).length;
  const saving = h("div.row.noprint");
  const save = () => download(saving, "invitations.csv", mailTable(all));
  saving.append(
    button(t("letter.print", { count: all.length }), () => printLetters(letters, status, all)),
    h("button.btn.ghost.wide", { type: "button", onclick: save }, t("letter.table")));
  letters.append(letter(all[0]));
  const lines = h("ul.plain.people");
  const fill = (count) => lines.replaceChildren(...all.slice(0, count).map(line));
  fill(SHOWN);
  const more = all.length > SHOWN && ghost(t("letter.all", { count: all.length }), () => { fill(all.length); more.remove(); });
  return h("section.invitations", null,
    h("div.noprint", null,
      h("h2", null, t("invite.cards", { count: all.length })),
      h("p", null, t("letter.lead", { mailed })),
      notice("warn", t("invite.cards_secret")),
      saving, status,
      h("p.muted", null, t("letter.table_help")),
      h("details", null, h("summary", null, t("letter.one_by_one")), lines, more),
      h("h2", null, t("letter.preview"))),
    letters);
}

/** @param {Kept} kept */
const line = (kept) => h("li", { "data-link": linkOf(kept) }, h("span", null, h("b", null, visible(kept.label)), h("span", null, copier(kept), kept.to?.email && [" · ", h("a", { href: mailto(kept) }, t("letter.mail", { address: visible(kept.to.email) }))])));
