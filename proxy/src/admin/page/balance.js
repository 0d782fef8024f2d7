// Balance: a bar for each substation, or a strip of cells where there are many; and the imbalance
// over time.

import { $, Rows, element, mark, say } from "./dom.js";
import { age, limitWords, load, number, percent } from "./format.js";
import { Chart } from "./chart.js";
import { bound, fullness, isDead, tone } from "./substation.js";
import * as strip from "./strip.js";

/** More substations than this have small bars: a name, a number, and a line. */
const MOST_BARS = 24;
/** More than this are drawn as cells of a strip, without names. */
const MOST_SMALL = 60;
/** More than this are drawn as a band between the fullest and the emptiest, not as a line each. */
const MOST_LINES = 8;

const usage = new Chart($("usage"));
const evenness = new Chart($("evenness"));
const bars = new Rows($("bars"), makeBar);

/** The line of a dead substation ends; that of a drained one shows how its load goes down. */
const isGone = (one) => isDead(one) && !one.in_rotation;

export function note(history, { substations, balance }) {
  history.note("imbalance", balance.imbalance);
  for (const key of ["least", "mean", "most"]) history.note(key, balance.spread?.[key]);
  const names = new Set(substations.length <= MOST_LINES ? substations.map(({ name }) => `of ${name}`) : []);
  for (const one of substations) if (names.has(`of ${one.name}`)) history.note(`of ${one.name}`, isGone(one) ? null : fullness(one));
  history.keep((key) => !key.startsWith("of ") || names.has(key));
}

export function show(snapshot, history) {
  const { substations, configuration } = snapshot;
  const isMany = substations.length > MOST_SMALL;
  $("bars").hidden = isMany;
  $("strip-box").hidden = !isMany;
  if (isMany) strip.show(snapshot);
  else showBars(snapshot);
  legend(isMany, snapshot);
  const { balance } = snapshot;
  const mean = balance.mean_utilisation === null ? "" : ` ${percent(balance.mean_utilisation, 1)} full on average.`;
  const used = substations.filter((one) => one.in_rotation).length;
  say($("balance-aside"), `${substations.length} substations, ${used} in rotation, chosen by ${configuration.policy}.${mean}`);
  showUsage(snapshot, history);
  showEvenness(balance, history);
}

function makeBar({ name }) {
  const part = (kind) => element("span", { class: kind });
  const bar = { load: part("load"), unseen: part("unseen"), line: part("line"), room: part("room"), percent: element("strong") };
  bar.tags = element("span");
  bar.of = element("span", { class: "of" });
  bar.numbers = element("div", { class: "numbers" });
  const track = element("div", { class: "track", "aria-hidden": "true" }, bar.room, bar.load, bar.unseen, bar.line);
  const used = element("span", { class: "used" }, bar.percent, " ", bar.of);
  bar.node = element("li", { "data-name": name }, element("span", { class: "name" }, name, bar.tags), used, track, bar.numbers);
  return bar;
}

function showBars({ substations, balance, configuration: { unit } }) {
  const isSmall = substations.length > MOST_BARS;
  mark($("bars"), "data-size", isSmall ? "small" : null);
  // A column has room for the longest name and its state.
  const letters = ({ name, state }) => name.length + (state === "up" ? 0 : state.length + 1);
  $("bars").style.setProperty("--longest", `${isSmall ? Math.max(...substations.map(letters)) : 0}ch`);
  const scale = Math.max(...substations.flatMap((one) => [one.capacity ?? 0, one.estimate, one.load ?? 0]), Number.EPSILON);
  const width = (value) => `${((100 * value) / scale).toFixed(2)}%`;
  bars.show(substations, ({ name }) => name, (bar, one) => {
    const room = bound(one);
    const hasRoom = room > 0;
    // The estimate may be below the last sample: then the gauge was silent, and the ledger
    // extrapolated. Show the estimate.
    const known = Math.min(one.load ?? 0, one.estimate);
    mark(bar.node, "data-tone", tone(one) || null);
    bar.load.style.width = width(known);
    bar.unseen.style.left = width(known);
    bar.unseen.style.width = width(one.estimate - known);
    bar.room.style.width = width(hasRoom ? (one.capacity ?? room) : scale);
    bar.line.style.left = width(room ?? 0);
    bar.line.hidden = !hasRoom;
    say(bar.percent, hasRoom ? percent(fullness(one), 1) : load(one.estimate, unit));
    say(bar.of, hasRoom ? `${number(one.estimate)} of ${load(room, unit)}` : "");
    const tags = [];
    const isFullest = one.name === balance.fullest?.name;
    mark(bar.node, "data-most", isFullest ? "" : null);
    if (isFullest && !isSmall) tags.push("fullest");
    if (one.state !== "up") tags.push(one.state);
    if (bar.tags.textContent !== tags.join("")) {
      bar.tags.replaceChildren(...tags.map((state) => element("span", { class: "tag", "data-state": state }, state)));
    }
    const words = [`sample ${load(one.load, unit)}, ${one.age_seconds === null ? "never sampled" : `${age(one.age_seconds)} ago`}`];
    words.push(`${load(one.unseen, unit)} unseen`, `${one.in_flight} in flight`);
    if (one.limit) words.push(limitWords(one.limit, unit));
    if (one.note) words.push(one.note);
    if (bar.numbers.textContent !== words.join("")) {
      bar.numbers.replaceChildren(...words.map((word) => element("span", {}, word)));
    }
  });
}

