// Keys after the first: another device, recovery from the sheet, a new sheet. The recovery key lives between its typing and the one
// signature, and is sent nowhere.

import { button, ghost, notice } from "./app.js";
import { base64url, equal, fingerprint, fromBase64url, isIdentifier, random } from "./bytes.js";
import { ED25519, assemble, possession, sigStructure } from "./cose.js";
import { h, icon } from "./dom.js";
import { publicKey, sign as signWithSeed } from "./ed25519.js";
import { chainOf, deliver, draftOf, patient, pause, readAndHold, spaced } from "./events.js";
import { LANGUAGES, dateTime, day, number, said, t } from "./i18n.js";
import words from "./i18n/care.js";
import { replaceKey, replaceSheet } from "./key.js";
import { keepKey, makeRecord, recoveryCommitment, sign } from "./keys.js";
import { mistake, parse } from "./recovery.js";
import { Main, PageError, Problem, Unreachable } from "./request.js";
import { code } from "./sheetpaper.js";
import { askToKeep } from "./store.js";

Object.assign(LANGUAGES.ru, words.ru);
Object.assign(LANGUAGES.en, words.en);

const GROUPS = 14;

/**
 * Before a key that joined later is used: does the account have it by now? Says when it will.
 * @param {Main} main @param {import("./keys.js").KeyRecord} key
 */
export async function ready(main, key) {
  if (!key.waits || !key.account) return;
  const known = (await chainOf(main, key.account)).keys.find((each) => equal(each.pub, key.pub));
  if (!known) throw new PageError("key_not_added");
  if (known.standing === "waiting") throw new PageError("key_waits", { time: dateTime(known.since) });
  if (known.standing !== "active") throw new PageError("key_revoked");
  key.waits = false;
  await keepKey(key);
}

// --- another device ----------------------------------------------------------------------------------------------------------------------

/**
 * This device asks to be added; with `record`, a key that came by recovery asks to be confirmed at once.
 * @param {import("./app.js").App} app @param {string} origin @param {import("./keys.js").KeyRecord | null} [record]
 */
export async function addDevice(app, origin, record = null) {
  const main = new Main(origin);
  app.cancel = main.url("/");
  if (!record) {
    await app.ask((answer) => ({
      title: t("device.title"),
      body: [
        h("p.lead", null, t("device.lead")),
        h("ul.plain", null, [1, 2].map((place) => h("li", null, icon("check"), h("span", null, t(`device.need${place}`))))),
        button(t("device.start"), () => { askToKeep(); answer(true); }),
        h("p.law", null, t("device.nocopy")),
      ],
    }));
    app.busy("create.title");
    record = await makeRecord({ seed: random(32), recovery: new Uint8Array(), nonce: new Uint8Array(), home: null, name: null });
  }
  app.guarded = true;
  for (;;) {
    const asked = await main.post("/api/v1/devices", { pub: base64url(record.pub) });
    const found = await answered(app, main, record, asked);
    if (found) break;
    await app.ask((answer) => ({ title: t("device.over_title"), body: [h("p.lead", null, t("device.over")), button(t("device.again"), () => answer(true))] }));
  }
  app.guarded = false;
  app.cancel = null;
  app.show(() => ({
    title: t("device.done_title"),
    body: [
      notice("ok", t("device.done")),
      h("dl.facts", null, h("dt", null, t("device.whose")), h("dd", null, h("span.code", null, spaced(record.account ?? ""))), h("dt", null, t("paper.key")), h("dd", null, h("span.code", null, fingerprint(record.pub)))),
      h("a.btn.wide", { href: main.url("/sign-in?go=1&to=/now") }, t("device.enter")),
    ],
  }));
}

