// Decisions: the last choices with their candidates. The list stands still while one is open or
// under the pointer.

import { $, Rows, element, mark, say } from "./dom.js";
import { age, load, number, percent, reason, tenths } from "./format.js";

/** How many choices are shown. */
const SHOWN = 8;

const list = new Rows($("choices"), make);
let decisions = [];
let open = null;
let isPointedAt = false;
let unit = "";

const key = (one) => `${one.unix_seconds} ${one.substation} ${one.load}`;

export function note(snapshot) {
  unit = snapshot.configuration.unit;
  if (open === null && !isPointedAt) decisions = snapshot.decisions.slice(0, SHOWN);
}

export function show() {
  // Two equal choices in the same millisecond are one line.
  const unique = new Map(decisions.map((one) => [key(one), one]));
  list.show(unique.values(), key, () => {});
  const usual = decisions.length ? "The last choices. Open one to see its numbers." : "No choices yet.";
  say($("decisions-aside"), open ? "Paused while a choice is open. Close it, or press Esc, to resume." : usual);
}

function make(one) {
  const [best, next] = one.candidates;
  const scores = one.candidates.map(({ substation, score }) => `${substation} ${score === null ? "–" : score.toFixed(4)}`).join(" · ");
  const button = element(
    "button",
    { type: "button", "aria-expanded": "false" },
    element("span", { class: "when" }, tenths(one.unix_seconds)),
    element("span", { class: "amount" }, load(one.load, unit)),
    element("span", { class: "to" }, `→ ${one.substation}`),
    element("span", { class: "reason" }, reason(one.reason), element("span", { class: "scores" }, best && next ? `  ${scores}` : "")),
  );
  const row = { node: element("li", {}, button), button, one, detail: null };
  button.addEventListener("click", () => (open === row ? close() : expand(row)));
  return row;
}

function expand(row) {
  close();
  open = row;
  row.detail = element("div", { class: "detail" }, ...detail(row.one));
  row.node.append(row.detail);
  mark(row.button, "aria-expanded", "true");
  show();
}

function close() {
  if (open === null) return;
  open.detail.remove();
  mark(open.button, "aria-expanded", "false");
  open = null;
  show();
}

function detail(one) {
  const isAlone = one.margin === null;
  const margin = isAlone ? "It was the only candidate." : `The best score was ${one.margin.toFixed(4)} below the next.`;
  const share = one.share < 1 ? ` Other proxies book too, so this one fills ${percent(one.share)} of a gap between substations.` : "";
  const words = ["Candidate", "Gauge", "Age", "Unseen", "Estimate", "Capacity", "Score"];
  const isTree = one.candidates.some(({ binding }) => binding);
  if (isTree) words.push("Binds");
  const head = words.map((word, at) => element("th", { scope: "col", class: at ? "" : "text" }, word));
  const rows = one.candidates.map((each) => {
    const cells = [
      load(each.sample, unit),
      age(each.sample_age_seconds),
      number(each.unseen_load),
      load(each.estimated_load, unit),
      load(each.capacity, unit),
      each.score === null ? "not compared" : each.score.toFixed(4),
    ];
    if (isTree) cells.push(each.binding ?? "–");
    const isChosen = each.substation === one.substation;
    const name = element("th", { scope: "row", class: "text" }, isChosen ? `${each.substation}, chosen` : each.substation);
    return element("tr", { class: isChosen ? "is-chosen" : "" }, name, ...cells.map((cell) => element("td", {}, cell)));
  });
  const table = element(
    "table",
    { "aria-label": `Candidates for ${one.substation}` },
    element("thead", {}, element("tr", {}, ...head)),
    element("tbody", {}, ...rows),
  );
  const text = `${reason(one.reason)}. ${margin}${share} A score is the load with this request, divided by the capacity${isTree ? ", at the fullest level of the way: the one that binds" : ""}.`;
  return [element("p", {}, text[0].toUpperCase() + text.slice(1)), element("div", { class: "scroll" }, table)];
}

for (const [name, is] of [["pointerenter", true], ["pointerleave", false], ["focusin", true], ["focusout", false]]) {
  $("choices").addEventListener(name, () => (isPointedAt = is));
}

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || open === null || document.querySelector("dialog[open]")) return;
  const { button } = open;
  close();
  button.focus();
});
