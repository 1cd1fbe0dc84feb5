/** A game: its film with the players on it, their timeline, and what can be corrected, counted and cut. */

import { address, get, post } from "./api.js";
import { corrections } from "./corrections.js";
import { Crops } from "./crops.js";
import { fill, h, icon, tell } from "./dom.js";
import { openFiles } from "./files.js";
import { attempt, gallery, openRename } from "./gallery.js";
import { Game } from "./game_state.js";
import { jobList } from "./jobs.js";
import { listen, openKeys } from "./keyboard.js";
import { minutes } from "./minutes.js";
import { startTracking } from "./new_game.js";
import { playablePath, player } from "./player.js";
import { tabs } from "./tabs.js";
import { timeline } from "./timeline.js";
import { Tracks } from "./tracks.js";
import { moment } from "./words.js";

const PREPARING_EVERY_MS = 2000;
const LEAP_SECONDS = 5;

/** @type {import("./app.js").View} */
export function showGame(main, query, videoId) {
  const game = new Game(videoId);
  const ends = new Ends();
  fill(main, h("p", { class: "quiet pad" }, "Loading …"));
  open().catch((error) => {
    if (!ends.areOver) fill(main, h("p", { class: "pad bad", role: "alert" }, error.message), h("p", { class: "pad" }, h("a", { href: "#/" }, "To the games")));
  });

  async function open() {
    await game.open();
    if (ends.areOver) return;
    document.title = `${game.video.name} – LaxAI`;
    const path = playablePath(game.video);
    if (path === null) {
      showPreparing(main, game.video);
      if (isPreparing(game.video)) ends.after(PREPARING_EVERY_MS, open);
      return;
    }
    const { times } = await get(`/videos/${videoId}/times`);
    const runId = query.get("run");
    if (game.runs.length) await game.show(runId ?? "");
    if (ends.areOver) return;
    const film = game.run ? showTracked(main, game, address(path), times, ends) : showUntracked(main, game, address(path), times, ends);
    const seconds = Number(query.get("t"));
    if (seconds) film.seekSeconds(seconds);
  }

  return () => ends.end();
}

/** What ends with a view. */
class Ends {
  areOver = false;
  /** @type {(() => unknown)[]} */ #ends = [];

  /** @param {() => unknown} end */
  add(end) {
    this.#ends.push(end);
  }

  /**
   * @param {number} milliseconds
   * @param {() => Promise<void>} act
   */
  after(milliseconds, act) {
    setTimeout(() => {
      if (!this.areOver) act().catch((error) => tell(error.message, "bad"));
    }, milliseconds);
  }

