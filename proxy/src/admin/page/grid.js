// The grid as a table: sorting, filtering, and the buttons that drain and undrain a substation.

import { $, Rows, element, mark, say } from "./dom.js";
import { age, count, limitWords, load, percent } from "./format.js";
import { Refused, ask } from "./feed.js";
import { confirm } from "./confirm.js";
import { isDead, utilisation } from "./substation.js";

/** Rows shown until the user asks for all; cards, on a phone. */
const FIRST = 25;
const FIRST_CARDS = 10;
const phone = matchMedia("(max-width: 640px)");

/** Key, heading, sort value, shown text, kind. */
const COLUMNS = [
  ["name", "Substation", (one) => one.name, null, "text"],
  ["address", "Address", (one) => one.address, (one) => one.address, "text"],
  ["state", "State", (one) => `${isDead(one) ? 0 : 1} ${one.state}`, null, "text"],
  ["used", "Used", utilisation, (one) => percent(utilisation(one), 1)],
  ["load", "Load", (one) => one.load, (one, unit) => load(one.load, unit)],
  ["estimate", "Estimate", (one) => one.estimate, (one, unit) => load(one.estimate, unit)],
  ["capacity", "Capacity", (one) => one.capacity, (one, unit) => load(one.capacity, unit)],
  ["unseen", "Unseen", (one) => one.unseen, (one, unit) => load(one.unseen, unit)],
  ["age", "Sample age", (one) => one.age_seconds, (one) => age(one.age_seconds)],
  ["in_flight", "In flight", (one) => one.in_flight, (one) => count(one.in_flight)],
  ["assigned", "Assigned", (one) => one.assigned, (one) => count(one.assigned)],
];

const rows = new Rows($("rows"), makeRow);
const order = { key: null, isUp: false };
let isAll = false;
let snapshot = null;

const heads = COLUMNS.map(([key, title, , , kind]) => {
  const button = element("button", { type: "button" }, title);
  button.addEventListener("click", () => sortBy(key));
  const head = element("th", { scope: "col", class: kind ?? "" }, button);
  $("heads").append(head);
  return { key, head, button };
});
$("heads").append(element("th", { scope: "col" }, ""));
// A narrow window shows no column heads to click.
const choices = [["", "configuration"], ...COLUMNS];
$("sort").append(...choices.map(([key, title]) => element("option", { value: key }, title)));
$("sort").addEventListener("change", () => {
  order.key = null;
  if ($("sort").value) sortBy($("sort").value);
  else show();
});

function sortBy(key) {
  // Text sorts from A at first, numbers from the largest.
  const startsUp = ["name", "address", "state"].includes(key);
  order.isUp = order.key === key ? !order.isUp : startsUp;
  order.key = key;
  show();
}

export function note(next) {
  snapshot = next;
}

export function show() {
  if (!snapshot) return;
  for (const { key, head, button } of heads) {
    const isIt = key === order.key;
    mark(head, "aria-sort", isIt ? (order.isUp ? "ascending" : "descending") : null);
    mark(button, "data-order", isIt ? (order.isUp ? "↑" : "↓") : "");
  }
  const all = snapshot.substations;
  const wanted = $("filter").value.trim().toLowerCase();
  const isWanted = (text) => text.toLowerCase().includes(wanted);
  const found = all.filter(({ name, address, state, feeder = "" }) => [name, address, state, feeder].some(isWanted));
  sort(found, ({ name }) => name.toLowerCase() === wanted);
  const shown = isAll ? found : found.slice(0, phone.matches ? FIRST_CARDS : FIRST);
  rows.show(shown, ({ name }) => name, updateRow);
  say($("shown"), shown.length < all.length ? `${shown.length} of ${all.length}` : "");
  $("more").hidden = shown.length === found.length;
  say($("more"), `Show all ${found.length}`);
}

