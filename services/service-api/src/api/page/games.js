/** All games: thumbnails, uploads that go on, and jobs. */

import { address, get, getAll, getWithEtag, send } from "./api.js";
import { confirmed, fill, h, icon, openDialog, tell } from "./dom.js";
import { jobList } from "./jobs.js";
import { openNewGame, startTracking } from "./new_game.js";
import { uploadOf, uploads } from "./upload.js";
import { counted, duration, JOB_KINDS, JOB_STATES, moment, size, VIDEO_STATES } from "./words.js";

const UNSETTLED_EVERY_MS = 1500;

/** @type {import("./app.js").View} */
export function showGames(main) {
  document.title = "Games – LaxAI";
  const grid = h("ul", { class: "games", id: "games" });
  /** @type {Map<string, HTMLElement>} */
  const cards = new Map();
  /** @type {any[]} */
  let videos = [];
  let timer = 0;
  let isLeft = false;

  async function refresh() {
    clearTimeout(timer);
    try {
      videos = await getAll("/videos");
    } catch (error) {
      fill(grid, h("li", { class: "bad", role: "alert" }, /** @type {Error} */ (error).message));
      return;
    }
    if (isLeft) return;
    for (const video of videos) {
      const card = cards.get(video.video_id) ?? h("li", { class: "card game-card", "data-video": video.video_id });
      if (card.dataset.shown !== JSON.stringify(video)) {
        card.dataset.shown = JSON.stringify(video);
        showCard(card, video, refresh, () => jobs.refresh());
      }
      cards.set(video.video_id, card);
    }
    fill(grid, ...(videos.length ? videos.map((video) => cards.get(video.video_id)) : [nothingYet()]));
    showUploads();
    if (videos.some((video) => ["checking", "storing", "deleting"].includes(video.state))) {
      timer = window.setTimeout(refresh, UNSETTLED_EVERY_MS);
    }
  }

  function nothingYet() {
    return h(
      "li",
      { class: "empty card" },
      icon("film"),
      h("h2", {}, "No games yet"),
      h("p", { class: "quiet" }, "Upload the film of a game, or drop it here. LaxAI finds the players, follows them, and shows who was on the field when."),
      newButton(),
    );
  }

  function showUploads() {
    for (const [videoId, card] of cards) {
      const upload = uploadOf(videoId);
      const place = card.querySelector(".upload");
      if (!place) continue;
      const video = videos.find((each) => each.video_id === videoId);
      const [sent, total] = upload ? [upload.sent, upload.total] : [video?.received ?? 0, video?.size ?? 1];
      const bar = h("progress", { max: total, "aria-label": "Upload" });
      bar.value = sent;
      const says = upload
        ? (upload.pause ?? `${size(sent)} of ${size(total)}`)
        : `${size(sent)} of ${size(total)} are there. Choose the same file again to go on.`;
      fill(place, h("div", { class: "bar" }, bar, h("span", {}, `${Math.floor((sent / total) * 100)} %`)), h("p", { class: "quiet" }, says));
    }
  }

  const refreshAll = () => {
    for (const card of cards.values()) delete card.dataset.shown;
    return refresh();
  };
  const changed = async () => {
    await refresh();
    await jobs.refresh().catch((/** @type {Error} */ error) => tell(error.message, "bad"));
  };
  const newButton = () => {
    const button = h("button", { type: "button", class: "button primary" }, icon("plus"), "New game");
    button.addEventListener("click", () => openNewGame(changed));
    return button;
  };
  const jobs = jobList({
    limit: 12,
    ended: (job) => {
      tell(`${JOB_KINDS[job.payload.kind]}: ${JOB_STATES[job.state]}.`, job.state === "succeeded" ? "good" : "plain");
      refreshAll();
    },
    naming: (videoId) => videos.find((video) => video.video_id === videoId)?.name,
  });

  const view = h(
    "div",
    { class: "page games-page" },
    h("div", { class: "heading" }, h("h1", {}, "Games"), newButton()),
    h(
      "div",
      { class: "columns" },
      h("section", { "aria-label": "Games" }, grid),
      h("aside", { "aria-labelledby": "jobs-title", class: "card side" }, h("h2", { id: "jobs-title" }, "Jobs"), jobs.element),
    ),
  );
  view.addEventListener("dragover", (/** @type {DragEvent} */ event) => event.preventDefault());
  view.addEventListener("drop", (/** @type {DragEvent} */ event) => {
    event.preventDefault();
    const file = event.dataTransfer?.files[0];
    if (file) openNewGame(changed, file);
  });
  fill(main, view);
  uploads.addEventListener("change", showUploads);
  changed();
  return () => {
    isLeft = true;
    clearTimeout(timer);
    uploads.removeEventListener("change", showUploads);
    jobs.stop();
  };
}

