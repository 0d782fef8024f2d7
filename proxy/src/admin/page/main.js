// Ties the parts together: every part records each snapshot, and draws it while the tab is visible.

import { $, say } from "./dom.js";
import { clock } from "./format.js";
import { follow, useToken } from "./feed.js";
import { History } from "./history.js";
import * as balance from "./balance.js";
import * as configuration from "./configuration.js";
import * as decisions from "./decisions.js";
import * as grid from "./grid.js";
import * as health from "./health.js";

const history = new History();
let snapshot = null;

/** The last five minutes, as the proxy kept them: a page that was just opened has its charts. */
function remember({ unix_seconds: unix, series, substations }) {
  const named = ([name, values]) => [`of ${name}`, values];
  history.fill(unix, { ...series, ...Object.fromEntries(Object.entries(substations).map(named)) });
}

function receive(next) {
  snapshot = next;
  history.advance(next.unix_seconds);
  health.note(history, next);
  balance.note(history, next);
  decisions.note(next);
  grid.note(next);
  link("live", `live, ${clock(next.unix_seconds)}`);
  if (!document.hidden) show();
}

/** The tree's code is fetched only where there are feeders. */
let tree = null;

function showFeeders() {
  const isThere = Boolean(snapshot.feeders?.length);
  for (const id of ["feeders", "to-feeders"]) $(id).hidden = !isThere;
  if (isThere) (tree ??= import("./tree.js")).then((it) => snapshot.feeders?.length && it.show(snapshot));
}

function show() {
  if (!snapshot) return;
  health.show(snapshot, history);
  balance.show(snapshot, history);
  showFeeders();
  decisions.show();
  grid.show();
  configuration.show(snapshot);
}

function link(state, text) {
  const isLost = state === "lost";
  const since = isLost && snapshot ? `: showing data from ${clock(snapshot.unix_seconds)}` : "";
  $("link").dataset.state = state;
  document.body.classList.toggle("is-old", isLost && snapshot !== null);
  say($("link-text"), isLost ? `not connected, ${text}${since}` : text);
  if (isLost) document.title = "… not connected · Switchyard";
}

function login(message) {
  const dialog = $("login");
  say($("login-error"), sessionStorage.length ? message : "");
  if (!dialog.open) dialog.showModal();
  return new Promise((done) => {
    const use = (event) => {
      event.preventDefault();
      useToken($("token").value.trim());
      $("token").value = "";
      dialog.close();
    };
    // Remove the listener when the dialog is dismissed, too: with two listeners the second would
    // store an empty token.
    const form = $("login-form");
    form.addEventListener("submit", use);
    const end = () => {
      form.removeEventListener("submit", use);
      done();
    };
    dialog.addEventListener("close", end, { once: true });
  });
}

const THEMES = ["auto", "light", "dark"];

function useTheme(theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  say($("theme"), `Theme: ${theme}`);
  localStorage.setItem("switchyard-theme", theme);
}

const nextTheme = () => useTheme(THEMES[(THEMES.indexOf(localStorage.getItem("switchyard-theme")) + 1) % THEMES.length]);

const sections = () => [...document.querySelectorAll("main > section")].filter(({ hidden }) => !hidden).map(({ id }) => id);

function help() {
  say($("last-section"), String(sections().length));
  $("keys").showModal();
}

document.addEventListener("keydown", (event) => {
  const isTyping = event.target.closest("input, dialog");
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  const section = sections()[Number(event.key) - 1];
  if (section) {
    $(section).scrollIntoView();
    $(`${section}-title`).focus({ preventScroll: true });
  } else if (event.key === "/") $("filter").focus();
  else if (event.key === "t") nextTheme();
  else if (event.key === "?") help();
  else return;
  event.preventDefault();
});

$("theme").addEventListener("click", nextTheme);
$("help").addEventListener("click", help);
$("keys-close").addEventListener("click", () => $("keys").close());
document.addEventListener("visibilitychange", () => !document.hidden && show());

const theme = localStorage.getItem("switchyard-theme");
useTheme(THEMES.includes(theme) ? theme : "auto");
follow({ remember, show: receive, link, login });
