// Asks before it acts, and shows a failure in the same dialog.

import { $, say } from "./dom.js";

/**
 * Asks; on yes runs `act`, and stays open with what went wrong if that fails. With `why` it also asks for a reason, and
 * with `where` whether only this proxy is meant; `act` gets both.
 */
export function confirm({ title, text, yes, act, why = false, where = false }) {
  const dialog = $("confirm");
  say($("confirm-title"), title);
  say($("confirm-text"), text);
  say($("confirm-yes"), yes);
  say($("confirm-error"), "");
  $("confirm-why").hidden = !why;
  $("confirm-where").hidden = !where;
  $("confirm-reason").value = "";
  $("confirm-local").checked = false;
  return new Promise((done) => {
    const go = async () => {
      $("confirm-yes").disabled = true;
      try {
        await act({ reason: $("confirm-reason").value.trim(), isLocal: $("confirm-local").checked });
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
