// The grid as a table: sortable, filtered, and the place to take a substation out or let it in again.

import { $, Rows, element, mark, say } from "./dom.js";
import { age, count, load, percent } from "./format.js";
import { Refused, ask } from "./feed.js";
import { confirm } from "./confirm.js";
import { utilisation } from "./substation.js";

/** Rows that are shown before somebody asks for all. */
const FIRST = 25;

/** Key, heading, what is sorted by, what is shown. */
const COLUMNS = [
  ["name", "Substation", (one) => one.name, null, "text"],
  ["address", "Address", (one) => one.address, (one) => one.address, "text"],
  ["state", "State", (one) => one.state, null, "text"],
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
let picture = null;

const heads = COLUMNS.map(([key, title, , , kind]) => {
  const button = element("button", { type: "button" }, title);
  button.addEventListener("click", () => sortBy(key));
  const head = element("th", { scope: "col", class: kind ?? "" }, button);
  $("heads").append(head);
  return { key, head, button };
});
$("heads").append(element("th", { scope: "col" }, ""));
// A narrow window has no heads to click.
const choices = [["", "configuration"], ...COLUMNS];
$("sort").append(...choices.map(([key, title]) => element("option", { value: key }, title)));
$("sort").addEventListener("change", () => {
  order.key = null;
  if ($("sort").value) sortBy($("sort").value);
  else show();
});

function sortBy(key) {
  // Text is looked for from the start, numbers for the largest.
  const startsUp = ["name", "address", "state"].includes(key);
  order.isUp = order.key === key ? !order.isUp : startsUp;
  order.key = key;
  show();
}

export function note(next) {
  picture = next;
}

export function show() {
  if (!picture) return;
  for (const { key, head, button } of heads) {
    const isIt = key === order.key;
    mark(head, "aria-sort", isIt ? (order.isUp ? "ascending" : "descending") : null);
    mark(button, "data-order", isIt ? (order.isUp ? "↑" : "↓") : "");
  }
  const all = picture.substations;
  const wanted = $("filter").value.trim().toLowerCase();
  const isWanted = (text) => text.toLowerCase().includes(wanted);
  const found = all.filter(({ name, address, state }) => [name, address, state].some(isWanted));
  sort(found);
  const shown = isAll ? found : found.slice(0, FIRST);
  rows.show(shown, ({ name }) => name, updateRow);
  say($("shown"), shown.length < all.length ? `${shown.length} of ${all.length}` : "");
  $("more").hidden = shown.length === found.length;
  say($("more"), `Show all ${found.length}`);
}

function sort(found) {
  const by = COLUMNS.find(([key]) => key === order.key)?.[2];
  if (!by) return;
  const names = new Intl.Collator("en", { numeric: true });
  const sign = order.isUp ? 1 : -1;
  found.sort((a, b) => {
    const [x, y] = [by(a), by(b)];
    // What is not known comes last, whichever way.
    if (x === null || y === null) return (x === null) - (y === null);
    return sign * (typeof x === "string" ? names.compare(x, y) : x - y);
  });
}

function makeRow({ name }) {
  const state = element("span", { class: "tag" });
  const why = element("span", { class: "note" });
  const button = element("button", { type: "button" });
  button.addEventListener("click", () => command(name));
  // The roles are said, since a narrow window shows rows as cards, and what is no table loses them.
  const cells = COLUMNS.map(([key, title, , text]) => {
    if (key === "name") return element("th", { role: "rowheader", scope: "row", class: "text" }, name);
    if (key === "state") return element("td", { role: "cell", class: "state", "data-title": title }, state, " ", why);
    return element("td", { role: "cell", class: key === "address" ? "text" : "", "data-title": title });
  });
  const act = element("td", { role: "cell", class: "act" }, button);
  const node = element("tr", { role: "row", "data-name": name }, ...cells, act);
  return { node, cells, state, why, button };
}

function updateRow(row, one) {
  const { unit } = picture.configuration;
  COLUMNS.forEach(([, , , text], at) => text && say(row.cells[at], text(one, unit)));
  say(row.state, one.state);
  mark(row.state, "data-state", one.state);
  say(row.why, one.note ?? "");
  const word = one.state === "draining" ? "Undrain" : "Drain";
  say(row.button, word);
  mark(row.button, "aria-label", `${word} ${one.name}`);
}

async function command(name) {
  const one = picture.substations.find((each) => each.name === name);
  if (!one) return;
  const isOut = one.state === "draining";
  await confirm({
    title: isOut ? `Let ${name} in again?` : `Drain ${name}?`,
    text: isOut
      ? "It gets new sessions again from now on."
      : `It gets no new sessions; the ${load(one.estimate, picture.configuration.unit)} that it bears go on to their end. A restart of the proxy forgets it.`,
    yes: isOut ? "Undrain" : "Drain",
    act: () => ask(`substations/${encodeURIComponent(name)}/${isOut ? "undrain" : "drain"}`, { method: "POST" }).catch((error) => {
      throw error instanceof Refused ? error : new Error("The admin port does not answer.");
    }),
  });
}

/** Shows one substation in the table. */
export function find(name) {
  $("filter").value = name;
  show();
  $("grid").scrollIntoView();
  const row = $("rows").firstElementChild;
  row?.querySelector("button").focus({ preventScroll: true });
}

$("filter").addEventListener("input", show);
$("more").addEventListener("click", () => {
  isAll = true;
  show();
});
