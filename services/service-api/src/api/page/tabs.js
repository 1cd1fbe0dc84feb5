/** Panels of which one is shown. */

import { h } from "./dom.js";

/**
 * @param {string} label of them all
 * @param {[string, HTMLElement][]} panels with their names
 * @returns {{ element: HTMLElement, open: (index: number) => void }}
 */
export function tabs(label, panels) {
  const buttons = panels.map(([name], i) =>
    h("button", { type: "button", role: "tab", id: `tab-${i}`, "aria-controls": `panel-${i}` }, name),
  );
  panels.forEach(([, panel], i) => {
    panel.id = `panel-${i}`;
    panel.setAttribute("role", "tabpanel");
    panel.setAttribute("aria-labelledby", `tab-${i}`);
  });

  function open(/** @type {number} */ index) {
    buttons.forEach((button, i) => {
      button.setAttribute("aria-selected", String(i === index));
      button.tabIndex = i === index ? 0 : -1;
      /** @type {[string, HTMLElement]} */ (panels[i])[1].hidden = i !== index;
    });
  }

  buttons.forEach((button, i) => {
    button.addEventListener("click", () => open(i));
    button.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (step === undefined) return;
      event.stopPropagation();
      const next = (i + step + buttons.length) % buttons.length;
      open(next);
      buttons[next].focus();
    });
  });
  open(0);
  const element = h(
    "section",
    { class: "tabs card", "aria-label": label },
    h("div", { role: "tablist", "aria-label": label }, ...buttons),
    ...panels.map(([, panel]) => panel),
  );
  return { element, open };
}
