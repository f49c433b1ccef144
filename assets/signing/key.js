// Making a key and bringing one back. A new key is stored only after its copy was opened again and the sheet was read back: before that,
// closing the page leaves nothing behind.

import { button, explain, ghost, notice } from "./app.js";
import { BackupError, normal, open, seal } from "./backup.js";
import { equal, fingerprint, random } from "./bytes.js";
import { download, h, icon } from "./dom.js";
import { publicKey } from "./ed25519.js";
import { currentLanguage, t } from "./i18n.js";
import { keepKey, makeRecord, recoveryCommitment } from "./keys.js";
import { generate, strength } from "./passphrase.js";
import { groups } from "./recovery.js";
import { paper } from "./sheetpaper.js";
import { askToKeep } from "./store.js";

const STEPS = 5;
const step = (place) => t("step", { place, of: STEPS });

/**
 * @param {import("./app.js").App} app
 * @param {{home: string | null, name: string | null, have: boolean}} of
 * @returns {Promise<import("./keys.js").KeyRecord | null>} null: the person would rather restore one
 */
export async function makeKey(app, { home, name, have }) {
  if ((await intro(app, have)) === "restore") return null;
  app.guarded = true;
  const passphrase = await choosePassphrase(app);
  const made = await create(app, passphrase, home, name);
  await saveFile(app, made, name);
  await paperSheet(app, made, name);
  made.recovery.fill(0);
  await keepKey(made.record);
  app.guarded = false;
  return made.record;
}

/**
 * A key in place of lost ones, with a new sheet: the same steps, for an account that exists. Not stored yet.
 * @param {import("./app.js").App} app @param {{home: string, name: string | null, account: string}} of
 * @returns {Promise<import("./keys.js").KeyRecord>}
 */
export async function replaceKey(app, { home, name, account }) {
  const passphrase = await choosePassphrase(app);
  const made = await create(app, passphrase, home, name, account);
  await saveFile(app, made, name);
  await paperSheet(app, made, name);
  made.recovery.fill(0);
  return made.record;
}

/** A new sheet alone; gives the commitment of its recovery key. @param {import("./app.js").App} app @param {string | null} name */
export async function replaceSheet(app, name) {
  const recovery = random(32);
  const commitment = recoveryCommitment(publicKey(recovery));
  await paperSheet(app, { recovery }, name);
  recovery.fill(0);
  return commitment;
}

const intro = (app, have) => app.ask((answer) => ({
  title: t("make.title"),
  body: [
    h("p.lead", null, t("make.lead")),
    have && notice("info", t("make.have")),
    h("ul.plain", null, [1, 2, 3].map((place) => h("li", null, icon("check"), h("span", null, t(`make.need${place}`))))),
    button(t("make.start"), () => { askToKeep(); answer("make"); }),
    ghost(t("make.restore"), () => answer("restore")),
    h("p.muted", null, t("make.where")),
  ],
}));

async function choosePassphrase(app) {
  const state = { own: false, words: generate(currentLanguage()), typed: "" };
  return app.ask((answer) => {
    const meter = h("p.meter", { id: "meter", role: "status" });
    const error = h("p.field-error", { id: "pass-error", role: "alert" });
    const field = h("input", { id: "own", type: "text", autocomplete: "off", autocapitalize: "none", spellcheck: "false", "aria-describedby": "meter pass-error", oninput: () => { state.typed = field.value; judge(); } });
    field.value = state.typed;
    const written = h("input", { type: "checkbox", id: "written" });
    const suggested = h("div.suggested", null, h("p.phrase", { lang: currentLanguage() }, state.words));
    const judge = () => {
      const level = strength(normal(field.value));
      meter.textContent = field.value ? t(`strength.${level}`) : t("strength.none");
      meter.dataset.level = field.value ? level : "";
    };
    const mine = h("div", null, h("label", { for: "own" }, t("pass.own_label")), field, meter);
    const another = h("button.link", { type: "button", onclick: () => { state.words = generate(currentLanguage()); suggested.firstChild.textContent = state.words; } }, t("pass.another"));
    const choose = (own) => { state.own = own; mine.hidden = !own; suggested.hidden = another.hidden = own; };
    const option = (own, label) => h("label", null, h("input", { type: "radio", name: "kind", checked: state.own === own, onchange: () => choose(own) }), label);
    choose(state.own);
    judge();
    const next = () => {
      const passphrase = state.own ? normal(field.value) : state.words;
      error.textContent = state.own && strength(passphrase) === "weak" ? t("pass.too_weak") : !written.checked ? t("pass.not_written") : "";
      if (!error.textContent) answer(passphrase);
    };
    return {
      title: t("pass.title"), step: step(1),
      body: [
        h("p.lead", null, t("pass.lead")),
        h("fieldset.choice", null, h("legend", null, t("pass.legend")), option(false, t("pass.suggested")), option(true, t("pass.own"))),
        suggested, another, mine,
        h("label.check", { for: "written" }, written, h("span", null, t("pass.written"))),
        error, button(t("next"), next),
        h("p.law", null, t("pass.law")),
      ],
    };
  });
}

