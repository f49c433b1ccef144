// Events of keys that no request of the main site leads to: what is needed is read from the account's chain, the document is made, shown and
// sent here. The same bytes go out until the node has answered.

import { button, notice } from "./app.js";
import { fingerprint, fromBase64url, isIdentifier, random } from "./bytes.js";
import { encode } from "./cbor.js";
import { documentDigest, parseParts, statementHeader } from "./cose.js";
import { h } from "./dom.js";
import { holdToSign } from "./hold.js";
import { t } from "./i18n.js";
import { send } from "./outbox.js";
import { renderDocument, renderEnvelope } from "./render.js";
import { PageError, Problem, Unreachable } from "./request.js";

const POLL_MS = 2000;
const LIFETIME = 15 * 60;

/**
 * @typedef {object} ChainKey
 * @property {Uint8Array} pub
 * @property {"active" | "waiting" | "revoked" | "stopped"} standing
 * @property {number} since
 * @property {number | null} ended
 * @property {boolean} objects may object to a recovery
 *
 * @typedef {object} Chain
 * @property {string} account
 * @property {string} home
 * @property {number} number of the next event
 * @property {Uint8Array} prev
 * @property {ChainKey[]} keys
 * @property {{ours: Uint8Array, other: Uint8Array} | null} forked
 * @property {Uint8Array | null} recovery digest of the last recovery
 * @property {number | null} disputed_until
 * @property {{id: string, name: string} | null} cooperative
 * @property {{origin: string, node_key: string} | null} log
 */

/** @param {import("./request.js").Main} main @param {string} account @returns {Promise<Chain>} */
export async function chainOf(main, account) {
  if (!isIdentifier(account)) throw new PageError("bad_request");
  const found = await main.json(`/api/v1/accounts/${account}/chain`);
  if (found.account !== account || !Number.isSafeInteger(found.number) || !isIdentifier(found.home)) throw new PageError("bad_request");
  const forked = found.forked ? { ours: fromBase64url(found.forked.ours), other: fromBase64url(found.forked.other) } : null;
  const keys = found.keys.map((key) => ({ ...key, pub: fromBase64url(key.pub) }));
  const recovery = found.recovery ? fromBase64url(found.recovery) : null;
  return { ...found, prev: fromBase64url(found.prev), keys, forked, recovery, cooperative: found.cooperative ?? null, log: found.log ?? null };
}

/** A moment between two questions. */
export const pause = () => new Promise((resume) => setTimeout(resume, POLL_MS));

/** The network may be away for a while; null when the node knows nothing of it any more. */
export async function patient(ask) {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (error instanceof Problem && error.status === 404) return null;
      const later = error instanceof Unreachable || (error instanceof Problem && (error.status === 429 || error.status >= 500));
      if (!later) throw error;
      await pause();
    }
  }
}

/** @param {string} account in groups of four */
export const spaced = (account) => account.replace(/.{4}(?=.)/g, "$& ");

/** The statement of `kid` about its own account, with the time of now. @param {Uint8Array} kid @param {string} account @param {{type: string, [field: string]: any}} fields */
export function draftOf(kid, account, fields) {
  const iat = Math.floor(Date.now() / 1000);
  const header = statementHeader({ kid, iss: account, sub: account, aud: account, iat, exp: iat + LIFETIME, cti: random(16), seen: null, onBehalf: null });
  const payload = encode(fields);
  return { place: 0, item: { type: fields.type, sub: account, aud: account }, protected: header, payload, digest: documentDigest(header, payload), shown: parseParts(header, payload), record: null, opened: Object.create(null) };
}

/**
 * Shows the document; resolves when the person has held the button.
 * @param {import("./app.js").App} app @param {any} registry
 * @param {{draft: any, title: string, effect: () => string, hold: string}} of what follows from it, in the reader's language
 */
export const readAndHold = (app, registry, { draft, title, effect, hold }) => app.ask((answer) => ({
  title: t(title),
  body: [
    h("p.muted", null, t("sheet.this")),
    renderDocument(draft, registry, { cooperative: app.owner }),
    h("p.law", null, h("b", null, t("sheet.effect")), " ", effect()),
    h("section", null, h("h2", null, t("sheet.print_title")), h("p.print", null, fingerprint(draft.digest))),
    h("details.envelope", null, h("summary", null, t("sheet.envelope")), renderEnvelope(draft)),
    holdToSign({ label: t(hold), onsign: () => answer(true) }),
  ],
}));

/**
 * Until the node has answered.
 * @param {import("./app.js").App} app @param {import("./request.js").Main} main @param {Chain} chain
 * @param {any} draft @param {Uint8Array} statement the signed draft
 */
export async function deliver(app, main, chain, draft, statement) {
  app.busy("busy.send");
  app.sent = true;
  const log = chain.log && { origin: chain.log.origin, nodeKey: chain.log.node_key };
  const item = { place: 0, type: draft.item.type, digest: draft.digest, statement, record: null, answer: /** @type {any} */ (null) };
  const parcel = { id: "", main: main.origin, key: "", account: chain.account, state: /** @type {"sending"} */ ("sending"), at: 0, log, items: [item] };
  for (;;) {
    try {
      await send(parcel, main, async () => {});
      return item.answer;
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      await app.ask((answer) => ({ title: t("waiting.title"), body: [notice("warn", t("error.unreachable")), button(t("waiting.now"), () => answer(true))] }));
      app.busy("busy.send");
    }
  }
}
