// Asks before it acts, and shows a failure in the same dialog.

import { $, say } from "./dom.js";

/** Asks; on yes runs `act`, and stays open with the reason if that fails. */
export function confirm({ title, text, yes, act }) {
  const dialog = $("confirm");
  say($("confirm-title"), title);
  say($("confirm-text"), text);
  say($("confirm-yes"), yes);
  say($("confirm-error"), "");
  return new Promise((done) => {
    const go = async () => {
      $("confirm-yes").disabled = true;
      try {
        await act();
        dialog.close();
      } catch (error) {
        say($("confirm-error"), error.message);
      }
      $("confirm-yes").disabled = false;
    };
    const leave = () => dialog.close();
    $("confirm-yes").addEventListener("click", go);
    $("confirm-no").addEventListener("click", leave);
    dialog.addEventListener(
      "close",
      () => {
        $("confirm-yes").removeEventListener("click", go);
        $("confirm-no").removeEventListener("click", leave);
        done();
      },
      { once: true },
    );
    dialog.showModal();
  });
}