/** The seeds live inside this function, the recovery seed until the sheet is confirmed. */
async function create(app, passphrase, home, name, account = null) {
  const progress = h("progress", { max: 1, value: 0, "aria-label": t("create.title") });
  app.show(() => ({ title: t("create.title"), body: [h("p", null, t("create.lead")), progress] }));
  await new Promise((resume) => setTimeout(resume, 50)); // let the screen appear before the heavy work
  const [seed, recovery, nonce] = [random(32), random(32), random(16)];
  const commitment = recoveryCommitment(publicKey(recovery));
  const backup = await seal({ seed, recovery: commitment, nonce, home, account }, passphrase, (done) => { progress.value = done; });
  const record = await makeRecord({ seed, recovery: commitment, nonce, home, name, account }); // zeroes the seed
  return { record, backup, recovery };
}

function fileText(made, name) {
  const lines = [t("file.title"), "", [name, new Date().toISOString().slice(0, 10), location.origin].filter(Boolean).join(", "), `${t("paper.key")} ${fingerprint(made.record.pub)}`, "", t("file.how"), "", made.backup, ""];
  return lines.join("\r\n");
}

async function saveFile(app, made, name) {
  for (;;) {
    await app.ask((answer) => {
      const next = button(t("next"), () => answer(true), { disabled: true });
      const row = h("div.download", null);
      const file = `coopnode-key-${made.record.id.slice(0, 8)}.txt`;
      row.append(ghost(t("save.download"), () => { download(row, file, fileText(made, name)); next.disabled = false; }));
      row.firstChild.prepend(icon("download"));
      return { title: t("save.title"), step: step(2), body: [h("p.lead", null, t("save.lead")), row, h("p.muted", null, t("save.where", { file })), next] };
    });
    if (await checkFile(app, made)) return;
  }
}

const checkFile = (app, made) => app.ask((answer) => {
  const opener = backupForm("check", async (secret) => {
    secret.seed.fill(0);
    if (equal(secret.pub, made.record.pub)) return answer(true);
    return t("check.other_key");
  });
  return { title: t("check.title"), step: step(3), body: [h("p.lead", null, t("check.lead")), opener, ghost(t("back"), () => answer(false))] };
});

/**
 * A file or pasted text, the passphrase, and what to do with the opened secret (gives an error text or nothing).
 * @param {string} name @param {(secret: any) => Promise<string | void>} use
 */
