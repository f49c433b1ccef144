// What happens with one request of the main site, from its token to the way back.

import { button, explain, ghost, notice } from "./app.js";
import { ready, ways } from "./care.js";
import { base64url, fromBase64, fromBase64url } from "./bytes.js";
import { download, h, icon } from "./dom.js";
import { currentLanguage, number, t } from "./i18n.js";
import { forgetUsed, invitationsOf, keepInvitations, seedFor } from "./invitations.js";
import { makeKey, restoreKey } from "./key.js";
import { cards } from "./letters.js";
import { accountAt, accountOf, allKeys, enrolment, keepKey, loginAnswer } from "./keys.js";
import { Contradiction, seenClaim } from "./log.js";
import { switchedOff, switchedOffScreen } from "./objection.js";
import { answers, dropPublished, parcels, send } from "./outbox.js";
import { FRESH_SECONDS, fetchText, prepare, signDraft, signer } from "./prepare.js";
import { typeTitle } from "./render.js";
import { LONG, alike, manyScreen, oneOfMany } from "./many.js";
import { documentScreen, summaryScreen } from "./sheet.js";
import { PageError, Problem, Unreachable } from "./request.js";
import { checkpointTable } from "./store.js";

/** Codes after which a fresh statement may be accepted: the draft is made anew from the same request. */
const SIGN_AGAIN = new Set(["expired", "not_yet_valid", "nonce_reused", "seen_missing", "key_waiting"]);
const RETRY_SECONDS = [3, 5, 10, 20, 40, 60];

/**
 * @typedef {object} Job
 * @property {import("./app.js").App} app
 * @property {import("./request.js").Main} main
 * @property {string} token
 * @property {import("./request.js").SigningRequest} request
 * @property {any} registry
 * @property {import("./invitations.js").Made[]} made keys of the invitations in this request
 */

/** @param {Job} job */
export async function run(job) {
  const { app, request } = job;
  app.cancel = job.main.url(request.cancel);
  app.owner = request.cooperative?.name ?? null;
  const parcel = await parcels.get(job.token);
  if (parcel) return deliver(job, parcel);
  // Done in another window or before the page was opened again; a login may answer again, it changes nothing.
  if (request.finished && request.purpose !== "login") return goBack(job);
  const key = await keyFor(job);
  await ready(job.main, key);
  if (request.purpose === "create_key") return keyMade(job, key);
  if (request.purpose === "login") return login(job, key);
  return signAll(job, key, null);
}

// --- whose key ---------------------------------------------------------------------------------------------------------------------------

/** @param {Job} job */
async function keyFor(job) {
  const { request } = job;
  const genesis = request.items.find((item) => item.type === "account.genesis/1");
  const home = genesis?.home ?? (request.purpose === "create_key" ? (request.cooperative?.id ?? null) : null);
  const isNew = genesis || request.purpose === "create_key";
  const fits = (key) => {
    if (genesis) return !key.account && (!key.home || key.home === home) && (!request.account || accountOf(key, home) === request.account);
    if (isNew) return !key.account && (!key.home || key.home === home);
    const account = accountAt(key, request.cooperative?.id);
    return account !== null && (!request.account || request.account === account);
  };
  const keys = await allKeys();
  const fitting = keys.filter(fits);
  if (fitting.length === 1) return fitting[0];
  if (fitting.length > 1) return chooseKey(job, fitting);
  const name = request.cooperative?.name ?? null;
  for (;;) {
    if (isNew) {
      const made = await makeKey(job.app, { home, name, have: keys.some((key) => accountAt(key, home) !== null) });
      if (made) return made;
    } else {
      const way = await noKey(job);
      if (way === "leave") return leave(job);
      if (way !== "restore") return elsewhere(way);
    }
    const restored = await restoreKey(job.app, { name, fits, back: true });
    if (restored) return restored;
  }
}

const chooseKey = (job, keys) => job.app.ask((answer) => ({
  title: t("choose.title"),
  body: [h("p.lead", null, t("choose.lead")), h("ul.list", null, keys.map((key) => h("li", null, h("button.pick", { type: "button", onclick: () => answer(key) }, icon("key"), h("span", null, h("b", null, key.name ?? t("choose.unnamed")), h("span.code", null, shortAccount(accountAt(key, job.request.cooperative?.id)))))))) ],
}));

/** Another page of this origin; the request can be opened again afterwards. @returns {Promise<any>} never settles */
function elsewhere(page) {
  location.hash = `#p=${page}&l=${currentLanguage()}`;
  return new Promise(() => {});
}

const noKey = (job) => job.app.ask((answer) => ({
  title: t("nokey.title"),
  body: [
    h("p.lead", null, t("nokey.lead")),
    button(t("nokey.restore"), () => answer("restore")),
    ways(answer),
    ghost(t("go_back"), () => answer("leave")),
    h("p.law", null, t("nokey.law")),
  ],
}));

