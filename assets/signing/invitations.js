// Invitations are keys (ADR 2). Their private halves are made here, stand in the links and on the cards, and never reach the node: a browser
// sends nothing behind `#`, and the main site cannot read this origin's storage.
//
// An item that invites names places of its payload: {"invitations": [{"path": ["seats", 0, "invitation"], "label": "…"}]}.
// An item that accepts names the place it answers: {"proof": {"digest": base64url, "index": 0, "kid": base64url}}; `kid` tells which code.

import { button, ghost, notice } from "./app.js";
import { base32, equal, fromBase32, fromBase64url, hex, random } from "./bytes.js";
import { possession } from "./cose.js";
import { h, icon } from "./dom.js";
import { publicKey, sign as signOnce } from "./ed25519.js";
import { LANGUAGES, day, t } from "./i18n.js";
import words from "./i18n/invitations.js";
import { visible } from "./render.js";
import { PageError } from "./request.js";
import { code } from "./sheetpaper.js";

Object.assign(LANGUAGES.ru, words.ru);
Object.assign(LANGUAGES.en, words.en);

const PREFIX = "coopnode-invitation/";

/**
 * @typedef {object} Made
 * @property {number} item place of the inviting document in the request
 * @property {number} index place of the invitation in that document
 * @property {(string | number)[]} path
 * @property {string} label
 * @property {Uint8Array} seed
 *
 * @typedef {object} Kept
 * @property {string} digest of the inviting document, hexadecimal
 * @property {number} index
 * @property {string} code base32 of the seed
 * @property {string} label
 * @property {string} owner name of the cooperative
 * @property {number} at
 */

// --- inviting ----------------------------------------------------------------------------------------------------------------------------

/** New keys for every place of a request that invites; made once, so that a draft signed again keeps them. @returns {Made[]} */
export function makeInvitations(request) {
  return request.items.flatMap((item, place) => (item.invitations ?? []).map(({ path, label }, index) => {
    if (!Array.isArray(path) || typeof label !== "string") throw new PageError("bad_request");
    return { item: place, index, path, label, seed: random(32) };
  }));
}

/** Puts the public halves where the request says. @param {any} fields decoded payload, changed in place @param {Made[]} made of this item */
export function placeInvitations(fields, made) {
  for (const { path, seed } of made) {
    let at = fields;
    for (const name of path.slice(0, -1)) {
      at = at?.[name];
      if (typeof at !== "object" || at === null) throw new PageError("bad_request");
    }
    at[path[path.length - 1]] = publicKey(seed);
  }
}

/** After the documents are in the log: from now on the invitations can be given. @param {any} parcel @param {string} owner */
export function keepInvitations(parcel, owner) {
  for (const made of parcel.invitations ?? []) {
    const item = parcel.items.find((each) => each.place === made.item);
    if (!item?.answer) continue;
    keep({ digest: hex(item.digest), index: made.index, code: base32(made.seed), label: made.label, owner, at: parcel.at });
  }
}

/** @param {any} parcel @returns {Kept[]} */
export function invitationsOf(parcel) {
  const digests = new Set((parcel.invitations ?? []).map((made) => hex(parcel.items.find((item) => item.place === made.item).digest)));
  return allKept().filter((kept) => digests.has(kept.digest));
}

/** @param {Kept} kept */
const linkOf = (kept) => `${location.origin}/#i=${kept.digest}.${kept.index}.${kept.code}`;

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
  const status = h("span", { role: "status" });
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(linkOf(kept));
      status.textContent = t("invite.copied");
    } catch {
      field.hidden = false;
      field.select();
    }
  };
  const field = h("input", { type: "text", readonly: true, hidden: true, value: linkOf(kept), "aria-label": t("invite.link") });
  return h("article.paper.invitation", { "data-link": linkOf(kept) },
    h("header", null, h("h3", null, visible(kept.label)), h("p", null, [visible(kept.owner), day(new Date(kept.at * 1000))].filter(Boolean).join(" · "))),
    h("div.split", null,
      h("div", null, h("p", null, t("invite.how")), h("p", null, t("invite.by_hand", { address: `${location.origin}/#i` })), h("p.code", null, groupsOf(kept.code))),
      code(linkOf(kept), t("invite.qr", { label: kept.label }))),
    h("p.noprint", null, h("button.link", { type: "button", onclick: copy }, t("invite.copy")), " ", status, field));
}

const groupsOf = (text) => text.toUpperCase().replace(/.{4}(?=.)/g, "$& ");