function backupForm(name, use) {
  const error = h("p.field-error", { id: `${name}-error`, role: "alert" });
  const file = h("input", { id: `${name}-file`, type: "file", accept: ".txt,text/plain", "aria-describedby": `${name}-error` });
  const pasted = h("textarea", { id: `${name}-text`, rows: 4, autocomplete: "off", autocapitalize: "characters", spellcheck: "false" });
  const pass = h("input", { id: `${name}-pass`, type: "text", autocomplete: "off", autocapitalize: "none", spellcheck: "false", "aria-describedby": `${name}-error` });
  const progress = h("progress", { max: 1, value: 0, hidden: true, "aria-label": t("open.working") });
  const submit = h("button.btn.wide", { type: "submit" }, t(`${name}.submit`));
  const work = async (event) => {
    event.preventDefault();
    error.textContent = "";
    const text = file.files?.[0] ? await file.files[0].text() : pasted.value;
    if (!text.trim()) return void (error.textContent = t("open.nothing"));
    if (!normal(pass.value)) return void (error.textContent = t("open.no_passphrase"));
    submit.disabled = true;
    progress.hidden = false;
    try {
      const secret = await open(text, pass.value, (done) => { progress.value = done; });
      error.textContent = (await use(secret)) ?? "";
    } catch (reason) {
      error.textContent = explain(reason instanceof BackupError ? reason.code : "unexpected");
    } finally {
      submit.disabled = false;
      progress.hidden = true;
    }
  };
  return h("form.stack", { onsubmit: work, novalidate: true },
    h("label", { for: `${name}-file` }, t("open.file")), file,
    h("details.alt", null, h("summary", null, t("open.paste")), h("label", { for: `${name}-text` }, t("open.text")), pasted),
    h("label", { for: `${name}-pass` }, t("open.passphrase")), pass, error, progress, submit);
}

async function paperSheet(app, made, name) {
  const words = groups(made.recovery);
  for (;;) {
    await app.ask((answer) => ({
      title: t("sheet.title"), step: made.record && step(4), wide: true,
      body: [
        h("p.lead", null, t("sheet.lead")),
        h("div.row", null, button(t("sheet.print"), () => window.print()), ghost(t("sheet.copied"), () => answer(true))),
        paper({ backup: made.backup ?? null, groups: words, name, pub: made.record ? fingerprint(made.record.pub) : "" }),
      ],
    }));
    if (await confirmGroups(app, words, made.record ? step(5) : undefined)) return;
  }
}

function confirmGroups(app, words, place) {
  const first = random(1)[0] % words.length;
  const asked = [first, (first + 1 + (random(1)[0] % (words.length - 1))) % words.length].sort((a, b) => a - b);
  return app.ask((answer) => {
    const error = h("p.field-error", { id: "groups-error", role: "alert" });
    const fields = asked.map((place) => h("input.group", { id: `group-${place}`, type: "text", maxlength: 6, autocomplete: "off", autocapitalize: "characters", spellcheck: "false", "aria-describedby": "groups-error" }));
    const check = (event) => {
      event.preventDefault();
      const right = fields.every((field, at) => field.value.replace(/\s/g, "").toUpperCase() === words[asked[at]]);
      if (right) answer(true);
      else error.textContent = t("confirm.wrong");
    };
    return {
      title: t("confirm.title"), step: place,
      body: [
        h("p.lead", null, t("confirm.lead")),
        h("form.stack", { onsubmit: check, novalidate: true },
          asked.map((place, at) => [h("label", { for: `group-${place}` }, t("confirm.group", { place: place + 1 })), fields[at]]),
          error, h("button.btn.wide", { type: "submit" }, t("confirm.submit"))),
        ghost(t("confirm.again"), () => answer(false)),
      ],
    };
  });
}

/**
 * A key from its copy. The copy exists, so the key may be used at once; the login key is new and this device's own.
 * @param {import("./app.js").App} app
 * @param {{name: string | null, fits: (record: any) => boolean, back: boolean}} of
 * @returns {Promise<import("./keys.js").KeyRecord | null>}
 */
export function restoreKey(app, { name, fits, back }) {
  return app.ask((answer) => {
    const form = backupForm("restore", async (secret) => {
      const record = await makeRecord({ seed: secret.seed, recovery: secret.recovery, nonce: secret.nonce, home: secret.home, name, account: secret.account });
      record.waits = secret.account !== null;
      if (!fits(record)) return t("error.other_account");
      askToKeep();
      await keepKey(record);
      answer(record);
    });
    return {
      title: t("restore.title"),
      body: [h("p.lead", null, t("restore.lead")), form, back && ghost(t("back"), () => answer(null)), h("p.law", null, t("restore.law"))],
    };
  });
}