/** @param {string | null} account */
export const shortAccount = (account) => (account ? `${account.slice(0, 4)} ${account.slice(4, 8)} … ${account.slice(-4)}` : t("choose.pending"));

// --- signing -----------------------------------------------------------------------------------------------------------------------------

/** @param {Job} job @param {any} key @param {any} earlier a parcel of which some items are already accepted */
async function signAll(job, key, earlier) {
  const { app, request } = job;
  const account = signer(request, key);
  let notes = null;
  let again = false;
  for (;;) {
    const drafts = await draftsFor(job, key, account, earlier);
    notes ??= await textsFor(job, drafts);
    await readAndSign(job, { drafts, notes, account, key, again });
    if (Math.floor(Date.now() / 1000) - drafts[0].shown.iat > FRESH_SECONDS) {
      again = true; // read for long: the same documents once more with a new time, the texts stay read
      continue;
    }
    const tell = working(app, "busy.sign", drafts.length);
    const fresh = [];
    for (const draft of drafts) {
      if (fresh.length % 25 === 24) await tell(fresh.length + 1);
      fresh.push({ place: draft.place, type: draft.shown.type, digest: draft.digest, statement: await signDraft(draft, key), record: draft.record, answer: null });
    }
    const items = [...(earlier?.items.filter((item) => item.answer) ?? []), ...fresh].sort((a, b) => a.place - b.place);
    const log = request.log && { origin: request.log.origin, nodeKey: request.log.node_key ?? null };
    const parcel = { id: job.token, main: job.main.origin, key: key.id, account, state: "sending", at: Math.floor(Date.now() / 1000), log, items, invitations: job.made };
    await parcels.put(parcel);
    return deliver(job, parcel);
  }
}

async function draftsFor(job, key, account, earlier) {
  const { request, registry, made } = job;
  const skip = new Set(earlier?.items.filter((item) => item.answer).map((item) => item.place));
  const needed = request.items.some((item, place) => item.seen && !skip.has(place));
  const seen = needed && request.log ? await seenNow(job) : null;
  const invitation = await seedFor(job.app, request);
  const tell = working(job.app, "busy.prepare", request.items.length);
  return prepare(request, key, { account, registry, seen, invitation, made, skip, tell });
}

/** What is shown while something is made or sent; a bar when it takes long. */
function working(app, title, of) {
  if (of > LONG) return app.work(title, of);
  app.busy(title);
  return async () => {};
}

async function seenNow(job) {
  const { main, request } = job;
  const log = /** @type {NonNullable<typeof request.log>} */ (request.log);
  const ask = {
    checkpoint: async () => (await main.ask(log.checkpoint)).text(),
    consistency: async (from, to) => (await main.json(`${log.consistency}?from=${from}&to=${to}`)).path.map(fromBase64),
  };
  const seen = await seenClaim(log, ask, checkpointTable);
  await dropPublished(log.origin, seen[1]);
  return seen;
}

/** All linked texts, by item; a text that differs from its digest ends the flow. */
async function textsFor(job, drafts) {
  const found = new Map();
  for (const draft of drafts) {
    const texts = draft.item.texts ?? [];
    found.set(draft.place, await Promise.all(texts.map(async (given) => ({ ...(await fetchText(job.main, given, draft)), read: false }))));
  }
  return found;
}

/** One document a screen; resolves when the person has held the button on the last. */
async function readAndSign(job, { drafts, notes, account, key, again }) {
  const { app, request, registry } = job;
  const names = { cooperative: request.cooperative?.name ?? null, account, host: location.host };
  if (alike(drafts)) return readMany(app, { drafts, registry, names, again });
  const many = drafts.length > 1;
  for (let place = again ? (many ? drafts.length : 0) : 0; ; ) {
    const draw = place < drafts.length
      ? (answer) => documentScreen({ draft: drafts[place], texts: notes.get(drafts[place].place) ?? [], registry, names, place, of: drafts.length, again, answer })
      : (answer) => summaryScreen({ drafts, registry, names, again, answer });
    const decision = await app.ask(draw);
    if (decision === "sign") return;
    place += decision === "next" ? 1 : -1;
  }
}

/** Documents of one kind on one screen, as a table of what differs; each can be opened whole. */
async function readMany(app, { drafts, registry, names, again }) {
  for (;;) {
    const chosen = await app.ask((answer) => manyScreen({ drafts, registry, names, again, answer }));
    if (chosen === "sign") return;
    await app.ask((answer) => oneOfMany({ draft: chosen, registry, names, answer }));
  }
}

// --- on the way to the node --------------------------------------------------------------------------------------------------------------