/** All invitations made or opened on this device. @param {import("./app.js").App} app @param {string} main */
export function list(app, main) {
  app.cancel = main;
  app.show(() => {
    const all = allKept().filter((kept) => kept.label);
    return {
      title: t("invite.list"), wide: true,
      body: all.length ? [cards(all), ghost(t("invite.forget"), () => { all.forEach((kept) => forgetInvitation(kidOf(kept))); list(app, main); })] : [h("p.empty", null, t("invite.none"))],
    };
  });
}

// --- accepting ---------------------------------------------------------------------------------------------------------------------------

/** A link was opened: the code stays on this origin, the person goes on to the cooperative's page. */
export async function receive(app, main, fragment) {
  const match = /^([0-9a-f]{64})\.(\d{1,4})\.([a-z2-7]{52})$/.exec(fragment);
  if (!match && fragment) throw new PageError("bad_invitation");
  const [, digest, index, secret] = match ?? ["", "", "0", await askForCode(app, (text) => seedOf(text) !== null)];
  const seed = seedOf(secret);
  if (!seed) throw new PageError("bad_invitation");
  const kid = hex(publicKey(seed));
  if (!find(kid)) keep({ digest, index: Number(index), code: secret, label: "", owner: "", at: Math.floor(Date.now() / 1000) });
  // Typed from a card: the node finds the place by the public half.
  location.replace(new URL(digest ? `/invite/${digest}/${Number(index)}` : `/invite/key/${kid}`, main).href);
}

/**
 * The seed that answers an item's `proof`, asked for when this device has not seen the link.
 * @param {import("./app.js").App} app @param {any} request @returns {Promise<Uint8Array | null>}
 */
export async function seedFor(app, request) {
  const asked = request.items.find((item) => item.proof)?.proof;
  if (!asked) return null;
  const kid = fromBase64url(asked.kid);
  const kept = find(hex(kid));
  const fits = (text) => {
    const seed = seedOf(text);
    return seed && equal(publicKey(seed), kid) ? seed : null;
  };
  const known = kept && fits(kept.code);
  if (known) return known;
  return /** @type {Uint8Array} */ (fits(await askForCode(app, (text) => fits(text) !== null)));
}

/** @param {any} proof @param {Uint8Array} seed @param {string} account */
export const invitationProof = (proof, seed, account) => signOnce(seed, possession(publicKey(seed), account, 0, fromBase64url(proof.digest)));

/** Used up: it opens nothing any more. */
export function forgetUsed(parcel, request) {
  for (const item of parcel.items) {
    const proof = item.answer && request.items[item.place]?.proof;
    if (proof) forgetInvitation(hex(fromBase64url(proof.kid)));
  }
}

const askForCode = (app, fits) => app.ask((answer) => {
  const error = h("p.field-error", { id: "code-error", role: "alert" });
  const field = h("textarea", { id: "code", rows: 3, autocomplete: "off", autocapitalize: "characters", spellcheck: "false", "aria-describedby": "code-error code-help" });
  const check = (event) => {
    event.preventDefault();
    const typed = field.value.replace(/^.*\./s, "").replace(/[\s-]/g, "").toLowerCase();
    if (fits(typed)) answer(typed);
    else error.textContent = t("invite.code_wrong");
  };
  return {
    title: t("invite.code_title"),
    body: [
      h("p.lead", { id: "code-help" }, t("invite.code_lead")),
      h("form.stack", { onsubmit: check, novalidate: true }, h("label", { for: "code" }, t("invite.code")), field, error, h("button.btn.wide", { type: "submit" }, icon("key"), t("next"))),
      h("p.law", null, t("invite.code_law")),
    ],
  };
});

// --- kept in this browser -----------------------------------------------------------------------------------------------------------------

/** @param {Kept} kept */
const keep = (kept) => localStorage.setItem(PREFIX + kidOf(kept), JSON.stringify(kept));

/** @returns {Kept | null} */
const find = (kid) => JSON.parse(localStorage.getItem(PREFIX + kid) ?? "null");

/** @param {string} kid hexadecimal */
const forgetInvitation = (kid) => localStorage.removeItem(PREFIX + kid);

/** @param {string} text @returns {Uint8Array | null} */
function seedOf(text) {
  try {
    const seed = fromBase32(text);
    return seed.length === 32 ? seed : null;
  } catch {
    return null;
  }
}

/** @param {Kept} kept */
const kidOf = (kept) => hex(publicKey(fromBase32(kept.code)));

/** @returns {Kept[]} */
function allKept() {
  const names = Object.keys(localStorage).filter((name) => name.startsWith(PREFIX));
  return names.map((name) => JSON.parse(localStorage.getItem(name) ?? "")).sort((a, b) => b.at - a.at || a.digest.localeCompare(b.digest) || a.index - b.index);
}

/** Whether there is anything to show under `#p=invitations`. */
export const anyKept = () => allKept().some((kept) => kept.label);