function legend(isMany, { substations, balance }) {
  const node = $("legend");
  const shown = new Set(substations.map(tone));
  const fill = balance.capacity > 0 ? "utilisation" : "load, compared to the highest";
  const frame = balance.fullest ? "; the fullest has a frame" : "";
  const entries = isMany
    ? [["cell", `one cell for each substation, filled by its ${fill}${frame}`]]
    : [["", "last sample"], ["unseen", "unseen: booked since the sample"], ["capacity", "capacity"]];
  if (shown.has("near")) entries.push(["near", "90 % or more"]);
  if (shown.has("full")) entries.push(["full", "98 % or more"]);
  // Cells show these by their own patterns, bars by a word.
  const kind = (tone) => (isMany ? `cell ${tone}` : "out");
  if (shown.has("dead") && isMany) entries.push([kind("dead"), "unreachable, or ejected for failing"]);
  if (shown.has("out") || (shown.has("dead") && !isMany)) entries.push([kind("out"), "out of rotation"]);
  if (shown.has("old") && isMany) entries.push([kind("old"), "in rotation without a fresh sample"]);
  const now = entries.join();
  if (node.dataset.now === now) return;
  node.dataset.now = now;
  node.replaceChildren(...entries.map(([kind, text]) => element("span", {}, element("i", { class: `swatch ${kind}` }), text)));
}

function showUsage({ substations, balance, configuration: { unit } }, history) {
  const isPart = balance.capacity > 0;
  const highs = history.values("most");
  const top = isPart ? 1 : niceTop(highs);
  const text = (value) => (isPart ? percent(value, 1) : load(value, unit));
  say($("usage-title"), `${isPart ? "Utilisation" : "Load"}, last ${history.span === 60 ? "minute" : `${history.span / 60} minutes`}`);
  const isFew = substations.length <= MOST_LINES;
  const line = ({ name }) => {
    const kind = name === balance.fullest?.name ? "main" : "";
    return { values: history.values(`of ${name}`), kind, text: name };
  };
  const lines = isFew
    ? substations.map(line)
    : [
        { values: highs, kind: "main", text: `fullest ${text(highs.at(-1))}` },
        { values: history.values("mean"), kind: "mean", text: `mean ${text(history.ago("mean", 0))}` },
        { values: history.values("least"), kind: "", text: `least ${text(history.ago("least", 0))}` },
      ];
  const before = history.ago("mean", 60);
  const was = Number.isNaN(before) ? "" : `, one minute ago ${text(before)}`;
  usage.show({
    ticks: isPart ? [[0, "0 %"], [0.5, "50 %"], [1, "100 %"]] : [[0, "0"], [top / 2, number(top / 2)], [top, number(top)]],
    lines,
    band: isFew ? null : [history.values("least"), highs],
    span: history.span,
    said: `Over the last ${history.span / 60} minutes. Mean now ${text(history.ago("mean", 0))}${was}.`,
  });
}

function showEvenness(balance, history) {
  const values = history.values("imbalance");
  say($("imbalance"), balance.imbalance === null ? "too little to compare" : balance.imbalance.toFixed(3));
  const top = Math.max(1.2, niceTop(values));
  evenness.show({
    ticks: [[1, "1"], [top, number(top)]],
    lines: [{ values, kind: "main" }],
    span: history.span,
    said: `Imbalance, now ${balance.imbalance === null ? "too little to compare" : balance.imbalance.toFixed(3)}.`,
  });
}

/** The next round number at or above all values. */
function niceTop(values) {
  const most = values.reduce((top, value) => (value > top ? value : top), 0) || 1;
  const ten = 10 ** Math.floor(Math.log10(most));
  return ten * [1, 1.2, 1.5, 2, 3, 5, 10].find((step) => step * ten >= most);
}
