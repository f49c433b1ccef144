// "It was not me": the objection to a recovery from the sheet (P7, ADR 7). No session is needed, for that of a revoked key has ended: the
// account's chain says whether a recovery is under way, this device's own store whether it has a key that may object.

import { button, ghost, notice } from "./app.js";
import { equal, isIdentifier } from "./bytes.js";
import { chooseAccount } from "./care.js";
import { assemble, sigStructure } from "./cose.js";
import { h, icon } from "./dom.js";
import { chainOf, deliver, draftOf, readAndHold, spaced } from "./events.js";
import { LANGUAGES, dateTime, number, said, t } from "./i18n.js";
import words from "./i18n/objection.js";
import { restoreKey } from "./key.js";
import { accountAt, allKeys, sign } from "./keys.js";
import { Main, Problem } from "./request.js";

Object.assign(LANGUAGES.ru, words.ru);
Object.assign(LANGUAGES.en, words.en);

const TYPE = "account.object/1";
const DAYS = 30;
/** Codes that say the account is no longer as it was read: its chain is read again and says why. */
const CHANGED = new Set(["already_objected", "nothing_waits", "key_revoked", "unknown_key"]);

/**
 * @param {import("./app.js").App} app @param {string} origin @param {any} registry
 * @param {string | null} asked the account a letter names; null: that of this device
 */
export async function object(app, origin, registry, asked) {
  const main = new Main(origin);
  app.cancel = main.url("/");
  if (asked !== null && !isIdentifier(asked)) return end(app, main, "cut");
  const account = asked ?? (await whose(app, main));
  for (;;) {
    app.busy("busy.start");
    const chain = await known(main, account);
    if (!chain) return end(app, main, "unknown");
    app.owner = chain.cooperative?.name ?? null;
    const over = ended(chain, await keyHere(chain));
    if (over) return end(app, main, over, chain);
    const key = (await keyHere(chain)) ?? (await noKey(app, main, chain));
    const mine = found(chain, key);
    if (!mine.objects) return end(app, main, mine.standing === "waiting" ? "newcomer" : "dead", chain);
    await explain(app, main, chain, mine);
    try {
      return receipt(app, main, await signed(app, main, registry, { chain, key }), await chainOf(main, account));
    } catch (error) {
      if (!(error instanceof Problem && CHANGED.has(error.code))) throw error;
      app.sent = false; // refused: nothing of it stands anywhere
    }
  }
}

/**
 * A key that the node refuses at sign-in: was it a recovery that switched it off, so that it may object?
 * @param {Main} main @param {import("./keys.js").KeyRecord} key @param {string} account
 */
export async function switchedOff(main, key, account) {
  const chain = await known(main, account);
  const mine = chain?.keys.find((each) => equal(each.pub, key.pub));
  return Boolean(chain && mine?.standing === "revoked" && mine.objects && waiting(chain).length);
}

/** @param {(answer: "object" | "leave") => void} answer @returns {import("./app.js").Screen} */
export const switchedOffScreen = (answer) => ({
  title: t("object.off_title"),
  body: [
    notice("warn", t("object.off")),
    h("p", null, t("object.off_not_you")),
    button(t("object.off_object"), () => answer("object")),
    ghost(t("object.off_me"), () => answer("leave")),
  ],
});

/** @returns {Promise<import("./events.js").Chain | null>} null when this node does not know the account */
async function known(main, account) {
  try {
    return await chainOf(main, account);
  } catch (error) {
    if (error instanceof Problem && error.status === 404) return null;
    throw error;
  }
}

const waiting = (chain) => chain.keys.filter((key) => key.standing === "waiting");
/** When the first of the new keys works. */
const worksFrom = (chain) => Math.min(...waiting(chain).map((key) => key.since));
const found = (chain, key) => chain.keys.find((each) => equal(each.pub, key.pub));

/** The device's key of this account: the one that may object before any other. */
async function keyHere(chain) {
  const keys = (await allKeys()).filter((key) => found(chain, key));
  return keys.find((key) => found(chain, key).objects) ?? keys[0] ?? null;
}

/** Why there is nothing to sign, whatever key this device has. @returns {string | null} */
function ended(chain, key) {
  if (!chain.recovery) return "none";
  if (waiting(chain).length) return chain.disputed_until ? "already" : null;
  if (key && found(chain, key).standing === "active") return "none";
  return chain.keys.some((each) => each.standing === "active") ? "late" : "stopped";
}

// --- whose account, which key --------------------------------------------------------------------------------------------------------------