/** From the code to the signature of the other device; false when the code has run out. */
async function answered(app, main, record, asked) {
  const typed = `${asked.code.slice(0, 4)} ${asked.code.slice(4)}`;
  const link = main.url(`/me/devices/add?code=${encodeURIComponent(asked.code)}`);
  app.show(() => ({
    title: t("device.code_title"),
    body: [
      h("p.devicecode", { "aria-label": t("device.code") }, typed),
      h("p", null, t("device.code_where", { address: new URL(main.origin).host })),
      h("div.deviceqr", null, code(link, t("device.code_qr"))),
      h("p.waiting", { role: "status" }, h("progress", { "aria-label": t("device.code") }), " ", t("device.waiting", { time: dateTime(asked.expires) })),
    ],
  }));
  const path = `/api/v1/devices/${encodeURIComponent(asked.secret)}`;
  for (let proved = ""; ; ) {
    const state = await patient(() => main.json(path));
    if (state === null) return false;
    const place = `${state.account} ${state.number} ${state.prev}`;
    if (state.standing === "added") return joined(main, record, state.account);
    if (state.account && (state.standing === "named" || proved !== place)) {
      if (!isIdentifier(state.account) || (record.account && record.account !== state.account)) throw new PageError("other_account");
      // Kept before the proof leaves: from then on the account may have this key.
      record.account = state.account;
      record.waits = true;
      await keepKey(record);
      const proof = await sign(record.handle, possession(record.pub, state.account, state.number, fromBase64url(state.prev)));
      await patient(() => main.post(`${path}/proof`, { proof: base64url(proof) }));
      if (!proved) compare(app, record);
      proved = place;
    }
    await pause();
  }
}

const compare = (app, record) => app.show(() => ({
  title: t("device.compare_title"),
  body: [
    h("p.lead", null, t("device.compare")),
    h("h2", null, t("device.print")),
    h("p.print", null, fingerprint(record.pub)),
    h("dl.facts", null, h("dt", null, t("device.whose")), h("dd", null, h("span.code", null, spaced(record.account)))),
    h("p.waiting", { role: "status" }, h("progress", { "aria-label": t("device.compare_wait") }), " ", t("device.compare_wait")),
  ],
}));

async function joined(main, record, account) {
  const chain = await chainOf(main, account);
  if (!chain.keys.some((key) => key.standing === "active" && equal(key.pub, record.pub))) throw new PageError("key_not_added");
  Object.assign(record, { account, home: chain.home, name: chain.cooperative?.name ?? null, waits: false });
  await keepKey(record);
  return true;
}

// --- recovery ----------------------------------------------------------------------------------------------------------------------------

/**
 * @param {import("./app.js").App} app @param {string} origin @param {any} registry
 * @param {"keys" | "sheet"} what new keys, or a new sheet alone
 */
export async function recover(app, origin, registry, what) {
  const main = new Main(origin);
  app.cancel = main.url(what === "keys" ? "/recover" : "/me/keys");
  const { seed, chain } = await fromSheet(app, main, what);
  app.owner = chain.cooperative?.name ?? null;
  app.guarded = true;
  const branch = chain.forked ? await chooseBranch(app, chain.forked) : null;
  const revoke = what === "keys" ? await chooseLost(app, chain) : [];
  const name = app.owner;
  const record = what === "keys" ? await replaceKey(app, { home: chain.home, name, account: chain.account }) : null;
  const next = record ? record.recovery : await replaceSheet(app, name);
  const fields = await recoverPayload(seed, chain, { record, next, revoke, branch });
  const answer = await signAndSend(app, main, registry, seed, chain, { fields, record, what });
  seed.fill(0);
  app.guarded = false;
  app.cancel = null;
  if (what === "sheet") return done(app, main, t("recover.done_sheet_title"), [t("recover.done_sheet", { index: number(answer.index) })]);
  const known = (await patient(() => chainOf(main, chain.account)))?.keys.find((key) => record && equal(key.pub, record.pub));
  const lines = [
    known && t("recover.done", { time: dateTime(known.since) }),
    t("recover.done_told", { index: number(answer.index) }),
    revoke.length < living(chain).length && t("recover.done_faster"),
    t("recover.done_stop"),
    t("recover.done_keep"),
  ];
  done(app, main, t("recover.done_title"), lines.filter(Boolean));
}