/** Sorts as the user wishes; else the one whose whole name was asked for comes first, and then the dead. */
function sort(found, isAskedFor) {
  const by = COLUMNS.find(([key]) => key === order.key)?.[2];
  const rank = (one) => (isAskedFor(one) ? 0 : isDead(one) ? 1 : 2);
  if (!by) return found.sort((a, b) => rank(a) - rank(b));
  const names = new Intl.Collator("en", { numeric: true });
  const sign = order.isUp ? 1 : -1;
  found.sort((a, b) => {
    const [x, y] = [by(a), by(b)];
    // Unknown values come last in either direction.
    if (x === null || y === null) return (x === null) - (y === null);
    return sign * (typeof x === "string" ? names.compare(x, y) : x - y);
  });
}

function makeRow({ name }) {
  const state = element("span", { class: "tag" });
  const note = element("span", { class: "note" });
  const button = element("button", { type: "button" });
  button.addEventListener("click", () => command(name));
  // Explicit roles: a narrow window shows rows as cards, and elements that are not laid out as a
  // table lose theirs.
  const cells = COLUMNS.map(([key, title, , text]) => {
    if (key === "name") return element("th", { role: "rowheader", scope: "row", class: "text" }, name);
    if (key === "state") return element("td", { role: "cell", class: "state", "data-title": title }, state, " ", note);
    return element("td", { role: "cell", class: key === "address" ? "text address" : "", "data-title": title });
  });
  const act = element("td", { role: "cell", class: "act" }, button);
  const node = element("tr", { role: "row", "data-name": name }, ...cells, act);
  return { node, cells, state, note, button };
}

function updateRow(row, one) {
  const { unit } = snapshot.configuration;
  if (one.feeder && !row.feeder) row.cells[0].append((row.feeder = element("span", { class: "note" })));
  if (row.feeder) say(row.feeder, one.feeder ? `on ${one.feeder}` : "");
  COLUMNS.forEach(([, , , text], at) => text && say(row.cells[at], text(one, unit)));
  say(row.state, one.state);
  mark(row.state, "data-state", one.state);
  const limit = one.limit && limitWords(one.limit, unit);
  const note = [limit, one.note].filter(Boolean).join("; ");
  say(row.note, note);
  mark(row.node, "data-noted", note ? "" : null);
  const word = one.state === "draining" ? "Undrain" : "Drain";
  say(row.button, word);
  mark(row.button, "aria-label", `${word} ${one.name}`);
}

async function command(name) {
  const one = snapshot.substations.find((each) => each.name === name);
  if (!one) return;
  const isOut = one.state === "draining";
  const { fleet } = snapshot;
  const where = fleet ? "on all proxies of the fleet" : "from this proxy";
  await confirm({
    title: isOut ? `Undrain ${name}?` : `Drain ${name}?`,
    text: isOut
      ? "It gets new sessions again."
      : `It gets no new sessions ${where}; its current ${load(one.estimate, snapshot.configuration.unit)} run to their end.`,
    yes: isOut ? "Undrain" : "Drain",
    why: !isOut,
    where: !isOut && Boolean(fleet),
    // What this proxy alone drains, it ends by itself, also without its store.
    act: ({ reason, isLocal }) => send(name, isOut ? "undrain" : "drain", { reason, isLocal: isLocal || one.drain?.local }),
  });
}

async function send(name, word, { reason, isLocal }) {
  const path = `substations/${encodeURIComponent(name)}/${word}${isLocal ? "?local=true" : ""}`;
  const body = reason ? JSON.stringify({ reason }) : undefined;
  try {
    await ask(path, { method: "POST", body });
  } catch (error) {
    throw error instanceof Refused ? error : new Error("The admin port does not answer.");
  }
}

/** Shows one substation in the table and focuses it. */
export function find(name) {
  $("filter").value = name;
  show();
  $("grid").scrollIntoView();
  const row = [...$("rows").children].find((each) => each.dataset.name === name);
  row?.querySelector("button").focus({ preventScroll: true });
}

$("filter").addEventListener("input", show);
$("more").addEventListener("click", () => {
  isAll = true;
  show();
});
