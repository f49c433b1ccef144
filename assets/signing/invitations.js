// Invitations are keys (ADR 2). Their private halves are made here, stand in the links and on the cards, and never reach the node: a browser
// sends nothing behind `#`, and the main site cannot read this origin's storage.
//
// An item that invites names places of its payload: {"invitations": [{"path": ["seats", 0, "invitation"], "label": "…", "to": {…}}]}; `to` says
// whom the letter goes to, when that is known. Showing, printing and writing the letters is letters.js.
// An item that accepts names the place it answers: {"proof": {"digest": base64url, "index": 0, "kid": base64url}}; `kid` tells which code.

import { base32, equal, fromBase32, fromBase64url, hex, random } from "./bytes.js";
import { possession } from "./cose.js";
import { h, icon } from "./dom.js";
import { publicKey, sign as signOnce } from "./ed25519.js";
import { LANGUAGES, t } from "./i18n.js";
import words from "./i18n/invitations.js";
import { PageError } from "./request.js";
import { invitationTable } from "./store.js";

Object.assign(LANGUAGES.ru, words.ru);
Object.assign(LANGUAGES.en, words.en);

/**
 * @typedef {object} Made
 * @property {number} item place of the inviting document in the request
 * @property {number} index place of the invitation in that document
 * @property {(string | number)[]} path
 * @property {string} label
 * @property {To} [to]
 * @property {Uint8Array} seed
 *
 * @typedef {{number?: string, name?: string, email?: string, address?: string}} To
 *
 * @typedef {object} Kept
 * @property {string} kid hexadecimal
 * @property {string} digest of the inviting document, hexadecimal
 * @property {number} index
 * @property {string} code base32 of the seed
 * @property {string} label empty when it was opened here, not made
 * @property {To} [to]
 * @property {string} owner name of the cooperative
 * @property {number} at
 */

// --- inviting ----------------------------------------------------------------------------------------------------------------------------

/** New keys for every place of a request that invites; made once, so that a draft signed again keeps them. @returns {Made[]} */
export function makeInvitations(request) {
  return request.items.flatMap((item, place) => (item.invitations ?? []).map(({ path, label, to }, index) => {
    const told = Object.entries(to ?? {}).every(([name, value]) => ["number", "name", "email", "address"].includes(name) && typeof value === "string");
    if (!Array.isArray(path) || typeof label !== "string" || !told) throw new PageError("bad_request");
    return { item: place, index, path, label, to, seed: random(32) };
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

/** As soon as their documents are in the log: from then on the invitations can be given. @param {any} parcel @param {string} owner */
export async function keepInvitations(parcel, owner) {
  const places = new Map(parcel.items.map((item) => [item.place, item]));
  const fresh = (parcel.invitations ?? []).filter((made) => !made.kept && places.get(made.item)?.answer);
  await invitationTable.putAll(fresh.map((made) => ({
    kid: hex(publicKey(made.seed)), digest: hex(places.get(made.item).digest), index: made.index, code: base32(made.seed), label: made.label, to: made.to, owner, at: parcel.at,
  })));
  for (const made of fresh) made.kept = true;
}

/** @param {any} parcel @returns {Promise<Kept[]>} */
export async function invitationsOf(parcel) {
  if (!parcel.invitations?.length) return [];
  const digests = new Set(parcel.items.map((item) => hex(item.digest)));
  return (await allKept()).filter((kept) => digests.has(kept.digest));
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
  if (!(await invitationTable.get(kid))) await invitationTable.put({ kid, digest, index: Number(index), code: secret, label: "", owner: "", at: Math.floor(Date.now() / 1000) });
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
  const kept = await invitationTable.get(hex(kid));
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
export async function forgetUsed(parcel, request) {
  for (const item of parcel.items) {
    const proof = item.answer && request.items[item.place]?.proof;
    if (proof) await invitationTable.remove(hex(fromBase64url(proof.kid)));
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

/** @param {string} text @returns {Uint8Array | null} */
function seedOf(text) {
  try {
    const seed = fromBase32(text);
    return seed.length === 32 ? seed : null;
  } catch {
    return null;
  }
}

/** The newest first; those of one sitting by number. @returns {Promise<Kept[]>} */
export async function allKept() {
  const order = (kept) => Number(kept.to?.number ?? 0);
  return (await invitationTable.all()).sort((a, b) => b.at - a.at || order(a) - order(b) || a.digest.localeCompare(b.digest) || a.index - b.index);
}

/** Whether there is anything to show under `#p=invitations`. */
export const anyKept = async () => (await allKept()).some((kept) => kept.label);
