// Lines over the last five minutes, as SVG, so that they follow the theme and the width.

import { element, mark, say, svg } from "./dom.js";

const WIDTH = 300;
const HEIGHT = 100;

/** The path of values up to `top`. The line bridges up to two missing seconds, and no longer hole. */
export function path(values, low, top) {
  let d = "";
  let last = -9;
  const step = WIDTH / Math.max(values.length - 1, 1);
  values.forEach((value, at) => {
    if (Number.isNaN(value)) return;
    const y = HEIGHT - (HEIGHT * (Math.min(value, top) - low)) / (top - low);
    d += `${at - last > 3 ? "M" : "L"}${(at * step).toFixed(1)} ${y.toFixed(1)}`;
    last = at;
  });
  return d;
}

/** The area between two series. */
function area(lows, highs, low, top) {
  const forth = path(highs, low, top);
  const points = path(lows, low, top).match(/[ML][^ML]+/g);
  if (!points || forth.lastIndexOf("M") > 0) return "";
  const back = points.reverse().map((point) => `L${point.slice(1)}`);
  return `${forth}${back.join("")}Z`;
}

/** A line without axes. */
export class Spark {
  constructor() {
    this.line = svg("path", { class: "curve main" });
    this.node = svg("svg", { viewBox: `0 -4 ${WIDTH} ${HEIGHT + 8}`, preserveAspectRatio: "none", "aria-hidden": "true" }, this.line);
  }

  show(values) {
    const top = values.reduce((most, value) => (value > most ? value : most), 0) || 1;
    mark(this.line, "d", path(values, 0, top));
  }
}

/** Lines with axes, labelled at their ends. */
export class Chart {
  constructor(parent) {
    this.parent = parent;
    this.rules = svg("g");
    this.band = svg("path", { class: "band" });
    this.lines = svg("g");
    const box = { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" };
    this.labels = element("div");
    parent.setAttribute("role", "img");
    parent.append(svg("svg", box, this.rules, this.band, this.lines), this.labels);
    this.from = element("span", { class: "x" });
    parent.append(this.from);
    const now = element("span", { class: "x" }, "now");
    now.style.right = "0";
    parent.append(now);
  }

  /**
   * `ticks`: values and texts of the axis, from the lowest to the highest. `lines`: values, class and text at the end.
   * `band`: lowest and highest values. `span`: its length in seconds. `said`: the chart in words, for screen readers.
   */
  show({ ticks, lines, band, span, said }) {
    const low = ticks[0][0];
    const top = ticks.at(-1)[0];
    const at = (value) => HEIGHT - (HEIGHT * (Math.min(value, top) - low)) / (top - low);
    mark(this.parent, "aria-label", said);
    say(this.from, `${span / 60} min ago`);
    this.fit(this.rules, ticks.length, () => svg("line", { class: "rule", x1: 0, x2: WIDTH }));
    this.fit(this.lines, lines.length, () => svg("path"));
    mark(this.band, "d", band ? area(band[0], band[1], low, top) : "");
    ticks.forEach(([value], index) => {
      mark(this.rules.children[index], "y1", at(value));
      mark(this.rules.children[index], "y2", at(value));
    });
    lines.forEach(({ values, kind }, index) => {
      mark(this.lines.children[index], "class", `curve ${kind ?? ""}`);
      mark(this.lines.children[index], "d", path(values, low, top));
    });
    const ends = lines.filter(({ text, values }) => text && !Number.isNaN(values.at(-1)));
    const texts = [
      ...ticks.map(([value, text]) => ["y", at(value), text]),
      ...apart(ends.map(({ text, values }) => ["end", at(values.at(-1)), text])),
    ];
    this.fit(this.labels, texts.length, () => element("span"));
    texts.forEach(([kind, y, text], index) => {
      const label = this.labels.children[index];
      label.className = kind;
      label.style.top = `${y}%`;
      say(label, text);
    });
  }

  fit(parent, length, make) {
    while (parent.children.length > length) parent.lastElementChild.remove();
    while (parent.children.length < length) parent.append(make());
  }
}

/** Moves labels apart so that each can be read. */
function apart(labels) {
  const LEAST = 9;
  labels.sort((a, b) => a[1] - b[1]);
  for (let at = 1; at < labels.length; at++) labels[at][1] = Math.max(labels[at][1], labels[at - 1][1] + LEAST);
  let most = HEIGHT;
  for (let at = labels.length - 1; at >= 0; at--) {
    labels[at][1] = Math.min(labels[at][1], most);
    most = labels[at][1] - LEAST;
  }
  return labels;
}
