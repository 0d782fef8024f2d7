// Feeders: the tree of the limits that substations share, foldable. Loaded only where there are feeders.
//
// It is one flat list, so that a line is only moved where the order changes; levels are said by ARIA and shown by indents.

import { $, Rows, element, mark, say } from "./dom.js";
import { age, limitWords, load, number, percent } from "./format.js";
import { find } from "./grid.js";
import { bound, isDead, tone, utilisation } from "./substation.js";

/** More lines than this, and feeders with substations are folded at first. */
const MANY = 60;
/** Substations shown of one feeder until the user asks for all. */
const FIRST = 25;

const rows = new Rows($("tree"), makeRow);
/** What the user folded or unfolded, and of which feeder all substations are shown. */
const unfolded = new Map();
const whole = new Set();
let snapshot = null;
let isMany = false;
let shown = [];
/** The one line that Tab reaches. */
let at = null;

export function show(next) {
  snapshot = next;
  const { feeders, substations } = next;
  isMany = feeders.length + substations.length > MANY;
  shown = lines(feeders, substations);
  if (!shown.some(({ key }) => key === at)) at = shown[0]?.key ?? null;
  rows.show(shown, ({ key }) => key, updateRow);
  const full = feeders.filter((one) => tone(one) === "full").length;
  const silent = feeders.filter((one) => one.state !== "up").length;
  const held = feeders.filter((one) => one.limit).length;
  const words = [`${feeders.length} feeders`, full && `${full} full`, silent && `${silent} with a silent meter`, held && `${held} with a limit in force`];
  say($("feeders-aside"), `${words.filter(Boolean).join(", ")}. ◆ binds: the fullest level on the way to a substation.`);
}

/** The visible lines, from the top: each feeder, below it its feeders, then its substations. */
function lines(feeders, substations) {
  const nodes = new Map(feeders.map((one) => [one.name, { one, feeders: [], substations: [], count: 0, worst: null }]));
  const root = { feeders: [], substations: [] };
  const above = (name) => nodes.get(name) ?? root;
  for (const node of nodes.values()) above(node.one.parent).feeders.push(node);
  const levels = new Map([...feeders, ...substations].map((one) => [one.name, one]));
  const binding = new Set();
  for (const one of substations) {
    above(one.feeder).substations.push(one);
    if (one.binding) binding.add(one.binding);
    const level = levels.get(one.binding);
    for (let node = nodes.get(one.feeder); node; node = nodes.get(node.one.parent)) {
      node.count += 1;
      if (level && (utilisation(level) ?? 1) > (node.worst ? (utilisation(node.worst) ?? 1) : -1)) node.worst = level;
    }
  }
  const all = [];
  const add = (node, level, parent) => {
    const size = node.feeders.length + node.substations.length;
    node.feeders.forEach((each, index) => {
      const { name } = each.one;
      const hasMembers = each.feeders.length + each.substations.length > 0;
      const isOpen = unfolded.get(name) ?? (!isMany || each.substations.length === 0);
      all.push({ key: name, kind: "feeder", one: each.one, node: each, level, parent, size, index, isOpen: hasMembers ? isOpen : null, binds: binding.has(name) });
      if (isOpen) add(each, level + 1, name);
    });
    const isWhole = whole.has(parent) || node.substations.length <= FIRST + 1;
    const some = isWhole ? node.substations : node.substations.slice(0, FIRST);
    some.forEach((one, index) => {
      all.push({ key: one.name, kind: "substation", one, level, parent, size, index: node.feeders.length + index, isOpen: null, binds: binding.has(one.name) });
    });
    const left = node.substations.length - some.length;
    if (left) all.push({ key: `more ${parent}`, kind: "more", left, level, parent, size, index: node.feeders.length + some.length, isOpen: null });
  };
  add(root, 1, null);
  return all;
}

function makeRow({ key, kind }) {
  const part = (kind) => element("span", { class: kind });
  const row = { name: part("name"), tags: element("span"), binds: part("binds"), percent: element("strong"), of: part("of"), note: part("note"), load: part("load"), unseen: part("unseen"), line: part("line"), room: part("room") };
  row.track = element("span", { class: "track", "aria-hidden": "true" }, row.room, row.load, row.unseen, row.line);
  const used = element("span", { class: "used" }, row.binds, row.percent);
  row.node = element("li", { role: "treeitem", "data-name": key, "data-kind": kind }, element("span", { class: "who" }, row.name, row.tags), row.track, used, row.of, row.note);
  row.node.addEventListener("click", () => {
    go(key);
    act();
  });
  return row;
}

