// The frame around every screen, and the way screens follow each other: a flow is an async function that asks and waits for the answer.

import { h, icon } from "./dom.js";
import { currentLanguage, setLanguage, t } from "./i18n.js";
import { PageError } from "./request.js";

/**
 * @typedef {object} Screen
 * @property {string} title
 * @property {any[]} body
 * @property {string} [step] "step 2 of 5"
 * @property {boolean} [wide]
 * @property {boolean} [calm] do not move the focus: the screen only repeats itself
 */

export class App {
  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    /** @type {string | null} where "Cancel" leads */
    this.cancel = null;
    /** @type {string | null} the cooperative's name */
    this.owner = null;
    /** @type {(() => Screen) | null} */
    this.draw = null;
    this.guarded = false;
    /** Signed bytes may have left: "nothing was sent" would be a lie. */
    this.sent = false;
    addEventListener("beforeunload", (event) => this.guarded && event.preventDefault());
  }

  /** @param {() => Screen} draw called again when the language changes */
  show(draw) {
    this.draw = draw;
    const { title, body, step, wide, calm } = draw();
    document.title = `${title} · ${t("brand")}`;
    const heading = h("h1", { tabindex: -1 }, title);
    this.root.replaceChildren(
      h("a.skip", { href: "#main", onclick: (event) => { event.preventDefault(); heading.focus(); } }, t("skip")),
      this.header(),
      h(wide ? "main.sheet.wide" : "main.sheet", { id: "main" }, step && h("p.step", null, step), heading, body),
      h("footer.foot", null, h("p", null, t("footer", { origin: location.host }), " ", h("a", { href: "#p=about", target: "_blank", rel: "noopener" }, t("footer.about")))),
    );
    if (!calm) {
      scrollTo(0, 0);
      heading.focus({ preventScroll: true });
    }
  }

  header() {
    const other = currentLanguage() === "ru" ? "en" : "ru";
    const switched = () => { setLanguage(other); if (this.draw) this.show(this.draw); };
    return h("header.top", null,
      h("span.mono", { "aria-hidden": "true" }, icon("lock")),
      h("div.owner", null, h("b", null, t("brand")), this.owner && h("span", null, this.owner)),
      h("button.quiet", { type: "button", lang: other, onclick: switched, title: t("switch_language") }, other.toUpperCase()),
      this.cancel && h("a.quiet", { href: this.cancel }, t("cancel")),
    );
  }

  /**
   * Shows a screen and waits for its answer.
   * @template A
   * @param {(answer: (value: A) => void) => Screen} draw
   * @returns {Promise<A>}
   */
  ask(draw) {
    return new Promise((resolve) => this.show(() => draw(resolve)));
  }

  /** @param {string} key */
  busy(key) {
    this.show(() => ({ title: t(key), body: [h("p.waiting", { role: "status" }, h("progress", { "aria-label": t(key) }))] }));
  }

  /**
   * A long work with a bar. What it gives moves the bar, and lets the browser paint.
   * @param {string} key @param {number} of
   */
  work(key, of) {
    const bar = h("progress", { max: of, value: 0, "aria-label": t(key) });
    const words = h("p.muted", null, "");
    this.show(() => ({ title: t(key), body: [h("p.waiting", null, bar), words, h("p.muted", null, t("work.leave"))] }));
    return async (done) => {
      bar.value = done;
      words.textContent = t("work.count", { done, of });
      await new Promise((painted) => setTimeout(painted));
    };
  }

  /** The end of a flow that failed. @param {unknown} error */
  fail(error) {
    this.guarded = false;
    const code = error instanceof PageError ? error.code : "unexpected";
    if (code === "unexpected") console.error(error);
    const facts = error instanceof PageError ? error.facts : {};
    this.show(() => ({
      title: t("fail.title"),
      body: [
        notice("bad", explain(code, facts)),
        !(error instanceof PageError) && h("p.code", null, String(error instanceof Error ? error.message : error)),
        !this.sent && h("p", null, t("fail.nothing")),
        h("div.row", null,
          this.cancel && h("a.btn", { href: this.cancel }, t("go_back")),
          h("button.btn.ghost", { type: "button", onclick: () => location.reload() }, t("try_again")),
        ),
      ],
    }));
  }
}

/** @param {string} code @param {{[name: string]: any}} [facts] */
export function explain(code, facts) {
  try {
    return t(`error.${code}`, facts);
  } catch {
    return t("error.other", { code });
  }
}

/** @param {"info" | "warn" | "bad" | "ok"} kind @param {...any} children */
export const notice = (kind, ...children) =>
  h(`div.notice.${kind}`, kind === "bad" ? { role: "alert" } : null, icon(kind === "ok" ? "check" : kind === "info" ? "key" : "alert"), h("div", null, children));

/** @param {string} label @param {() => void} act @param {object} [more] */
export const button = (label, act, more) => h("button.btn.wide", { type: "button", onclick: act, ...more }, label);
/** @param {string} label @param {() => void} act */
export const ghost = (label, act) => h("button.btn.ghost.wide", { type: "button", onclick: act }, label);
