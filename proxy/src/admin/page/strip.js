// A thousand substations at once: a cell for each, filled from below by its utilisation. Pointer
// and arrow keys show one of them in words.

import { $, Rows, element, mark, say } from "./dom.js";
import { age, limitWords, load, percent } from "./format.js";
import { bound, fullness, tone } from "./substation.js";
import { find } from "./grid.js";

/** Up to this many cells are drawn large. */
const FEW = 200;

const cells = new Rows($("strip"), () => ({ node: element("i") }));
let at = null;
let last = null;

export function show(snapshot) {
  last = snapshot;
  const { substations, balance } = snapshot;
  mark($("strip"), "data-size", substations.length <= FEW ? "large" : null);
  const rotation = substations.filter((one) => one.in_rotation);
  const top = balance.capacity > 0 ? 1 : Math.max(...rotation.map(fullness), Number.EPSILON);
  cells.show(substations, ({ name }) => name, (cell, one) => {
    const used = Math.round((100 * Math.min(fullness(one), top)) / top);
    if (cell.used !== used) cell.node.style.setProperty("--u", (cell.used = used));
    mark(cell.node, "data-tone", tone(one) || null);
    mark(cell.node, "data-most", one.name === balance.fullest?.name ? "" : null);
  });
  if (at === null && balance.fullest) read(substations.findIndex(({ name }) => name === balance.fullest.name), "Fullest: ");
  else if (at !== null) read(at);
}

function read(index, before = "") {
  const one = last.substations[index];
  if (!one) return;
  const { unit } = last.configuration;
  const bears = load(one.estimate, unit);
  const used = bound(one) > 0 ? `${percent(fullness(one), 1)}, ${bears} of ${load(bound(one), unit)}` : bears;
  const limit = one.limit ? `, ${limitWords(one.limit, unit)}` : "";
  const sample = one.age_seconds === null ? "never sampled" : `sample ${age(one.age_seconds)} old`;
  say($("readout"), `${before}${one.name}: ${used}, ${one.state}, ${sample}${limit}${one.note ? `, ${one.note}` : ""}`);
}

function go(index) {
  const all = $("strip").children;
  if (at !== null) all[at]?.classList.remove("is-at");
  at = index === null ? null : Math.min(Math.max(index, 0), all.length - 1);
  if (at === null) return;
  all[at].classList.add("is-at");
  read(at);
}

$("strip").addEventListener("pointerover", ({ target }) => {
  if (target.tagName === "I") go([...$("strip").children].indexOf(target));
});
$("strip").addEventListener("pointerleave", () => go(null));
$("strip").addEventListener("blur", () => go(null));
$("strip").addEventListener("click", () => at !== null && find(last.substations[at].name));
$("strip").addEventListener("keydown", (event) => {
  const columns = getComputedStyle($("strip")).gridTemplateColumns.split(" ").length;
  const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns };
  if (event.key === "Enter" && at !== null) find(last.substations[at].name);
  else if (event.key === "Home") go(0);
  else if (event.key === "End") go(Infinity);
  else if (event.key in steps) go(at === null ? 0 : at + steps[event.key]);
  else return;
  event.preventDefault();
});