/** @param {Job} job @param {import("./outbox.js").Parcel} parcel */
async function deliver(job, parcel) {
  const { app, main } = job;
  app.sent = true;
  const keep = async () => {
    await keepInvitations(parcel, job.request.cooperative?.name ?? "");
    await parcels.put(parcel);
  };
  for (let tries = 0; parcel.state === "sending"; tries++) {
    const tell = working(app, "busy.send", parcel.items.length);
    try {
      await send(parcel, main, keep, tell);
      parcel.state = "accepted";
      await forgetUsed(parcel, job.request);
      await keep();
    } catch (error) {
      if (error instanceof Unreachable) await waiting(job, tries, parcel);
      else if (error instanceof Problem) return refused(job, parcel, error);
      else throw error;
    }
  }
  const key = (await allKeys()).find((each) => each.id === parcel.key);
  if (!key) throw new PageError("key_gone");
  const genesis = parcel.items.some((item) => item.type === "account.genesis/1");
  if (genesis && !key.account) {
    key.account = parcel.account;
    key.home ??= job.request.items.find((item) => item.type === "account.genesis/1")?.home ?? null;
    key.name ??= job.request.cooperative?.name ?? null;
    await keepKey(key);
  }
  const back = await finish(job, key, { account: parcel.account, answers: answers(parcel) });
  receipt(job, parcel, back, await invitationsOf(parcel));
}

/** Not a failure: what was signed lies in this browser and goes out by itself. */
function waiting(job, tries, parcel) {
  const pause = RETRY_SECONDS[Math.min(tries, RETRY_SECONDS.length - 1)];
  return job.app.ask((answer) => {
    let timer = setTimeout(() => go(), pause * 1000);
    const go = () => { clearTimeout(timer); removeEventListener("online", go); answer(true); };
    addEventListener("online", go);
    return {
      title: t(parcel ? "waiting.title" : "waiting.title_done"),
      body: [
        notice("warn", h("p", null, t(parcel ? "waiting.safe" : "waiting.safe_done")), h("p", null, t("waiting.auto", { seconds: pause }))),
        button(t("waiting.now"), go),
        h("p.muted", null, t("waiting.close")),
      ],
    };
  });
}

async function refused(job, parcel, problem) {
  const place = problem["at"] ?? 0;
  const item = parcel.items.find((each) => each.place === place) ?? parcel.items[0];
  const accepted = parcel.items.filter((each) => each.answer).length;
  const known = explain(problem.code);
  const decision = await job.app.ask((answer) => ({
    title: t("refused.title"),
    body: [
      h("p.lead", null, typeTitle(item.type, job.registry)),
      notice("bad", h("p", null, h("b", null, known)), problem.words.map((words) => h("p", null, words))),
      h("p", null, t(accepted ? "refused.some" : "refused.nothing", { count: accepted })),
      SIGN_AGAIN.has(problem.code) && button(t("refused.again"), () => answer("again")),
      (SIGN_AGAIN.has(problem.code) ? ghost : button)(t("go_back"), () => answer("leave")),
      h("p.muted", null, t("refused.code", { code: problem.code })),
    ],
  }));
  if (decision === "again") {
    const key = (await allKeys()).find((each) => each.id === parcel.key);
    if (!key) throw new PageError("key_gone");
    return signAll(job, key, parcel);
  }
  // A refusal is final for these bytes; what was accepted before is in the log and needs no copy here.
  await parcels.remove(parcel.id);
  return leave(job);
}

/** Tells the main site, with the login the person gets by the way; repeats until it is heard. Gives the address to go on to. */
async function finish(job, key, result) {
  const { main, request } = job;
  const cooperative = request.cooperative?.id ?? key.home;
  /** A node that forgot this device (a session ended there) gets the enrolment again; after that, documents go on without a login. */
  let refusals = 0;
  for (let tries = 0; ; tries++) {
    const known = cooperative && result.account && refusals < 2;
    const enrol = known && (refusals || !key.enrolled.includes(cooperative)) ? await enrolment(key, cooperative, result.account) : null;
    const login = known && request.challenge ? await loginAnswer(key, cooperative, result.account, fromBase64url(request.challenge)) : null;
    const body = {
      ...result,
      enrol: enrol && base64url(enrol),
      login: (login ?? enrol) && base64url(login ?? enrol),
      login_key: base64url(key.login.pub),
    };
    try {
      const { return: back } = await main.post(`/api/v1/signing/${encodeURIComponent(job.token)}/done`, body);
      if (enrol && !key.enrolled.includes(cooperative)) {
        key.enrolled.push(cooperative);
        await keepKey(key);
      }
      return main.url(back ?? request.return);
    } catch (error) {
      const again = error instanceof Problem && error.code === "login_refused" && ++refusals <= (request.purpose === "login" ? 1 : 2);
      if (error instanceof Unreachable) await waiting(job, tries, null);
      else if (!again) throw error;
    }
  }
}

