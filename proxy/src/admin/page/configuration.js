// The configuration in force, and the outcome of the last reload.

import { $, Rows, element, say } from "./dom.js";
import { moment, seconds } from "./format.js";
import { ask } from "./feed.js";

const facts = new Rows($("facts"), ([title]) => {
  const value = element("dd");
  return { node: element("div", {}, element("dt", {}, title), value), value };
});
let shown = null;

export function show({ configuration: now, fleet }) {
  const all = [
    ["Version", `${now.version}`],
    ["In force since", moment(now.since_unix_seconds)],
    ["Policy", now.policy],
    ["Scrape interval", seconds(now.interval_seconds)],
    ["Samples are stale after", seconds(now.stale_after_seconds)],
    ["Store of the fleet", fleet ? fleet.store : "none"],
    ["Switchyard", now.program],
  ];
  facts.show(all, ([title]) => title, (fact, [, text]) => say(fact.value, text));
  const reload = JSON.stringify(now.last_reload);
  if (reload !== shown) {
    shown = reload;
    $("reload").replaceChildren(...describe(now.last_reload));
  }
}

function describe(reload) {
  if (!reload) return [element("p", {}, "No reload since the start.")];
  const lines = (texts) => element("ul", {}, ...texts.map((text) => element("li", {}, text)));
  if (!reload.success) {
    const words = `Reload of ${moment(reload.unix_seconds)} refused; the old configuration stays in force:`;
    return [element("p", { class: "bad" }, words), lines(reload.faults)];
  }
  const words = `Last reload ${moment(reload.unix_seconds)}, in force${reload.changes.length ? ". It changed:" : "; it changed nothing."}`;
  return [element("p", {}, words), lines(reload.changes)];
}

$("whole").addEventListener("toggle", async () => {
  if (!$("whole").open) return;
  try {
    const answer = await ask("config");
    $("config").textContent = await answer.text();
  } catch (error) {
    $("config").textContent = error.message;
  }
});