const living = (chain) => chain.keys.filter((key) => key.standing === "active" || key.standing === "waiting");

function done(app, main, title, [first, ...lines]) {
  app.show(() => ({
    title,
    body: [notice("ok", first), lines.length > 0 && [h("h2", null, t("receipt.next")), h("ul.steps", null, lines.map((line) => h("li", null, line)))], h("a.btn.wide", { href: main.url("/") }, t("recover.site"))],
  }));
}

/** The typed groups until they are a key of an account of this node. */
async function fromSheet(app, main, what) {
  const typed = Array(GROUPS).fill("");
  let told = "";
  for (;;) {
    const seed = await askGroups(app, what, typed, told);
    try {
      const { accounts } = await main.post("/api/v1/accounts/find", { recovery: base64url(recoveryCommitment(publicKey(seed))) });
      const account = accounts.length > 1 ? await chooseAccount(app, accounts) : accounts[0];
      return { seed, chain: await chainOf(main, account) };
    } catch (error) {
      seed.fill(0);
      if (error instanceof Problem && error.status === 404) told = "recover.unknown";
      else if (error instanceof Unreachable || (error instanceof Problem && error.status === 429)) told = `error.${error.code}`;
      else throw error;
    }
  }
}

/** @param {string[]} typed changed in place, so that nothing has to be typed twice @returns {Promise<Uint8Array>} */
const askGroups = (app, what, typed, told) => app.ask((answer) => {
  const error = h("p.field-error", { id: "groups-error", role: "alert" }, told && t(told));
  const clean = (text) => text.toUpperCase().replace(/[\s-]/g, "");
  const spread = (place, text) => {
    const all = clean(text.replace(/^[\s\S]*COOPNODE-RECOVERY-1:/i, "")).match(/.{1,4}/g) ?? [];
    all.slice(0, GROUPS - place).forEach((group, at) => { typed[place + at] = fields[place + at].value = group; });
    fields[Math.min(place + all.length, GROUPS - 1)].focus();
  };
  const fields = typed.map((group, place) => {
    const take = () => {
      const value = clean(field.value);
      if (value.length > 4) return spread(place, value);
      typed[place] = value;
      field.removeAttribute("aria-invalid");
      if (value.length === 4 && field.selectionStart === field.value.length) fields[place + 1]?.focus();
    };
    const field = h("input.group", { id: `sheet-${place}`, type: "text", autocomplete: "off", autocapitalize: "characters", spellcheck: "false", "aria-describedby": "groups-error", oninput: take });
    field.value = group;
    return field;
  });
  const whole = h("textarea", { id: "sheet-text", rows: 3, autocomplete: "off", spellcheck: "false", oninput: () => { if (clean(whole.value).length >= 4 * GROUPS) { spread(0, whole.value); whole.value = ""; } } });
  const check = (event) => {
    event.preventDefault();
    fields.forEach((field) => field.removeAttribute("aria-invalid"));
    const wrong = mistake(typed);
    if (!wrong) return answer(parse(typed.join("")));
    error.textContent = t(`recover.${wrong.kind}`, { place: wrong.place + 1, other: (wrong.other ?? 0) + 1, letter: wrong.letter ?? "" });
    if (wrong.kind === "check") return;
    for (const place of [wrong.other, wrong.place]) if (place !== undefined) fields[place].setAttribute("aria-invalid", "true");
    fields[wrong.place].focus();
  };
  return {
    title: t(what === "keys" ? "recover.title" : "recover.sheet_title"),
    body: [
      h("p.lead", null, t(what === "keys" ? "recover.lead" : "recover.sheet_lead")),
      h("form.stack", { onsubmit: check, novalidate: true },
        h("fieldset.sheetgroups", null, h("legend", null, t("recover.legend")), fields.map((field, place) => h("div", null, h("label", { for: field.id }, t("recover.group", { place: place + 1 })), field))),
        error,
        h("details.alt", null, h("summary", null, t("recover.paste")), h("label", { for: "sheet-text" }, t("recover.paste_label")), whole),
        h("button.btn.wide", { type: "submit" }, t("recover.next"))),
      h("p.law", null, t("recover.law")),
    ],
  };
});

