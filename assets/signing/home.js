// What one sees without a request: the keys of this device, what is still on its way, and what all this protects.

import { button, ghost, notice } from "./app.js";
import { fingerprint } from "./bytes.js";
import { addDevice } from "./care.js";
import { h, icon } from "./dom.js";
import { currentLanguage, day, t } from "./i18n.js";
import { anyKept } from "./invitations.js";
import { restoreKey } from "./key.js";
import { allKeys, forgetKey } from "./keys.js";
import { parcels } from "./outbox.js";

/** @param {import("./app.js").App} app @param {string} main */
export async function home(app, main) {
  for (;;) {
    const keys = await allKeys();
    const invited = await anyKept();
    const waiting = (await parcels.all()).filter((parcel) => parcel.state === "sending");
    const choice = await app.ask((answer) => ({
      title: t("home.title"),
      body: [
        h("p.lead", null, t("home.lead")),
        waiting.length > 0 && [h("h2", null, t("home.outbox")), waiting.map((parcel) => notice("warn", h("p", null, t("home.waiting", { count: parcel.items.length })), h("a", { href: `#r=${encodeURIComponent(parcel.id)}&m=${encodeURIComponent(parcel.main)}` }, t("waiting.now"))))],
        h("h2", null, t("home.keys")),
        keys.length ? keys.map((key) => card(key, answer)) : h("p.empty", null, t("home.none")),
        invited && h("p", null, h("a", { href: "#p=invitations" }, t("invite.open_list"))),
        h("div.row", null, button(t("nokey.restore"), () => answer({ what: "restore" })), h("a.btn.ghost.wide", { href: main }, t("home.site"))),
        h("ul.plain", null, [["device", "care.device"], ["recover", "care.recover"], ["sheet", "care.replace"], ["object", "object.way"]].map(([page, words]) => h("li", null, h("a", { href: `#p=${page}&l=${currentLanguage()}` }, t(words))))),
      ],
    }));
    if (choice.what === "restore") await restoreKey(app, { name: null, fits: () => true, back: true });
    else if (choice.what === "confirm") return addDevice(app, main, choice.key);
    else if (await sure(app, choice.key)) await forgetKey(choice.key);
  }
}

const card = (key, answer) => h("section.card", null,
  h("h3", null, icon("key"), key.name ?? t("choose.unnamed")),
  h("dl.facts", null,
    h("dt", null, t("login.who")), h("dd", null, h("span.code", null, key.account ? key.account.replace(/.{4}(?=.)/g, "$& ") : t("choose.pending"))),
    h("dt", null, t("paper.key")), h("dd", null, h("span.code", null, fingerprint(key.pub))),
    key.waits && [h("dt", null, t("home.state")), h("dd", null, t("home.waits"))],
    h("dt", null, t("home.made")), h("dd", null, day(new Date(key.created * 1000)))),
  key.waits && key.account && h("p", null, h("button.link", { type: "button", onclick: () => answer({ what: "confirm", key }) }, t("care.confirm"))),
  h("button.link.danger", { type: "button", onclick: () => answer({ what: "forget", key }) }, t("home.forget")));

const sure = (app, key) => app.ask((answer) => ({
  title: t("forget.title"),
  body: [
    notice("warn", h("p", null, t("forget.lead", { name: key.name ?? t("choose.unnamed") })), h("p", null, t("forget.back"))),
    button(t("forget.no"), () => answer(false)),
    h("button.btn.ghost.wide.danger", { type: "button", onclick: () => answer(true) }, t("forget.yes")),
  ],
}));

/** The note for those who want to know exactly (P29). @param {import("./app.js").App} app */
export function about(app) {
  const part = (name, count) => [h("h2", null, t(`about.${name}`)), h("ul", null, Array.from({ length: count }, (_, place) => h("li", null, t(`about.${name}${place + 1}`))))];
  app.show(() => ({ title: t("about.title"), body: [h("p.lead", null, t("about.lead")), part("yes", 5), part("no", 4), part("do", 4)] }));
}
