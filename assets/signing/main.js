// Entry of the signing origin (P28): finds out what is asked for and starts the flow. Nothing runs before the Ed25519 vectors came out right.

import "./signing.css";
import { App } from "./app.js";
import { addDevice, recover } from "./care.js";
import { selfCheck } from "./ed25519.js";
import { contradiction, run } from "./flow.js";
import { about, home } from "./home.js";
import { setLanguage, setZone } from "./i18n.js";
import { makeInvitations, receive } from "./invitations.js";
import { list as invitationList } from "./letters.js";
import { Contradiction } from "./log.js";
import { object } from "./objection.js";
import { Main, PageError, loadRequest, parseFragment, pinnedMain } from "./request.js";

async function start() {
  const app = new App(/** @type {HTMLElement} */ (document.getElementById("app")));
  const asked = parseFragment(location.hash);
  setLanguage(asked.language ?? (navigator.language.startsWith("ru") ? "ru" : "en"));
  try {
    // A frame could be dressed up by its parent; the header forbids it, this is for browsers that miss it.
    if (window.top !== window) throw new PageError("framed");
    if (!globalThis.crypto?.subtle || !globalThis.indexedDB) throw new PageError("old_browser");
    if (asked.page === "about") return about(app);
    app.busy("busy.start");
    const [origin] = await Promise.all([pinnedMain(), selfCheck()]);
    if (asked.page === "invitations") return await invitationList(app, origin);
    if (!asked.token && asked.invitation !== null) return await receive(app, origin, asked.invitation);
    if (asked.page === "device") return await addDevice(app, origin);
    if (asked.page === "recover" || asked.page === "sheet") return await recover(app, origin, await ownRegistry(), asked.page === "sheet" ? "sheet" : "keys");
    if (asked.page === "object") return await object(app, origin, await ownRegistry(), asked.account);
    if (!asked.token) return await home(app, origin);
    if (asked.main !== origin) throw new PageError("other_main", { asked: asked.main ?? "", main: origin });
    const main = new Main(origin);
    const [request, registry] = await Promise.all([loadRequest(main, asked.token), ownRegistry()]);
    if (!asked.language) setLanguage(request.locale);
    setZone(request.zone);
    await run({ app, main, token: asked.token, request, registry, made: makeInvitations(request) });
  } catch (error) {
    if (error instanceof Contradiction) contradiction(app, error);
    else app.fail(error);
  }
}

/** Titles and formats come with this origin's own hash-listed files, never from the site that asks. */
async function ownRegistry() {
  return (await fetch("/build/registry.json", { credentials: "omit" })).json();
}

addEventListener("hashchange", () => location.reload());
start();