/** Without a letter: the account of the keys here, or of a copy. */
async function whose(app, main) {
  const here = async () => [...new Set((await allKeys()).map((key) => accountAt(key, null)).filter((each) => each !== null))];
  for (let accounts = await here(); ; accounts = await here()) {
    if (accounts.length === 1) return accounts[0];
    if (accounts.length > 1) return chooseAccount(app, accounts, "object.which");
    await restored(app, main, null);
  }
}

async function noKey(app, main, chain) {
  for (;;) {
    await restored(app, main, chain);
    const key = await keyHere(chain);
    if (key) return key;
  }
}

/** Words for a device without the key, and the way by the copy. */
async function restored(app, main, chain) {
  await app.ask((answer) => ({
    title: t("object.nokey_title"),
    body: [
      chain && facts(chain),
      h("p.lead", null, t("object.nokey")),
      h("ul.steps", null, ["device", "copy", "person"].map((way) => h("li", null, t(`object.nokey_${way}`)))),
      button(t("nokey.restore"), () => answer(true)),
      h("a.btn.ghost.wide", { href: main.url("/") }, t("object.site")),
    ],
  }));
  // the copy of somebody else's key would only end in the same words
  await restoreKey(app, { name: app.owner, fits: (record) => !chain || Boolean(found(chain, record)), back: true });
}

// --- reading, signing, what comes of it ----------------------------------------------------------------------------------------------------

const facts = (chain) => h("dl.facts", null,
  h("dt", null, t("object.account")), h("dd", null, h("span.code", null, spaced(chain.account))),
  waiting(chain).length > 0 && [h("dt", null, t("object.works")), h("dd", null, dateTime(worksFrom(chain)))]);

/** What an objection does and does not do. */
function explain(app, main, chain, mine) {
  const later = Math.floor(Date.now() / 1000) + DAYS * 86400;
  return app.ask((answer) => ({
    title: t("object.title"),
    body: [
      h("p.lead", null, t(mine.standing === "active" ? "object.lead_active" : "object.lead", { time: dateTime(mine.ended ?? mine.since) })),
      facts(chain),
      mine.standing === "active" && notice("info", h("p", null, t("object.stop")), h("a", { href: main.url("/me/keys") }, t("object.stop_link"))),
      h("h2", null, t("object.does")),
      h("ul.plain", null, ["wait", "told"].map((item) => h("li", null, icon("check"), h("span", null, t(`object.does_${item}`, { time: dateTime(later) }))))),
      h("h2", null, t("object.does_not")),
      h("ul.steps", null, ["cancel", "back", "again"].map((item) => h("li", null, t(`object.not_${item}`)))),
      h("p.law", null, t("object.law")),
      button(t("object.next"), () => answer(true)),
      h("a.btn.ghost.wide", { href: main.url("/") }, t("object.me")),
    ],
  }));
}

async function signed(app, main, registry, { chain, key }) {
  const fields = { type: TYPE, recovery: chain.recovery };
  const effect = () => said(registry.types[TYPE]?.effect);
  await readAndHold(app, registry, { draft: draftOf(key.pub, chain.account, fields), title: "object.sign_title", effect, hold: "object.hold" });
  app.busy("busy.send");
  const fresh = draftOf(key.pub, chain.account, fields); // read for long: the same payload with the time of signing
  const signature = await sign(key.handle, sigStructure(fresh.protected, fresh.payload));
  return deliver(app, main, chain, fresh, assemble(fresh.protected, fresh.payload, signature));
}

const steps = (names) => [h("h2", null, t("receipt.next")), h("ul.steps", null, names.map((name) => h("li", null, t(`object.step_${name}`))))];

function receipt(app, main, answer, chain) {
  app.cancel = null;
  app.show(() => ({
    title: t("object.done_title"),
    body: [
      notice("ok", t("object.done", { time: dateTime(chain.disputed_until ?? worksFrom(chain)), index: number(answer.index) })),
      steps(["meet", "told", "device", "others", "sheet"]),
      h("a.btn.wide", { href: main.url("/") }, t("object.site")),
    ],
  }));
}

/** What a person does in each case after which nothing is signed. */
const AFTER = { unknown: [], cut: [], none: ["check"], already: ["meet", "device", "others"], late: ["today"], stopped: ["meet"], newcomer: ["mine", "theirs"], dead: ["device", "meet"] };

/** A case in which there is nothing to sign. @param {keyof typeof AFTER} what */
function end(app, main, what, chain = null) {
  const time = () => (chain && waiting(chain).length ? dateTime(chain.disputed_until ?? worksFrom(chain)) : "");
  app.show(() => ({
    title: t(`object.${what}_title`),
    body: [
      h("p.lead", null, t(`object.${what}`, { time: time() })),
      chain && facts(chain),
      AFTER[what].length > 0 && steps(AFTER[what]),
      h("a.btn.wide", { href: main.url("/") }, t("object.site")),
    ],
  }));
}
