/** A row for every player: when they are in view; a click goes there. */

import { fill, h, svg } from "./dom.js";
import { firstFrame } from "./game_state.js";
import { teamColour } from "./teams.js";
import { called, clock } from "./words.js";

const MOST_ZOOM = 32;

/**
 * @param {import("./game_state.js").Game} game
 * @param {import("./film.js").Film} film
 * @param {(id: number) => void} choose
 * @returns {HTMLElement}
 */
export function timeline(game, film, choose) {
  const seconds = Math.max(game.video.film.duration, 0.001);
  const rows = h("div", { class: "rows" });
  const needle = h("div", { class: "needle" });
  const time = h("output", { class: "quiet" });
  const inner = h("div", { class: "timeline-inner" }, rows, h("div", { class: "needle-field", "aria-hidden": "true" }, needle));
  const scroll = h("div", { class: "timeline-scroll", tabindex: 0, role: "group", "aria-label": "Timeline of all players" }, inner);
  let zoom = 1;

  const zoomed = (/** @type {number} */ factor) => {
    zoom = Math.min(Math.max(zoom * factor, 1), MOST_ZOOM);
    inner.style.setProperty("--zoom", String(zoom));
    reveal();
  };
  const reveal = () => {
    const place = needle.offsetLeft;
    const seen = scroll.clientWidth - rows.offsetLeft;
    if (zoom > 1 && (place < scroll.scrollLeft || place > scroll.scrollLeft + seen * 0.8)) scroll.scrollLeft = place - seen * 0.3;
  };
  const move = () => {
    needle.style.left = `${(film.time / seconds) * 100}%`;
    fill(time, `${clock(film.time)} / ${clock(seconds)}`);
    if (film.isPlaying) reveal();
  };

  function showRows() {
    const players = [...game.players].sort((a, b) => (a.team_id ?? 99) - (b.team_id ?? 99) || firstFrame(a) - firstFrame(b));
    fill(rows, ...players.map((player) => row(player)));
    showSelection();
  }

  /** @param {import("./game_state.js").Player} player */
  function row(player) {
    const label = h("button", { type: "button", class: "row-name" }, called(player));
    label.addEventListener("click", () => choose(player.player_id));
    const bars = player.segments.map((s) => `M${s.start_seconds} 0H${s.end_seconds}V1H${s.start_seconds}Z`).join("");
    const strip = svg(
      "svg",
      { class: "strip", viewBox: `0 0 ${seconds} 1`, preserveAspectRatio: "none", "aria-hidden": "true" },
      svg("path", { d: bars, fill: teamColour(player.team_id), stroke: teamColour(player.team_id) }),
    );
    strip.addEventListener("click", (event) => {
      const box = strip.getBoundingClientRect();
      film.seekSeconds(((event.clientX - box.left) / box.width) * seconds);
      choose(player.player_id);
    });
    return h("div", { class: "row", "data-player": player.player_id }, label, strip);
  }

  function showSelection() {
    for (const each of /** @type {NodeListOf<HTMLElement>} */ (rows.querySelectorAll(".row"))) {
      const isSelected = Number(each.dataset.player) === game.selected;
      if (isSelected && !each.classList.contains("selected")) {
        const [top, bottom] = [each.offsetTop, each.offsetTop + each.offsetHeight];
        if (top < scroll.scrollTop || bottom > scroll.scrollTop + scroll.clientHeight) scroll.scrollTop = top - scroll.clientHeight / 2;
      }
      each.classList.toggle("selected", isSelected);
    }
  }

  game.addEventListener("players", showRows);
  game.addEventListener("selection", showSelection);
  film.addEventListener("frame", move);
  showRows();
  move();
  const wider = h("button", { type: "button", class: "button small", "aria-label": "Zoom in" }, "+");
  const narrower = h("button", { type: "button", class: "button small", "aria-label": "Zoom out" }, "−");
  wider.addEventListener("click", () => zoomed(2));
  narrower.addEventListener("click", () => zoomed(0.5));
  return h(
    "section",
    { class: "timeline card", "aria-label": "Timeline" },
    h("div", { class: "panel-head" }, h("h2", {}, "Timeline"), time, h("span", { class: "spring" }), narrower, wider),
    scroll,
  );
}