function updateRow(row, line) {
  const { key, kind, one, level, size, index, isOpen } = line;
  row.node.style.setProperty("--depth", level - 1);
  mark(row.node, "aria-level", level);
  mark(row.node, "aria-setsize", size);
  mark(row.node, "aria-posinset", index + 1);
  mark(row.node, "aria-expanded", isOpen);
  mark(row.node, "tabindex", key === at ? 0 : -1);
  if (kind === "more") {
    say(row.name, `Show ${line.left} more`);
    return;
  }
  const { unit } = snapshot.configuration;
  const room = bound(one);
  // A limit of zero leaves no room, whatever the load is.
  const used = utilisation(one) ?? (room === 0 ? 1 : null);
  const track = Math.max(one.capacity ?? room ?? 0, one.estimate, Number.EPSILON);
  const width = (value) => `${((100 * value) / track).toFixed(1)}%`;
  const known = Math.min(one.load ?? 0, one.estimate);
  const isLimited = one.limit && room !== one.capacity;
  mark(row.node, "data-tone", tone(one) || null);
  row.track.hidden = room === null;
  row.load.style.width = width(known);
  row.unseen.style.left = width(known);
  row.unseen.style.width = width(one.estimate - known);
  row.room.style.width = width(one.capacity ?? room ?? 0);
  row.line.hidden = !isLimited;
  row.line.style.left = width(room ?? 0);
  say(row.name, one.name);
  say(row.binds, line.binds ? "◆" : "");
  mark(row.binds, "aria-label", line.binds ? "binds" : null);
  mark(row.binds, "role", line.binds ? "img" : null);
  mark(row.node, "data-binds", line.binds ? "" : null);
  say(row.percent, used === null ? "" : percent(used, 1));
  say(row.of, room === null ? `${load(one.estimate, unit)}, no limit` : `${number(one.estimate)} of ${load(room, unit)}`);
  tag(row, tags(kind, one));
  say(row.note, notes(line, unit).join(" · "));
}

function tags(kind, one) {
  const all = tone(one) === "full" ? [["full", "full"]] : [];
  if (kind === "substation" && one.state !== "up") all.push([one.state, one.state]);
  if (kind === "feeder" && one.state !== "up") all.push(["stale", `meter silent${one.age_seconds === null ? "" : `, ${age(one.age_seconds)}`}`]);
  if (one.limit) all.push([one.limit.fallback_in_force ? "stale" : "limit", one.limit.fallback_in_force ? "fallback" : "limit"]);
  return all;
}

function tag(row, all) {
  if (row.tags.textContent === all.map(([, text]) => text).join("")) return;
  row.tags.replaceChildren(...all.map(([state, text]) => element("span", { class: "tag", "data-state": state }, text)));
}

function notes({ kind, one, node, isOpen }, unit) {
  const all = [];
  if (kind === "feeder") {
    all.push(node.count === 1 ? "1 substation" : `${node.count} substations`);
    if (isOpen === false && node.worst && node.worst !== one) all.push(`fullest below: ${node.worst.name}, ${percent(utilisation(node.worst), 1)}`);
  }
  if (one.limit) all.push(limitWords(one.limit, unit));
  if (one.note) all.push(one.note);
  return all;
}

const line = () => shown.find(({ key }) => key === at);

function go(key) {
  at = key;
  show(snapshot);
  const row = rows.rows.get(key);
  row?.node.focus();
}

function fold(name, isOpen) {
  unfolded.set(name, isOpen);
  show(snapshot);
}

/** What Enter, Space and a click do. */
function act() {
  const { key, kind, parent, isOpen, index } = line();
  if (kind === "substation") find(key);
  else if (kind === "more") {
    whole.add(parent);
    show(snapshot);
    go(shown.find((one) => one.parent === parent && one.index === index)?.key ?? parent);
  } else if (isOpen !== null) fold(key, !isOpen);
}

function foldAll(isOpen) {
  for (const { name } of snapshot.feeders) unfolded.set(name, isOpen);
  show(snapshot);
}

const KEYS = {
  ArrowDown: (index) => go(shown[Math.min(index + 1, shown.length - 1)].key),
  ArrowUp: (index) => go(shown[Math.max(index - 1, 0)].key),
  Home: () => go(shown[0].key),
  End: () => go(shown.at(-1).key),
  ArrowRight: (index, { key, isOpen }) => (isOpen === false ? fold(key, true) : isOpen && go(shown[index + 1].key)),
  ArrowLeft: (_, { key, isOpen, parent }) => (isOpen ? fold(key, false) : parent && go(parent)),
  Enter: act,
  " ": act,
};

// A screen reader may move the focus by itself.
$("tree").addEventListener("focusin", ({ target }) => (at = target.dataset.name));
$("tree").addEventListener("keydown", (event) => {
  const of = KEYS[event.key];
  if (!of || event.ctrlKey || event.metaKey || event.altKey || !line()) return;
  event.preventDefault();
  of(shown.indexOf(line()), line());
});
$("fold").addEventListener("click", () => foldAll(false));
$("unfold").addEventListener("click", () => foldAll(true));
