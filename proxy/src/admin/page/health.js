// Health: the verdict in words, and six numbers with their recent course.

import { $, element, mark, say } from "./dom.js";
import { age, count, load, number, percent, seconds } from "./format.js";
import { Spark } from "./chart.js";

const MARKS = {
  none: ["M12 1a11 11 0 1 0 0 22a11 11 0 0 0 0-22z", "M7 12h.01M12 12h.01M17 12h.01"],
  well: ["M12 1a11 11 0 1 0 0 22a11 11 0 0 0 0-22z", "M7 12.5l3.5 3.5l6.5-8"],
  notice: ["M12 1.5L23 22.5H1z", "M12 9.5v6M12 19h.01"],
  trouble: ["M7.5 1h9L23 7.5v9L16.500 23h-9L1 16.500v-9z", "M8 8l8 8M16 8l-8 8"],
};
const WORDS = { notice: "Notice", trouble: "Trouble" };

const STATS = [
  ["per_second", "Requests", (t) => [number(t.per_second), "/s"], (t) => `${count(t.total)} since the start`],
  ["success", "Success", (t) => split(percent(t.success, 2)), failed],
  ["p50_seconds", "p50", (t) => split(seconds(t.p50_seconds)), (t) => `${count(t.in_flight)} in flight`],
  ["p99_seconds", "p99", (t) => split(seconds(t.p99_seconds)), waiting],
  ["refused_per_second", "Refused", (t) => [number(t.refused_per_second), "/s"], refused],
  ["oldest_sample_seconds", "Oldest sample", (t, b) => split(age(b.oldest_sample?.age_seconds ?? null)), (t, b) => b.oldest_sample?.name ?? ""],
];

const split = (text) => (text.includes(" ") ? [text.slice(0, text.lastIndexOf(" ")), text.slice(text.lastIndexOf(" "))] : [text, ""]);

function failed({ failed_per_second: rate }) {
  return rate ? `${number(rate)}/s failed` : "none failed";
}

function waiting({ waiting: requests }) {
  return requests ? `${count(requests)} waiting for room` : "none waiting";
}

function refused({ errors }) {
  const refusals = errors.filter(([code]) => ["no_capacity", "no_substation", "overloaded"].includes(code));
  return refusals.length ? refusals.map(([code, rate]) => `${code} ${number(rate)}/s`).join(", ") : "none";
}

const tiles = STATS.map(([key, title, value, more]) => {
  const tile = { key, value, more, spark: new Spark() };
  tile.number = document.createTextNode("–");
  tile.unit = element("small");
  tile.rest = element("dd", { class: "more" });
  const shown = element("dd", { class: "value" }, tile.number, tile.unit);
  $("stats").append(element("div", {}, element("dt", {}, title), shown, tile.rest, tile.spark.node));
  return tile;
});

export function note(history, { traffic, balance }) {
  for (const { key } of tiles) history.note(key, key in traffic ? traffic[key] : balance.oldest_sample?.age_seconds);
}

/** The first snapshot of a stream has no rates yet. Until the next one, show those that the proxy kept. */
function withPast(traffic, history) {
  if (traffic.per_second !== null) return traffic;
  const past = (key) => [0, 1, 2].map((ago) => history.ago(key, ago)).find((value) => !Number.isNaN(value)) ?? null;
  const rates = tiles.filter(({ key }) => key in traffic).map(({ key }) => [key, traffic[key] ?? past(key)]);
  return { ...traffic, ...Object.fromEntries(rates) };
}

export function show({ verdict, traffic, balance, substations, configuration }, history) {
  const [shape, sign] = MARKS[verdict.level];
  mark($("verdict"), "data-level", verdict.level);
  mark($("verdict").querySelector(".shape"), "d", shape);
  mark($("verdict").querySelector(".sign"), "d", sign);
  say($("sentence"), verdict.sentence);
  fullest(balance, configuration.unit, substations.every((one) => one.in_rotation));
  // A single finding is already the sentence.
  const findings = verdict.findings.length > 1 ? verdict.findings : [];
  const list = $("findings");
  const now = findings.map(({ level, text }) => level + text).join();
  if (list.dataset.now !== now) {
    list.dataset.now = now;
    list.replaceChildren(...findings.map(({ level, text }) => element("li", { "data-level": level, "data-word": WORDS[level] }, text)));
  }
  const known = withPast(traffic, history);
  for (const { key, value, more, number, unit, rest, spark } of tiles) {
    const [shown, of] = value(known, balance);
    if (number.data !== shown) number.data = shown;
    say(unit, of);
    say(rest, more(traffic, balance));
    mark(rest, "title", rest.textContent);
    spark.show(history.values(key));
  }
  const sign_ = { well: "", notice: "△ ", trouble: "✕ " }[verdict.level];
  const title = `${sign_}${verdict.sentence.replace(/\.$/, "")} · Switchyard`;
  if (document.title !== title) document.title = title;
}

/** The fullest, and the total: what is out of rotation lends no capacity and does not count. */
function fullest(balance, unit, isAll) {
  const node = $("fullest");
  const most = balance.fullest;
  if (!most) return say(node, "No load.");
  const used = most.utilisation === null ? load(most.estimate, unit) : percent(most.utilisation, 1);
  const all = `${isAll ? "Total" : "In rotation"} ${load(balance.load, unit)}${balance.capacity ? ` of ${load(balance.capacity, unit)}` : ""}.`;
  if (node.textContent === `Fullest: ${most.name}, ${used}. ${all}`) return;
  node.replaceChildren("Fullest: ", element("strong", {}, most.name), ", ", element("strong", {}, used), `. ${all}`);
}