/**
 * @param {HTMLElement} card
 * @param {any} video
 * @param {() => void} changed
 * @param {() => void} jobsChanged
 */
function showCard(card, video, changed, jobsChanged) {
  const isReady = video.state === "ready";
  const { film } = video;
  const facts = [
    film && duration(film.duration),
    film && `${film.width} × ${film.height}`,
    moment(video.created),
    video.has_roster && "roster",
  ].filter(Boolean);
  const picture = h("div", { class: "thumbnail" }, icon("film"));
  if (film && isReady) {
    const image = h("img", { src: address(`/videos/${video.video_id}/thumbnail`), alt: "", loading: "lazy" });
    image.addEventListener("error", () => image.remove());
    picture.append(image);
  }
  const title = isReady
    ? h("a", { href: `#/game/${video.video_id}`, class: "cover" }, video.name)
    : h("span", {}, video.name);
  const rename = h("button", { type: "button", class: "plain-button", "aria-label": `Rename ${video.name}` }, icon("pencil"));
  rename.addEventListener("click", () => openRename(video, changed));
  const remove = h("button", { type: "button", class: "plain-button", "aria-label": `Delete ${video.name}` }, icon("trash"));
  remove.addEventListener("click", () => removeVideo(video, changed));
  const track = h("button", { type: "button", class: "button small" }, "Track players");
  track.addEventListener("click", async () => {
    track.disabled = true;
    try {
      await startTracking(video.video_id, video.detections_file);
      tell("Asked for. The list of jobs shows how far it is.", "good");
      jobsChanged();
    } catch (error) {
      tell(/** @type {Error} */ (error).message, "bad");
    }
    track.disabled = false;
  });
  fill(
    card,
    picture,
    h(
      "div",
      { class: "game-words" },
      h("h2", {}, title),
      h("p", { class: "quiet" }, facts.join(" · ")),
      isReady && h("p", { class: "tracked" }),
      !isReady && h("p", {}, h("span", { class: `state ${video.state}` }, VIDEO_STATES[video.state])),
      video.reason && h("p", { class: "bad" }, video.reason),
      video.state === "uploading" && h("div", { class: "upload" }),
      h("div", { class: "game-acts" }, isReady && track, h("span", { class: "spring" }), rename, remove),
    ),
  );
  if (isReady) showTracked(card, video).catch((error) => tell(error.message, "bad"));
}

/**
 * Says whether the players of a game have been tracked.
 *
 * @param {HTMLElement} card
 * @param {any} video
 */
async function showTracked(card, video) {
  const [newest] = (await get(`/videos/${video.video_id}/runs`, { limit: 1 })).items;
  const place = card.querySelector(".tracked");
  if (!place) return;
  const players = newest?.metrics.players;
  const words = newest ? (players === undefined ? "Tracked" : counted(players, "player")) : "Not tracked yet";
  fill(place, h("span", { class: newest ? "state succeeded" : "state" }, words), newest?.motion_only && h("span", { class: "state" }, "motion only"));
}

/**
 * @param {any} video
 * @param {() => void} changed
 */
function openRename(video, changed) {
  const name = h("input", { type: "text", id: "new-name", value: video.name, maxlength: 200, required: true });
  const form = h("form", { class: "stack" }, h("label", { for: "new-name" }, "Name"), name, h("footer", {}, h("button", { class: "button primary" }, "Rename")));
  const dialog = openDialog("Rename the game", form);
  form.addEventListener("submit", async (/** @type {Event} */ event) => {
    event.preventDefault();
    try {
      const { etag } = await getWithEtag(`/videos/${video.video_id}`);
      await send("PATCH", address(`/videos/${video.video_id}`), { json: { name: name.value }, headers: { "If-Match": etag } });
      dialog.close();
      changed();
    } catch (error) {
      tell(/** @type {Error} */ (error).message, "bad");
    }
  });
}

/**
 * @param {any} video
 * @param {() => void} changed
 */
async function removeVideo(video, changed) {
  try {
    const uses = await get(`/videos/${video.video_id}/uses`);
    const parts = [counted(uses.runs, "run"), counted(uses.datasets.length, "set of training pictures", "sets of training pictures")];
    const models = uses.models.length ? ` ${counted(uses.models.length, "model")} trained on it will stay.` : "";
    const text = `The film goes, with all corrections, ${parts.join(" and ")}.${models} This cannot be undone.`;
    if (!(await confirmed(`Delete ${video.name}?`, text, "Delete"))) return;
    await send("DELETE", address(`/videos/${video.video_id}`));
    changed();
  } catch (error) {
    tell(/** @type {Error} */ (error).message, "bad");
  }
}
