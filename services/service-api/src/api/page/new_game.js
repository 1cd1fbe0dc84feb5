/** The dialog for a new game: its film and, where there are some, detections and a roster; then tracking. */

import { get, post, Problem } from "./api.js";
import { putDetections, putRoster } from "./attachments.js";
import { fill, h, openDialog, tell } from "./dom.js";
import { uploadFilm, wasBegun } from "./upload.js";
import { size } from "./words.js";

const STORED_EVERY_MS = 1000;

/**
 * @param {() => void} changed called when there is something new to show
 * @param {File} [dropped] a film that was dropped on the page
 */
export function openNewGame(changed, dropped) {
  const film = h("input", { type: "file", id: "film", accept: "video/*,.mkv,.mts,.m2ts,.mxf,.avi,.ts" });
  const chosen = h("p", { class: "quiet", id: "film-chosen" }, "MP4, MOV, MKV, MTS and most others. A broken-off upload goes on when the same file is chosen again.");
  const name = h("input", { type: "text", id: "game-name", maxlength: 200, required: true, placeholder: "Eagles – Hawks" });
  const detections = h("input", { type: "file", id: "detections", accept: ".txt,.json,.parquet,.csv" });
  const roster = h("input", { type: "file", id: "roster", accept: ".csv,text/csv" });
  const track = h("input", { type: "checkbox", id: "track", checked: true });
  const problem = h("p", { class: "bad", role: "alert" });
  const go = h("button", { class: "button primary", id: "begin-upload", disabled: true }, "Upload");

  let file = dropped;
  const take = () => {
    file = film.files?.[0] ?? file;
    go.toggleAttribute("disabled", !file);
    if (!file) return;
    fill(chosen, `${file.name}, ${size(file.size)}${wasBegun(file) ? " – goes on where it broke off" : ""}`);
    if (!name.value) name.value = file.name.replace(/\.[^.]*$/, "").replaceAll("_", " ");
  };
  film.addEventListener("change", take);

  const form = h(
    "form",
    { class: "stack", method: "dialog" },
    h("label", { class: "drop", for: "film" }, h("strong", {}, "Film of the game"), film, chosen),
    h("label", { for: "game-name" }, "Name"),
    name,
    h(
      "details",
      {},
      h("summary", {}, "Roster and detections, if you have them"),
      h("label", { for: "roster" }, "Roster: CSV with the columns number, name, team"),
      roster,
      h("label", { for: "detections" }, "Detections: MOTChallenge text, LaxAI JSON or Parquet"),
      detections,
    ),
    h("label", { class: "check" }, track, "Track the players as soon as the film is there"),
    problem,
    h("footer", {}, go),
  );
  const dialog = openDialog("New game", form);
  take();

  form.addEventListener("submit", async (/** @type {Event} */ event) => {
    event.preventDefault();
    if (!file) return;
    fill(problem);
    go.disabled = true;
    const extras = { roster: roster.files?.[0], detections: detections.files?.[0], track: track.checked };
    try {
      const sent = uploadFilm(file, name.value.trim(), () => {
        changed();
        dialog.close();
      });
      await sent.then((videoId) => finish(videoId, extras));
      changed();
    } catch (error) {
      const text = /** @type {Error} */ (error).message;
      fill(problem, text);
      go.disabled = false;
      if (!dialog.open) tell(text, "bad");
      changed();
    }
  });
}

/**
 * Submits the tracking of a video, from its detections where it has some.
 *
 * @param {string} videoId
 * @param {string | null} detectionsFile
 * @returns {Promise<any>} the job
 */
export function startTracking(videoId, detectionsFile) {
  return post("/jobs", { payload: { kind: "track_video", video_id: videoId, detections_file: detectionsFile } });
}

/**
 * @param {string} videoId
 * @param {{ roster: File | undefined, detections: File | undefined, track: boolean }} extras
 */
async function finish(videoId, { roster, detections, track }) {
  if (roster) await putRoster(videoId, roster);
  const detectionsFile = detections ? (await putDetections(videoId, detections)).file : null;
  if (track) {
    await stored(videoId);
    await startTracking(videoId, detectionsFile);
  }
  tell(track ? "The film is there; its players will be tracked." : "The film is there.", "good");
}

/**
 * Waits until a film that has arrived can be tracked. Raises Problem where it never will.
 *
 * @param {string} videoId
 */
async function stored(videoId) {
  for (;;) {
    const { state, reason } = await get(`/videos/${videoId}`);
    if (state === "ready") return;
    if (state === "refused" || state === "deleting") throw new Problem(409, "not-there", reason ?? "The film is gone.");
    await new Promise((resolve) => setTimeout(resolve, STORED_EVERY_MS));
  }
}
