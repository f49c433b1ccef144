// The gesture that signs: press and hold, with finger, mouse, Enter or Space. A tap does nothing. Screen readers and switches send a bare
// click, which opens the same decision as two ordinary steps; so does the link below the button.

import { h } from "./dom.js";
import { t } from "./i18n.js";

export const HOLD_MS = 1200;

/** @param {{label: string, onsign: () => void, blocked?: () => string | null}} of `blocked` gives the reason why not yet */
export function holdToSign({ label, onsign, blocked = () => null }) {
  let timer = 0;
  let touched = false;
  let done = false;
  const words = h("span.hold-label", null, label);
  const said = h("p.hold-status", { role: "status" });
  const area = h("div.hold-area");

  const allowed = () => {
    const reason = blocked();
    said.textContent = reason ?? "";
    said.className = reason ? "hold-status warn" : "hold-status";
    return !reason && !done;
  };
  const start = () => {
    touched = true;
    if (timer || !allowed()) return;
    press.classList.add("holding");
    words.textContent = t("hold.keep");
    timer = window.setTimeout(finish, HOLD_MS);
  };
  const stop = () => {
    if (!timer || done) return;
    clearTimeout(timer);
    timer = 0;
    press.classList.remove("holding");
    words.textContent = label;
    said.textContent = t("hold.longer");
  };
  const finish = () => {
    done = true;
    press.classList.remove("holding");
    press.classList.add("held");
    onsign();
  };
  const isKey = (event) => event.key === "Enter" || event.key === " ";
  const press = h("button.btn.wide.hold", {
    type: "button",
    onpointerdown: (event) => event.button === 0 && start(),
    onpointerup: stop, onpointerleave: stop, onpointercancel: stop, onblur: stop,
    oncontextmenu: (event) => event.preventDefault(),
    onkeydown: (event) => { if (isKey(event)) { event.preventDefault(); if (!event.repeat) start(); } },
    onkeyup: (event) => { if (isKey(event)) { event.preventDefault(); stop(); } },
    onclick: () => { if (!touched) twoSteps(); touched = false; },
  }, h("span.hold-fill", { "aria-hidden": "true" }), words);
  const twoSteps = () => {
    if (!allowed()) return;
    const sure = h("button.btn.wide", { type: "button", onclick: () => !done && finish() }, t("hold.sure"));
    const back = h("button.btn.ghost.wide", { type: "button", onclick: () => { area.replaceChildren(...first); press.focus(); } }, t("hold.not_yet"));
    area.replaceChildren(h("p", { role: "status" }, t("hold.question")), sure, back);
    back.focus(); // the harmless answer
  };
  const first = [press, said, h("button.link", { type: "button", onclick: twoSteps }, t("hold.two_steps"))];
  area.append(...first);
  return area;
}