/** @returns {Promise<string>} */
export const chooseAccount = (app, accounts, title = "recover.which") => app.ask((answer) => ({
  title: t(title),
  body: [h("ul.list", null, accounts.map((account) => h("li", null, h("button.pick", { type: "button", onclick: () => answer(account) }, icon("key"), h("span.code", null, spaced(account))))))],
}));

const chooseBranch = (app, forked) => app.ask((answer) => ({
  title: t("recover.branch_title"),
  body: [
    notice("warn", t("recover.branch_lead")),
    h("ul.list", null, ["ours", "other"].map((each) => h("li", null, h("button.pick", { type: "button", onclick: () => answer(forked[each]) }, icon("key"), h("span", null, h("b", null, t(`recover.branch_${each}`)), h("span.code", null, fingerprint(forked[each]))))))),
  ],
}));

/** @returns {Promise<Uint8Array[]>} */
const chooseLost = (app, chain) => app.ask((answer) => {
  const keys = living(chain);
  const boxes = keys.map((key, place) => h("input", { type: "checkbox", id: `lost-${place}`, checked: true }));
  const line = (key) => (key.standing === "waiting" ? t("recover.keys_waiting") : t("recover.keys_since", { day: day(new Date(key.since * 1000)) }));
  return {
    title: t("recover.keys_title"),
    body: [
      h("dl.facts", null, h("dt", null, t("recover.number")), h("dd", null, h("span.code", null, spaced(chain.account)))),
      h("p.lead", null, t(keys.length ? "recover.keys_lead" : "recover.keys_none")),
      keys.map((key, place) => h("label.check", { for: `lost-${place}` }, boxes[place], h("span", null, h("span.code", null, fingerprint(key.pub.slice(0, 6)), " …"), h("br", null), h("span.muted", null, line(key))))),
      button(t("next"), () => answer(keys.filter((_, place) => boxes[place].checked).map((key) => key.pub))),
    ],
  };
});

/** Payload of account.recover/1 (SPEC §6.1). */
async function recoverPayload(seed, chain, { record, next, revoke, branch }) {
  const key = (pub, scope) => ({ alg: ED25519, pub, scope });
  return {
    type: "account.recover/1", number: chain.number, prev: chain.prev, recovery: key(publicKey(seed), "recovery"), next,
    keys: record ? [key(record.pub, "sign")] : [],
    proofs: record ? [await sign(record.handle, possession(record.pub, chain.account, chain.number, chain.prev))] : [],
    revoke, ...(branch ? { branch } : {}),
  };
}

/** Shows the document, signs it with the key of the sheet and sends it. */
async function signAndSend(app, main, registry, seed, chain, { fields, record, what }) {
  const keys = what === "keys";
  await readAndHold(app, registry, {
    draft: draftOf(publicKey(seed), chain.account, fields),
    title: keys ? "recover.sign_title" : "recover.sign_sheet",
    effect: () => (keys ? `${said(registry.types[fields.type]?.effect)} ${t("recover.consequence")}` : t("recover.consequence_sheet")),
    hold: "recover.hold",
  });
  app.busy("busy.send");
  const fresh = draftOf(publicKey(seed), chain.account, fields); // read for long: the same payload with the time of signing
  const statement = assemble(fresh.protected, fresh.payload, signWithSeed(seed, sigStructure(fresh.protected, fresh.payload)));
  if (record) {
    record.waits = true;
    await keepKey(record); // from here on the account may have it
  }
  return deliver(app, main, chain, fresh, statement);
}

/** Where a device without a key may go from here. @param {(what: string) => void} answer */
export const ways = (answer) => [ghost(t("care.device"), () => answer("device")), ghost(t("care.recover"), () => answer("recover"))];
