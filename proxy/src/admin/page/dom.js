// Helpers for the document. They insert text only as text, so outside data can't become markup.

export const $ = (id) => document.getElementById(id);

const SVG = "http://www.w3.org/2000/svg";

/** An element with attributes and children; strings become text. */
export function element(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

/** The same in SVG. */
export function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

function fill(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** Sets a text only if it differs: the browser and screen readers treat every assignment as a change. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Sets an attribute only if it differs; removes it for null. */
export function mark(node, name, value) {
  if (value === null) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}

/**
 * Keeps the children of a node in step with a list, one child for each key: adds children for new keys, removes those of
 * missing keys, and moves a child only where the order changed.
 */
export class Rows {
  constructor(parent, make) {
    this.parent = parent;
    this.make = make;
    this.rows = new Map();
  }

  show(items, key, update) {
    const gone = new Set(this.rows.keys());
    let next = this.parent.firstElementChild;
    for (const item of items) {
      const name = key(item);
      let row = this.rows.get(name);
      if (!row) this.rows.set(name, (row = this.make(item)));
      gone.delete(name);
      if (row.node === next) next = next.nextElementSibling;
      else this.parent.insertBefore(row.node, next);
      update(row, item);
    }
    for (const name of gone) {
      this.rows.get(name).node.remove();
      this.rows.delete(name);
    }
  }
}
