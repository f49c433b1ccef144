// The public verification page checks the document again in the reader's browser. The server prepares everything, words included:
//
//   <section data-verify data-evidence="/api/v1/documents/<hex>/evidence" data-fingerprint="<hex>" data-state="wait">
//     <li data-check="signature" data-state="wait" data-ok="…" data-bad="…"><span data-words>…</span></li>   one for each check
//     <p data-result data-ok="…" data-bad="…" data-unavailable="…" role="status"></p>
//   </section>
//
// This module sets data-state (wait, ok, bad, unavailable) and text. The page stays readable without it.

import { selfCheck } from "../signing/ed25519.js";
import { CHECKS, check } from "./checks.js";

/** @param {HTMLElement} section */
async function run(section) {
  const result = section.querySelector("[data-result]");
  const end = (state) => {
    section.dataset.state = state;
    if (result) say(/** @type {HTMLElement} */ (result), state);
  };
  let evidence;
  try {
    await selfCheck();
    const response = await fetch(section.dataset.evidence ?? "", { headers: { accept: "application/json" } });
    if (!response.ok) return end("unavailable"); // not public, or the reader is not entitled
    evidence = await response.json();
  } catch {
    return end("unavailable");
  }
  const { results } = check(evidence, section.dataset.fingerprint ?? "");
  for (const name of CHECKS) {
    const line = section.querySelector(`[data-check="${name}"]`);
    if (line) say(/** @type {HTMLElement} */ (line), results[name] ? "ok" : "bad");
  }
  end(CHECKS.every((name) => results[name]) ? "ok" : "bad");
}

/** @param {HTMLElement} element @param {string} state */
function say(element, state) {
  element.dataset.state = state;
  const words = element.dataset[state];
  if (words !== undefined) (element.querySelector("[data-words]") ?? element).textContent = words;
}

for (const section of document.querySelectorAll("[data-verify]")) run(/** @type {HTMLElement} */ (section));