  end() {
    this.areOver = true;
    for (const end of this.#ends) end();
  }
}

/** @param {any} video */
function isPreparing(video) {
  return ["checking", "storing"].includes(video.state) || (video.state === "ready" && video.proxy === "waiting");
}

/**
 * @param {HTMLElement} main
 * @param {any} video
 */
function showPreparing(main, video) {
  const words = isPreparing(video)
    ? "The film is being made ready for this browser. It is shown here as soon as it is."
    : (video.reason ?? "This film cannot be shown in browsers. It can be tracked all the same.");
  fill(main, h("div", { class: "page" }, h("h1", {}, video.name), h("p", { class: "notice", role: "status" }, words), isPreparing(video) && h("progress", { "aria-label": "Being made ready" }), h("p", {}, h("a", { href: "#/" }, "To the games"))));
}

/**
 * @param {HTMLElement} main
 * @param {Game} game
 * @param {string} source address of the film
 * @param {number[]} times seconds
 * @param {Ends} ends
 */
function showUntracked(main, game, source, times, ends) {
  const { element, film } = player(game.video, source, times, () => {});
  const jobs = jobList({ videoId: game.videoId, limit: 10, ended: (job) => openRunOf(job, game) });
  const files = iconButton("Roster and detections", "files", () => openFiles(game, () => jobs.refresh()));
  const track = h("button", { type: "button", class: "button primary" }, "Track players");
  track.addEventListener("click", async () => {
    try {
      await startTracking(game.videoId, game.video.detections_file);
      await jobs.refresh();
    } catch (error) {
      tell(/** @type {Error} */ (error).message, "bad");
    }
  });
  fill(
    main,
    h(
      "div",
      { class: "page game untracked" },
      h("div", { class: "heading" }, backLink(), h("h1", {}, game.video.name), h("span", { class: "spring" }), files),
      h(
        "div",
        { class: "columns" },
        element,
        h("aside", { class: "card side", "aria-label": "Tracking" }, h("h2", {}, "Players"), h("p", { class: "quiet" }, "The players of this game have not been tracked yet."), track, jobs.element),
      ),
    ),
  );
  jobs.refresh().catch((error) => tell(error.message, "bad"));
  ends.add(jobs.stop);
  ends.add(listen(filmKeys(film)));
  return film;
}

/**
 * @param {HTMLElement} main
 * @param {Game} game
 * @param {string} source address of the film
 * @param {number[]} times seconds
 * @param {Ends} ends
 */
function showTracked(main, game, source, times, ends) {
  const tracks = new Tracks(game.at);
  const draw = () => overlay.draw(tracks, game);
  const { element: filmElement, film, overlay } = player(game.video, source, times, draw);
  const crops = new Crops(source, times, game.video.film, game.at);
  const jobs = jobList({ videoId: game.videoId, limit: 20, ended: jobEnded });
  const acts = actsOf(game, film);
  const { element: minutesElement, showReels } = minutes(game, film, () => jobs.refresh());
  const history = corrections(game, film, (editId) => attempt(game, game.edit({ kind: "undo", undoes: editId })));
  const panels = tabs("About the players", [
    ["Players", gallery(game, film, crops, acts)],
    ["Corrections", history],
    ["Minutes", minutesElement],
    ["Jobs", h("div", {}, runPart(game, jobs), jobs.element)],
  ]);
  const verify = h("button", { type: "button", class: "button", "aria-pressed": "false", id: "verify" }, "Verify players");
  const back = iconButton("Undo (z)", "undo", () => undo(game));
  const again = iconButton("Redo (y)", "redo", () => redo(game));
  const files = iconButton("Roster and detections", "files", () => openFiles(game, () => jobs.refresh()));
  const view = h(
    "div",
    { class: "page game" },
    h("div", { class: "heading" }, backLink(), h("h1", {}, game.video.name), runChoice(game), h("span", { class: "spring" }), back, again, files, verify, iconButton("Keys", "keyboard", () => openKeys(keys))),
    game.run.motion_only &&
      h("p", { class: "notice", role: "status", id: "motion-only" }, h("strong", {}, "Motion only. "), "No detector has looked at this film: boxes are of whatever moved. Give it detections, or train a detector, to find players who stand still."),
    ...game.run.notes.filter((/** @type {string} */ note) => !game.run.motion_only || !note.includes("motion")).map((/** @type {string} */ note) => h("p", { class: "notice" }, note)),
    h("div", { class: "workplace" }, h("div", { class: "watching" }, filmElement, timeline(game, film, acts.choose)), panels.element),
  );

  function toggleVerify() {
    const isOn = view.classList.toggle("verifying");
    verify.setAttribute("aria-pressed", String(isOn));
    panels.open(0);
    requestAnimationFrame(draw);
  }

  function jobEnded(/** @type {any} */ job) {
    if (job.state === "succeeded" && job.payload.kind === "make_clips") {
      showReels().catch((error) => tell(error.message, "bad"));
      tell("The reels are cut: see Minutes.", "good");
    } else openRunOf(job, game);
  }

  const showUndo = () => {
    back.disabled = !game.lastEdit;
    again.disabled = !game.lastUndo;
  };

  const keys = [
    ...filmKeys(film),
    { key: "j", shown: "j", words: "Next player", act: () => selectNext(game, 1) },
    { key: "k", shown: "k", words: "Player before", act: () => selectNext(game, -1) },
    { key: "m", shown: "m", words: "Merge the selected player with the one chosen next", act: acts.merge },
    {
      key: "Enter",
      words: "",
      act: () => game.pending && game.selected !== null && game.pending.id !== game.selected && attempt(game, game.finish(game.selected)),
    },
    { key: "s", shown: "s", words: "Split the selected player at this frame", act: acts.split },
    { key: "a", shown: "a", words: "Give what is seen here of the selected player to the one chosen next", act: acts.assign },
    { key: "r", shown: "r", words: "Name, number and team of the selected player", act: acts.rename },
    { key: "z", shown: "z", words: "Take back the last correction, or make it again", act: () => undo(game) },
    { key: "y", shown: "y", words: "Take back the last correction, or make it again", act: () => redo(game) },
    { key: "v", shown: "v", words: "Verify: large pictures of the players", act: toggleVerify },
    { key: "Escape", shown: "Esc", words: "Select nobody", act: () => (game.pending ? game.begin(null) : game.select(null)) },
  ];

  verify.addEventListener("click", toggleVerify);
  overlay.canvas.addEventListener("click", (event) => {
    const id = overlay.playerAt(tracks, event);
    if (id === null) game.select(null);
    else acts.choose(id);
  });
  film.addEventListener("frame", draw);
  tracks.addEventListener("loaded", draw);
  game.addEventListener("selection", draw);
  game.addEventListener("players", () => tracks.refresh());
  game.addEventListener("players", showUndo);
  showUndo();
  const sized = new ResizeObserver(draw);
  fill(main, view);
  sized.observe(overlay.canvas);
  Promise.all([jobs.refresh(), showReels()]).catch((error) => tell(error.message, "bad"));
  ends.add(() => sized.disconnect());
  ends.add(jobs.stop);
  ends.add(() => crops.end());
  ends.add(listen(keys));
  return film;
}

/**
 * What can be done with the player that is selected.
 *
 * @param {Game} game
 * @param {import("./film.js").Film} film
 * @returns {import("./gallery.js").Acts}
 */
function actsOf(game, film) {
  const withSelected = (/** @type {(player: import("./game_state.js").Player) => unknown} */ act) => () => {
    const selected = game.player(game.selected);
    if (selected) act(selected);
    else tell("Select a player first: on the film, the timeline or the cards.");
  };
  return {
    choose: (id) => {
      if (!game.pending || game.pending.id === id) game.select(id);
      else attempt(game, game.finish(id));
    },
    merge: withSelected((selected) => game.begin({ kind: "merge", id: selected.player_id })),
    assign: withSelected((selected) => {
      const frame = film.frameMeant;
      if (selected.segments.some(({ start, end }) => start <= frame && frame <= end)) game.begin({ kind: "assign", id: selected.player_id, frame });
      else tell("They are not in view here: go to the stretch that is to be given away.");
    }),
    split: withSelected((selected) =>
      attempt(game, game.edit({ kind: "split", place: { player_id: selected.player_id }, at_frame: film.frameMeant })),
    ),
    rename: withSelected((selected) => openRename(game, selected)),
  };
}

/**
 * @param {import("./film.js").Film} film
 * @returns {import("./keyboard.js").Shortcut[]}
 */
function filmKeys(film) {
  const leap = (/** @type {number} */ seconds) => film.seekSeconds(film.time + seconds);
  return [
    { key: " ", shown: "space", words: "Play and pause", act: () => film.toggle() },
    { key: "ArrowLeft", shown: "←", words: "One frame back or on", act: () => film.step(-1) },
    { key: "ArrowRight", shown: "→", words: "One frame back or on", act: () => film.step(1) },
    { key: "ArrowUp", shown: "↑", words: `${LEAP_SECONDS} seconds back or on`, act: () => leap(-LEAP_SECONDS) },
    { key: "ArrowDown", shown: "↓", words: `${LEAP_SECONDS} seconds back or on`, act: () => leap(LEAP_SECONDS) },
  ];
}

/**
 * @param {Game} game
 * @param {number} step
 */
function selectNext(game, step) {
  const ids = game.players.map((each) => each.player_id);
  if (!ids.length) return;
  const place = game.selected === null ? (step > 0 ? -1 : 0) : ids.indexOf(game.selected);
  const id = /** @type {number} */ (ids[(place + step + ids.length) % ids.length]);
  game.select(id);
  /** @type {HTMLElement | null} */ (document.querySelector(`#players [data-player="${id}"] button`))?.focus();
}

/** @param {Game} game */
function undo(game) {
  return toldOf(game.undo(), "Taken back; y makes it again.", "There is nothing to take back.");
}

/** @param {Game} game */
function redo(game) {
  return toldOf(game.redo(), "Made again.", "There is nothing to make again.");
}

/**
 * @param {Promise<boolean>} done whether there was something to do
 * @param {string} words where there was
 * @param {string} otherwise
 */
async function toldOf(done, words, otherwise) {
  try {
    tell((await done) ? words : otherwise);
  } catch (error) {
    tell(/** @type {Error} */ (error).message, "bad");
  }
}

/**
 * Goes to the run that a job made.
 *
 * @param {any} job
 * @param {Game} game
 */
function openRunOf(job, game) {
  if (job.state !== "succeeded" || !job.result?.run_id) return;
  tell("The new run is there.", "good");
  location.hash = `#/game/${game.videoId}?run=${job.result.run_id}`;
}

/**
 * @param {string} label
 * @param {Parameters<typeof icon>[0]} drawing
 * @param {() => unknown} act
 * @returns {HTMLButtonElement}
 */
function iconButton(label, drawing, act) {
  const button = h("button", { type: "button", class: "plain-button", "aria-label": label, title: label }, icon(drawing));
  button.addEventListener("click", act);
  return button;
}

function backLink() {
  return h("a", { href: "#/", class: "back", "aria-label": "To the games" }, icon("back"));
}

/** @param {Game} game */
function runChoice(game) {
  if (game.runs.length < 2) return null;
  const choice = h("select", { "aria-label": "Run" }, ...game.runs.map((run, i) => h("option", { value: run.run_id }, `Run of ${moment(run.created)}${i === 0 ? " (newest)" : ""}`)));
  choice.value = game.run.run_id;
  choice.addEventListener("change", () => (location.hash = `#/game/${game.videoId}?run=${choice.value}`));
  return choice;
}

/**
 * @param {Game} game
 * @param {import("./jobs.js").JobList} jobs
 */
function runPart(game, jobs) {
  const ask = (/** @type {string} */ word, /** @type {() => Promise<unknown>} */ submit) => {
    const button = h("button", { type: "button", class: "button small" }, word);
    button.addEventListener("click", async () => {
      try {
        await submit();
        await jobs.refresh();
      } catch (error) {
        tell(/** @type {Error} */ (error).message, "bad");
      }
    });
    return button;
  };
  const link = (/** @type {string} */ word, /** @type {string} */ path, /** @type {Record<string, unknown>} */ more = {}) => h("a", { href: address(`${game.at}/${path}`), ...more }, word);
  return h(
    "div",
    { class: "run-part" },
    h("p", { class: "quiet" }, `Run of ${moment(game.run.created)}. Corrections are kept, and hold for every new run as well.`),
    h("div", { class: "acts" }, ask("Track anew", () => startTracking(game.videoId, game.video.detections_file)), ask("Join players anew", () => post(`${game.at}/relink`, {}))),
    h("p", { class: "links" }, link("Report", "report.html", { target: "_blank", rel: "noopener" }), link("Tracks (MOT)", "tracks.txt", { download: "" }), link("Tracks (Parquet)", "tracks.parquet", { download: "" })),
  );
}
