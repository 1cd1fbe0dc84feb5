/** Elements, made in one line each, and what people are told in passing. */

/**
 * An element. Properties: `class`, `data-…`, `aria-…` and other attributes by name; `on…` takes a listener; true is an
 * attribute without a value; null, undefined and false leave one out.
 *
 * @param {string} tag
 * @param {Record<string, unknown>} [properties]
 * @param {...(Node | string | number | null | undefined | false)} children
 * @returns {any}
 */
export function h(tag, properties = {}, ...children) {
  const element = /** @type {any} */ (document.createElement(tag));
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    else if (name === "value" || name === "checked") element[name] = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...shown(children));
  return element;
}

/**
 * Puts new children in place of an element's old ones.
 *
 * @param {Element} element
 * @param {...(Node | string | number | null | undefined | false)} children
 */
export function fill(element, ...children) {
  element.replaceChildren(...shown(children));
}

/**
 * An element of SVG.
 *
 * @param {string} tag
 * @param {Record<string, string | number>} attributes
 * @param {...Node} children
 */
export function svg(tag, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

/** @type {Record<string, string>} */
const DRAWINGS = {
  play: "M7 4.5v15l12-7.5z",
  pause: "M7 4.5h4v15H7zM13.5 4.5h4v15h-4z",
  back: "M15 5l-7 7 7 7",
  forward: "M9 5l7 7-7 7",
  plus: "M12 5v14M5 12h14",
  close: "M6 6l12 12M18 6L6 18",
  undo: "M9 5L4 10l5 5M4 10h10a5 5 0 0 1 0 10h-3",
  redo: "M15 5l5 5-5 5M20 10H10a5 5 0 0 0 0 10h3",
  give: "M4 12h14M13 7l5 5-5 5M21 5v14",
  merge: "M5 4v4a6 6 0 0 0 6 6h2a6 6 0 0 1 6 6M19 4v4a6 6 0 0 1-6 6M5 4v0",
  split: "M12 3v7M12 10L6 20M12 10l6 10",
  pencil: "M5 19l1-4L16 5l3 3L9 18z",
  keyboard: "M3 7h18v10H3zM7 14h10M6.5 10.5h.1M10 10.5h.1M13.5 10.5h.1M17 10.5h.1",
  trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
  film: "M4 5h16v14H4zM8 5v14M16 5v14M4 10h4M4 14h4M16 10h4M16 14h4",
  files: "M6 3h8l4 4v14H6zM14 3v4h4M9 13h6M9 17h6",
  upload: "M12 20V9M7 13l5-5 5 5M5 4h14",
  download: "M12 4v11M7 11l5 5 5-5M5 20h14",
};

/**
 * A drawing for a button, which says in words what it does.
 *
 * @param {keyof typeof DRAWINGS} name
 */
export function icon(name) {
  const filled = name === "play" || name === "pause";
  return svg(
    "svg",
    { viewBox: "0 0 24 24", class: filled ? "icon filled" : "icon", "aria-hidden": "true" },
    svg("path", { d: DRAWINGS[name] ?? "" }),
  );
}

/**
 * Tells people something for some seconds, in place of what was told before; screen readers say it.
 *
 * @param {string} text
 * @param {"good" | "bad" | "plain"} [mood]
 */
export function tell(text, mood = "plain") {
  const toast = h("p", { class: `toast ${mood}` }, text);
  document.getElementById("toasts")?.replaceChildren(toast);
  setTimeout(() => toast.remove(), mood === "bad" ? 9000 : 4500);
}

/**
 * A dialog, which is there until it is closed, by Escape too.
 *
 * @param {string} title
 * @param {...Node} children
 * @returns {HTMLDialogElement}
 */
export function openDialog(title, ...children) {
  const close = h("button", { type: "button", class: "plain-button", "aria-label": "Close" }, icon("close"));
  const dialog = h("dialog", { "aria-label": title }, h("header", {}, h("h2", {}, title), close), ...children);
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/**
 * Asks before something that cannot be taken back.
 *
 * @param {string} title
 * @param {string} text
 * @param {string} word of the button that does it
 * @returns {Promise<boolean>}
 */
export function confirmed(title, text, word) {
  return new Promise((resolve) => {
    const yes = h("button", { type: "button", class: "button danger" }, word);
    const no = h("button", { type: "button", class: "button", autofocus: true }, "Keep it");
    const dialog = openDialog(title, h("p", {}, text), h("footer", {}, no, yes));
    yes.addEventListener("click", () => {
      resolve(true);
      dialog.close();
    });
    no.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => resolve(false));
  });
}

/** @param {unknown[]} children */
function shown(children) {
  return children
    .filter((child) => child !== null && child !== undefined && child !== false)
    .map((child) => (child instanceof Node ? child : String(child)));
}
