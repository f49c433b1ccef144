// The signing sheet: the document in plain type, what belongs to it, what follows from it, and the one gesture.

import { button, ghost, notice } from "./app.js";
import { fingerprint, fromUtf8 } from "./bytes.js";
import { h, icon } from "./dom.js";
import { holdToSign } from "./hold.js";
import { dateTime, said, t } from "./i18n.js";
import { renderDocument, renderEnvelope, typeTitle, visible } from "./render.js";

/** @param {{draft: any, texts: any[], registry: any, names: any, place: number, of: number, again: boolean, answer: (what: "sign" | "next" | "back") => void}} of_ */
export function documentScreen({ draft, texts, registry, names, place, of, again, answer }) {
  const unread = () => {
    const left = texts.filter((text) => !text.read);
    return left.length ? t("texts.unread", { title: left[0].title }) : null;
  };
  const status = h("p.hold-status.warn", { role: "status" });
  const next = () => { status.textContent = unread() ?? ""; if (!unread()) answer("next"); };
  const effect = said(registry.types[draft.shown.type]?.effect);
  return {
    title: t(of > 1 ? "sheet.readit" : "sheet.sign"),
    step: of > 1 ? t("sheet.place", { place: place + 1, of }) : undefined,
    body: [
      h("p.muted", null, t("sheet.this")),
      again && of === 1 && notice("warn", t("sheet.again")),
      renderDocument(draft, registry, names),
      texts.length > 0 && h("section", null, h("h2", null, t("texts.title")), h("p.muted", null, t("texts.help")), texts.map(textBlock)),
      (effect || draft.item.consequence) && h("p.law", null, h("b", null, t("sheet.effect")), " ", [effect, draft.item.consequence].filter(Boolean).map(visible).join(" ")),
      h("dl.facts.who", null,
        h("dt", null, t("sheet.signer")), h("dd", null, t("sheet.account"), " ", h("span.code", null, draft.shown.iss.slice(0, 4), " ", draft.shown.iss.slice(4, 8), " … ", draft.shown.iss.slice(-4))),
        names.cooperative && [h("dt", null, t("sheet.for")), h("dd", null, visible(names.cooperative))],
        h("dt", null, t("sheet.until")), h("dd", null, dateTime(draft.shown.exp))),
      print(draft),
      h("details.envelope", null, h("summary", null, t("sheet.envelope")), renderEnvelope(draft)),
      of > 1
        ? h("div.stack", null, status, button(t("sheet.read"), next), place > 0 && ghost(t("back"), () => answer("back")))
        : [holdToSign({ label: t("hold.label"), onsign: () => answer("sign"), blocked: unread }), keyNote()],
    ],
  };
}

/** @param {{drafts: any[], registry: any, names: any, again: boolean, answer: (what: "sign" | "next" | "back") => void}} of */
export function summaryScreen({ drafts, registry, names, again, answer }) {
  return {
    title: t("summary.title", { count: drafts.length }),
    body: [
      again && notice("warn", t("sheet.again")),
      h("p.muted", null, t("summary.lead")),
      h("ol.documents", null, drafts.map((draft) => h("li", null, h("b", null, typeTitle(draft.shown.type, registry)), h("span.code", null, fingerprint(draft.digest))))),
      names.cooperative && h("dl.facts.who", null, h("dt", null, t("sheet.for")), h("dd", null, visible(names.cooperative))),
      holdToSign({ label: t("hold.label_many", { count: drafts.length }), onsign: () => answer("sign") }),
      ghost(t("back"), () => answer("back")),
      keyNote(),
    ],
  };
}

const keyNote = () => h("p.muted.keynote", null, icon("lock"), h("span", null, t("sheet.key")));

const print = (draft) => h("section", null, h("h2", null, t("sheet.print_title")), h("p.print", null, fingerprint(draft.digest)), h("p.muted", null, t("sheet.print_help")));

/** Opening is what counts as read: scrolling proves no more and punishes people with small screens. */
function textBlock(text) {
  const mark = h("span.read", null);
  const show = () => { mark.replaceChildren(...(text.read ? [icon("check"), t("texts.opened")] : [t("texts.open")])); mark.classList.toggle("done", text.read); };
  const block = h("details.text", { ontoggle: () => { if (block.open) { text.read = true; show(); } } },
    h("summary", null, icon("file"), h("span.title", null, visible(text.title)), mark),
    !text.bound && h("p.law.warn", null, t("texts.unbound")),
    h("div.reading", { tabindex: 0, role: "region", "aria-label": visible(text.title) }, body(text.data)),
    h("p.muted", null, t("texts.digest"), " ", h("span.code", null, fingerprint(text.digest))));
  show();
  return block;
}

function body(data) {
  try {
    return fromUtf8(data).split(/\r?\n/).map((line) => h("p", null, visible(line)));
  } catch {
    return h("p.law.warn", null, t("texts.binary"));
  }
}
