/** What goes with a game that is there already: who plays, and boxes that somebody else found. */

import { get } from "./api.js";
import { putDetections, putRoster } from "./attachments.js";
import { fill, h, openDialog, tell } from "./dom.js";
import { startTracking } from "./new_game.js";
import { counted } from "./words.js";

/**
 * @param {import("./game_state.js").Game} game
 * @param {() => unknown} jobsChanged
 */
export function openFiles(game, jobsChanged) {
  const { video } = game;
  const detectionsThere = h("p", { class: "quiet" }, video.detections_file ? "There is a file of detections; another one takes its place." : "None yet: players are found by their motion alone, unless a detector is in use.");
  const track = h("button", { type: "button", class: "button small", hidden: video.detections_file === null }, "Track players with them");
  track.addEventListener("click", () =>
    told(async () => {
      await startTracking(game.videoId, game.video.detections_file);
      await jobsChanged();
      dialog.close();
      return "Asked for. The list of jobs shows how far it is.";
    }),
  );

  /** @param {File} file */
  async function takeRoster(file) {
    const { players } = await putRoster(game.videoId, file);
    game.video = await get(`/videos/${game.videoId}`);
    await game.readRoster();
    if (game.run) await game.refresh(); // the roster may give players other names
    return `The roster is there: ${counted(players.length, "player")}.`;
  }

  /** @param {File} file */
  async function takeDetections(file) {
    const { boxes, frames } = await putDetections(game.videoId, file);
    game.video = await get(`/videos/${game.videoId}`);
    track.hidden = false;
    return `The detections are there: ${counted(boxes, "box", "boxes")} in ${counted(frames, "frame")}.`;
  }

  const dialog = openDialog(
    "Roster and detections",
    part("roster", "Roster: CSV with the columns number, name, team", ".csv,text/csv", takeRoster, h("p", { class: "quiet" }, game.roster.length ? `${counted(game.roster.length, "player")} are listed; another roster takes its place.` : "Names appear wherever team and number are known.")),
    part("detections", "Detections: MOTChallenge text, LaxAI JSON or Parquet", ".txt,.json,.parquet,.csv", takeDetections, detectionsThere),
    h("footer", {}, track),
  );
}

/**
 * A field for a file, which is sent as soon as it is chosen.
 *
 * @param {string} id
 * @param {string} label
 * @param {string} types
 * @param {(file: File) => Promise<string>} put sends it, and says what has come of it
 * @param {HTMLElement} note
 */
function part(id, label, types, put, note) {
  const input = h("input", { type: "file", id: `game-${id}`, accept: types });
  const problem = h("p", { class: "bad", role: "alert" });
  input.addEventListener("change", async () => {
    const file = input.files?.[0];
    if (!file) return;
    fill(problem);
    input.disabled = true;
    try {
      const said = await put(file);
      fill(note, said);
      tell(said, "good");
    } catch (error) {
      fill(problem, /** @type {Error} */ (error).message);
    }
    input.disabled = false;
    input.value = ""; // the same file, corrected, may be chosen again
  });
  return h("section", { class: "stack file-part" }, h("label", { for: `game-${id}` }, label), input, problem, note);
}

/** @param {() => Promise<string>} act says what has come of it */
async function told(act) {
  try {
    tell(await act(), "good");
  } catch (error) {
    tell(/** @type {Error} */ (error).message, "bad");
  }
}
