// Ties the parts together: every picture is noted by all, and shown if somebody can see it.

import { $, say } from "./dom.js";
import { clock } from "./format.js";
import { follow, useToken } from "./feed.js";
import { History } from "./history.js";
import * as balance from "./balance.js";
import * as configuration from "./configuration.js";
import * as grid from "./grid.js";
import * as well from "./well.js";
import * as why from "./why.js";

const history = new History();
let picture = null;

function take(next) {
  picture = next;
  history.advance(next.unix_seconds);
  well.note(history, next);
  balance.note(history, next);
  why.note(next);
  grid.note(next);
  link("live", `live, ${clock(next.unix_seconds)}`);
  if (!document.hidden) show();
}

function show() {
  if (!picture) return;
  well.show(picture, history);
  balance.show(picture, history);
  why.show();
  grid.show();
  configuration.show(picture);
}

function link(state, text) {
  const isLost = state === "lost";
  const since = isLost && picture ? `: what you see is of ${clock(picture.unix_seconds)}` : "";
  $("link").dataset.state = state;
  document.body.classList.toggle("is-old", isLost && picture !== null);
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
    // Also gone where the dialog was only sent away: two of them would use what is typed, and then nothing.
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

const SECTIONS = ["well", "balance", "why", "grid", "configuration"];

document.addEventListener("keydown", (event) => {
  const isTyping = event.target.closest("input, dialog");
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  const section = SECTIONS[Number(event.key) - 1];
  if (section) {
    $(section).scrollIntoView();
    $(`${section}-title`).focus({ preventScroll: true });
  } else if (event.key === "/") $("filter").focus();
  else if (event.key === "t") nextTheme();
  else if (event.key === "?") $("keys").showModal();
  else return;
  event.preventDefault();
});

$("theme").addEventListener("click", nextTheme);
$("help").addEventListener("click", () => $("keys").showModal());
$("keys-close").addEventListener("click", () => $("keys").close());
document.addEventListener("visibilitychange", () => !document.hidden && show());

const theme = localStorage.getItem("switchyard-theme");
useTheme(THEMES.includes(theme) ? theme : "auto");
follow({ show: take, link, login });