function receipt(job, parcel, back, invitations) {
  const { app, request, registry } = job;
  app.cancel = null;
  const long = parcel.items.length > LONG;
  app.show(() => ({
    title: t(parcel.items.length > 1 ? "receipt.title_many" : "receipt.title"),
    wide: invitations.length > 0 && !long,
    body: [
      long ? longReceipt(parcel, registry) : h("ul.receipt", null, parcel.items.map((item) => h("li", null, icon("check"), h("span", null,
        h("b", null, typeTitle(item.type, registry)),
        h("span", null, item.answer?.index == null ? t("receipt.taken") : t("receipt.index", { index: number(item.answer.index) })))))),
      parcel.log?.nodeKey && h("p.muted", null, t("receipt.promise")),
      long && invitations.length > 0 && notice("ok", h("p", null, t("receipt.invitations", { count: invitations.length })), h("p", null, h("a.btn", { href: "#p=invitations" }, t("receipt.letters")))),
      !long && invitations.length > 0 && cards(invitations),
      h("h2", null, t("receipt.next")),
      nextSteps(request, registry),
      h("button.btn.wide", { type: "button", onclick: () => location.replace(back) }, t("receipt.continue")),
    ],
  }));
}

/** Hundreds of one kind in a line. */
function longReceipt(parcel, registry) {
  const places = parcel.items.map((item) => item.answer?.index).filter((index) => index != null);
  return h("ul.receipt", null, h("li", null, icon("check"), h("span", null,
    h("b", null, typeTitle(parcel.items[0].type, registry)),
    h("span", null, t("receipt.many", { count: parcel.items.length, from: number(Math.min(...places)), to: number(Math.max(...places)) })))));
}

function nextSteps(request, registry) {
  const told = [...new Set(request.items.map((item) => item.consequence).filter(Boolean))];
  return h("ul.steps", null, [...told, t("receipt.published")].map((words) => h("li", null, words)));
}

/** @param {Job} job @returns {Promise<any>} never settles: the page is left */
function leave(job) {
  job.app.guarded = false;
  location.replace(job.main.url(job.request.cancel));
  return new Promise(() => {});
}

/** @param {Job} job @returns {Promise<any>} never settles: the page is left */
function goBack(job) {
  location.replace(job.main.url(job.request.return));
  return new Promise(() => {});
}

// --- without a document ------------------------------------------------------------------------------------------------------------------

async function keyMade(job, key) {
  job.app.busy("busy.send");
  const back = await finish(job, key, {
    account: null, answers: [], key: { alg: -19, pub: base64url(key.pub) }, recovery: base64url(key.recovery),
  });
  job.app.cancel = null;
  job.app.show(() => ({
    title: t("made.title"),
    body: [
      notice("ok", t("made.lead")),
      h("h2", null, t("receipt.next")),
      h("p", null, t("made.next")),
      h("button.btn.wide", { type: "button", onclick: () => location.replace(back) }, t("receipt.continue")),
    ],
  }));
}

async function login(job, key) {
  const account = signer(job.request, key);
  await job.app.ask((answer) => ({
    title: t("login.title"),
    body: [
      h("dl.facts", null,
        h("dt", null, t("login.where")), h("dd", null, job.request.cooperative?.name ?? location.host),
        h("dt", null, t("login.who")), h("dd", null, h("span.code", null, shortAccount(account)))),
      button(t("login.enter"), () => answer(true)),
      h("p.muted", null, t("login.help")),
    ],
  }));
  job.app.busy("busy.login");
  try {
    location.replace(await finish(job, key, { account, answers: [] }));
  } catch (error) {
    const refusal = error instanceof Problem && error.code === "login_refused";
    if (!refusal || !(await switchedOff(job.main, key, account))) throw error;
    return (await job.app.ask(switchedOffScreen)) === "object" ? elsewhere("object") : leave(job);
  }
}

/** A log that contradicts itself: nothing is signed, and the proof is offered. @param {import("./app.js").App} app @param {Contradiction} error */
export function contradiction(app, error) {
  app.guarded = false;
  app.show(() => {
    const row = h("div.stack", null);
    row.append(button(t("contradiction.save"), () => download(row, "coopnode-contradiction.json", JSON.stringify(error.evidence, null, 1))));
    return {
      title: t("contradiction.title"),
      body: [notice("bad", h("p", null, h("b", null, t("contradiction.lead"))), h("p.code", null, error.message)), h("p", null, t("contradiction.do")), row, app.cancel && h("a.btn.ghost.wide", { href: app.cancel }, t("go_back"))],
    };
  });
}
