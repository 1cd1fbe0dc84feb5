/** The key is asked for, where one is needed. */

import { post, useCsrfToken } from "./api.js";
import { fill, h } from "./dom.js";

/**
 * Shows a form until a key is taken.
 *
 * @param {HTMLElement} main
 * @returns {Promise<void>}
 */
export function openLogin(main) {
  return new Promise((resolve) => {
    const input = h("input", {
      id: "key",
      type: "password",
      name: "key",
      autocomplete: "current-password",
      required: true,
      "aria-describedby": "key-problem",
    });
    const problem = h("p", { id: "key-problem", class: "bad", role: "alert" });
    const form = h(
      "form",
      { class: "card login" },
      h("h1", {}, "Log in"),
      h("p", { class: "quiet" }, "Enter the key that whoever runs LaxAI gave you. It is not kept: this browser stays logged in for some hours."),
      h("label", { for: "key" }, "Key"),
      input,
      problem,
      h("button", { class: "button primary" }, "Log in"),
    );
    form.addEventListener("submit", async (/** @type {Event} */ event) => {
      event.preventDefault();
      fill(problem);
      try {
        useCsrfToken((await post("/session", { key: input.value.trim() })).csrf_token);
        resolve();
      } catch (error) {
        fill(problem, /** @type {Error} */ (error).message);
        input.select();
      }
    });
    fill(main, form);
    input.focus();
  });
}
