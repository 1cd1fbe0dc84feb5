/** What people have corrected: the history, with what each did to this run, and what no longer fits. */

import { fill, h, icon } from "./dom.js";
import { clock, counted, moment } from "./words.js";

/** @type {Record<string, string>} */
const OUTCOMES = { applied: "in force", unfit: "does not fit", undone: "taken back", none: "" };

/**
 * @param {import("./game_state.js").Game} game
 * @param {import("./film.js").Film} film
 * @param {(editId: string) => void} undo
 * @returns {HTMLElement}
 */
export function corrections(game, film, undo) {
  const unfit = h("div", { class: "unfit" });
  const list = h("ol", { class: "edits", reversed: true });

  function show() {
    const open = game.edits.filter((each) => each.outcome === "unfit");
    fill(
      unfit,
      open.length > 0 &&
        h(
          "section",
          { class: "notice", "aria-label": "Corrections that do not fit" },
          h("p", {}, h("strong", {}, `${counted(open.length, "correction")} cannot be applied to this run. `), "Look at each one: correct the players anew, or dismiss it."),
          h("ul", { class: "edits" }, ...open.map((each) => item(each, "Dismiss"))),
        ),
    );
    fill(list, ...game.edits.map((each) => item(each, "Undo")));
    if (!game.edits.length) fill(list, h("li", { class: "quiet" }, "Nothing has been corrected yet."));
  }

  /**
   * @param {any} each
   * @param {string} word of the button that takes it back
   */
  function item(each, word) {
    const { edit } = each;
    const anchor = edit.anchor ?? edit.first;
    const go = anchor && h("button", { type: "button", class: "link" }, clock(film.timeOf(anchor.frame)));
    go?.addEventListener("click", () => film.seekFrame(anchor.frame));
    const canUndo = each.undone_by === null && edit.kind !== "undo";
    const back = canUndo && h("button", { type: "button", class: "button small" }, icon("undo"), word);
    if (back) back.addEventListener("click", () => undo(edit.edit_id));
    return h(
      "li",
      { class: `edit ${each.outcome}`, "data-edit": edit.edit_id },
      h("div", {}, h("span", { class: "what" }, described(game, film, edit)), anchor && " at ", go),
      h("div", { class: "quiet" }, [edit.author, moment(edit.time), OUTCOMES[each.outcome]].filter(Boolean).join(" · ")),
      each.why && h("div", { class: "bad" }, each.why),
      ...each.remarks.map((/** @type {string} */ remark) => h("div", { class: "quiet" }, remark)),
      back,
    );
  }

  game.addEventListener("players", show);
  show();
  return h("div", {}, unfit, list);
}

/**
 * @param {import("./game_state.js").Game} game
 * @param {import("./film.js").Film} film
 * @param {any} edit
 * @returns {string}
 */
function described(game, film, edit) {
  switch (edit.kind) {
    case "merge":
      return "Two players are one";
    case "split":
      return `A player is two from ${clock(film.timeOf(edit.at_frame))} on`;
    case "assign":
      return edit.number === null ? "A stretch belongs to another player" : `A stretch belongs to #${edit.number} of ${edit.team}`;
    case "rename":
      return `Called ${[edit.number && `#${edit.number}`, edit.name, edit.team && `(${edit.team})`].filter(Boolean).join(" ")}`;
    default: {
      const undone = game.edits.find((other) => other.edit.edit_id === edit.undoes);
      return undone ? `Taken back: ${described(game, film, undone.edit)}` : "Taken back";
    }
  }
}
