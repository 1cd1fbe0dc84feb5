/** Time in view and shifts of players and teams, and their clip reels. */

import { address, get, post } from "./api.js";
import { fill, h, icon, tell } from "./dom.js";
import { teamColour, teamName } from "./teams.js";
import { called, clock, counted, duration } from "./words.js";

/**
 * @param {import("./game_state.js").Game} game
 * @param {import("./film.js").Film} film
 * @param {() => void} jobsChanged
 * @returns {{ element: HTMLElement, showReels: () => Promise<void> }}
 */
export function minutes(game, film, jobsChanged) {
  const table = h("tbody");
  const teams = h("ul", { class: "team-totals" });
  const shifts = h("div", { class: "shifts", "aria-live": "polite" });
  const reels = h("ul", { class: "reels" });

  function show() {
    const longest = Math.max(...game.players.map((player) => player.seconds_in_view), 0.001);
    const players = [...game.players].sort((a, b) => b.seconds_in_view - a.seconds_in_view);
    fill(table, ...players.map((player) => row(player, longest)));
    fill(
      teams,
      ...game.teams.map((team) => {
        const item = h(
          "li",
          {},
          h("strong", {}, teamName(team)),
          h("span", { class: "quiet" }, `${counted(team.players, "player")} · ${duration(team.seconds_in_view)}`),
          h("a", { href: address(`${game.at}/shifts.csv`, { team_id: team.team_id }), download: "" }, "Shifts (CSV)"),
        );
        item.style.setProperty("--team", teamColour(team.team_id));
        return item;
      }),
      h("li", {}, h("strong", {}, "Everybody"), h("a", { href: address(`${game.at}/shifts.csv`), download: "" }, "Shifts (CSV)")),
    );
  }

  /**
   * @param {import("./game_state.js").Player} player
   * @param {number} longest seconds
   */
  function row(player, longest) {
    const name = h("button", { type: "button", class: "link" }, called(player));
    name.addEventListener("click", () => {
      game.select(player.player_id);
      showShifts(player);
    });
    const bar = h("meter", { max: longest, value: player.seconds_in_view, "aria-hidden": "true" });
    return h("tr", {}, h("th", { scope: "row" }, name), h("td", { class: "number" }, duration(player.seconds_in_view)), h("td", {}, bar));
  }

  /** @param {import("./game_state.js").Player} player */
  async function showShifts(player) {
    try {
      const found = (await get(`${game.at}/players/${player.player_id}`)).shifts;
      fill(
        shifts,
        h("h3", {}, `${counted(found.length, "shift")} of ${called(player)}`),
        h(
          "ol",
          {},
          ...found.map((/** @type {any} */ shift) => {
            const go = h("button", { type: "button", class: "link" }, `${clock(shift.start_seconds)} – ${clock(shift.end_seconds)}`);
            go.addEventListener("click", () => film.seekFrame(shift.start));
            return h("li", {}, go, h("span", { class: "quiet" }, ` ${duration(shift.seconds)}`));
          }),
        ),
      );
    } catch (error) {
      tell(/** @type {Error} */ (error).message, "bad");
    }
  }

  async function showReels() {
    const { items } = await get("/jobs", { video_id: game.videoId, kind: "make_clips", state: "succeeded", limit: 20 });
    const ours = items.filter((/** @type {any} */ job) => job.payload.run_id === game.run.run_id && job.result?.clips_id);
    const lists = await Promise.all(ours.map(reelsOf));
    fill(reels, ...lists.flat());
    if (!reels.childElementCount) fill(reels, h("li", { class: "quiet" }, "No reels yet."));
  }

  /** @param {any} job */
  async function reelsOf(job) {
    const at = `${game.at}/clips/${job.result.clips_id}`;
    const clips = await get(at).catch(() => ({ reels: [] }));
    return clips.reels.map((/** @type {any} */ reel) => {
      const link = address(`${at}/${reel.player_id}.mp4`);
      return h(
        "li",
        {},
        h("a", { href: link, target: "_blank", rel: "noopener" }, called(reel)),
        h("span", { class: "quiet" }, ` ${duration(reel.seconds)}, ${counted(reel.scenes.length, "scene")} `),
        h("a", { href: link, download: `${called(reel)}.mp4`, "aria-label": `Download the reel of ${called(reel)}` }, icon("download")),
      );
    });
  }

  /** @param {boolean} all */
  async function cut(all) {
    const ids = all || game.selected === null ? null : [game.selected];
    try {
      await post("/jobs", { payload: { kind: "make_clips", video_id: game.videoId, run_id: game.run.run_id, player_ids: ids } });
      tell("Asked for. The reels will be listed here.", "good");
      jobsChanged();
    } catch (error) {
      tell(/** @type {Error} */ (error).message, "bad");
    }
  }

  const one = h("button", { type: "button", class: "button small", id: "cut-one" }, icon("film"), "Reel of the selected player");
  const all = h("button", { type: "button", class: "button small" }, "Reels of all");
  one.addEventListener("click", () => cut(false));
  all.addEventListener("click", () => cut(true));
  const showSelection = () => one.toggleAttribute("disabled", game.selected === null);
  game.addEventListener("players", show);
  game.addEventListener("selection", showSelection);
  show();
  showSelection();
  const element = h(
    "div",
    { class: "minutes" },
    teams,
    shifts,
    h("table", {}, h("caption", { class: "hidden" }, "Time in view"), h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Player"), h("th", { scope: "col", class: "number" }, "In view"), h("th", {}, h("span", { class: "hidden" }, "Share")))), table),
    h("h3", {}, "Clip reels"),
    h("div", { class: "acts" }, one, all),
    reels,
  );
  return { element, showReels };
}
