/** Keys, and the overlay that lists them. */

import { h, openDialog } from "./dom.js";

/**
 * key: as in KeyboardEvent.key. shown: how it is written, where it is listed at all; rows with the same words are one.
 * @typedef {{ key: string, shown?: string, words: string, act: () => unknown }} Shortcut
 */

/**
 * Listens until it is stopped. Keys that are typed into a field, or pressed in a dialog, are left alone.
 *
 * @param {Shortcut[]} shortcuts
 * @returns {() => void} stops it
 */
export function listen(shortcuts) {
  const help = { key: "?", shown: "?", words: "These keys", act: () => openKeys([...shortcuts, help]) };
  const pressed = (/** @type {KeyboardEvent} */ event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (target.closest("select, textarea, input:not([type=range], [type=checkbox])")) return;
    const isSpaceOnPlayer = event.key === " " && target.closest("[data-player]") !== null; // Enter chooses them
    const isOwnKey = event.key === "Enter" || event.key.startsWith("Arrow") || (event.key === " " && !isSpaceOnPlayer);
    if (isOwnKey && target.matches("button:focus-visible, a:focus-visible, summary:focus-visible, input")) return;
    const found = [...shortcuts, help].find(({ key }) => key === event.key);
    if (!found) return;
    event.preventDefault();
    found.act();
  };
  window.addEventListener("keydown", pressed);
  return () => window.removeEventListener("keydown", pressed);
}

/** @param {Shortcut[]} shortcuts */
export function openKeys(shortcuts) {
  /** @type {Map<string, string[]>} */
  const rows = new Map();
  for (const { shown, words } of shortcuts) if (shown) rows.set(words, [...(rows.get(words) ?? []), shown]);
  openDialog(
    "Keys",
    h("dl", { class: "keys" }, ...[...rows].map(([words, keys]) => h("div", {}, h("dt", {}, ...keys.map((key) => h("kbd", {}, key))), h("dd", {}, words)))),
  );
}
