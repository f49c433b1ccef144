// The printed recovery sheet: the encrypted copy of the key as a code, and the recovery key, which exists nowhere else.

import { generate } from "lean-qr";
import { h, s } from "./dom.js";
import { day, t } from "./i18n.js";

/** @param {string} text @param {string} label */
export function code(text, label) {
  const bits = generate(text);
  const quiet = 2;
  let path = "";
  for (let y = 0; y < bits.size; y++) {
    for (let x = 0; x < bits.size; x++) {
      if (!bits.get(x, y)) continue;
      let run = 1;
      while (bits.get(x + run, y)) run++;
      path += `M${x} ${y}h${run}v1h-${run}z`;
      x += run;
    }
  }
  const side = bits.size + 2 * quiet;
  return s("svg", { viewBox: `${-quiet} ${-quiet} ${side} ${side}`, class: "qr", role: "img", "aria-label": label, "shape-rendering": "crispEdges" }, s("path", { d: path }));
}

/** @param {{backup: string | null, groups: string[], name: string | null, pub: string}} of */
export function paper({ backup, groups, name, pub }) {
  return h("article.paper", { "aria-label": t("paper.title") },
    h("header", null, h("h2", null, t("paper.title")), h("p", null, [name, day(new Date()), location.host].filter(Boolean).join(" · "))),
    h("section", null,
      h("h3", null, t("paper.recovery")),
      h("p", null, t("paper.recovery_help")),
      h("div.split", null,
        h("ol.groups", null, groups.map((group) => h("li", null, group))),
        code(`COOPNODE-RECOVERY-1:${groups.join("")}`, t("paper.recovery_code")),
      ),
    ),
    backup && h("section", null,
      h("h3", null, t("paper.backup")),
      h("div.split", null, h("div", null, h("p", null, t("paper.backup_help")), h("p.small", null, t("paper.key"), " ", h("span.code", null, pub))), code(backup, t("paper.backup_code"))),
    ),
    h("section", null, h("h3", null, t("paper.rules")), h("ul", null, [1, 2, 3].map((place) => h("li", null, t(`paper.rule${place}`))))),
  );
}
