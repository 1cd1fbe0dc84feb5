/** Jobs as cards that live: stage, bar, cancel, retry. */

import { get, post } from "./api.js";
import { fill, h, tell } from "./dom.js";
import { followJob, hasEnded } from "./events.js";
import { JOB_KINDS, JOB_STATES, moment } from "./words.js";

/**
 * Says what a video is called, as far as that is known.
 * @typedef {(videoId: string) => string | undefined} Naming
 */

/** @typedef {{ element: HTMLElement, refresh: () => Promise<void>, stop: () => void }} JobList */

/**
 * A list of jobs that keeps itself up to date.
 *
 * @param {{ videoId?: string, limit: number, ended: (job: any) => void, naming?: Naming }} options
 *   videoId: of this video alone. ended: told of each job that ends while it is watched. naming: for links to games.
 * @returns {JobList}
 */
export function jobList({ videoId, limit, ended, naming = () => undefined }) {
  const element = h("ul", { class: "jobs" });
  /** @type {Map<string, { card: HTMLElement, stop: () => void }>} */
  const cards = new Map();

  async function refresh() {
    const { items } = await get("/jobs", { video_id: videoId, limit });
    for (const id of cards.keys()) {
      if (!items.some((/** @type {any} */ job) => job.job_id === id)) {
        cards.get(id)?.stop();
        cards.delete(id);
      }
    }
    for (const job of items) {
      const there = cards.get(job.job_id);
      if (there) {
        showJob(there.card, job, refresh, naming);
        continue;
      }
      const card = h("li", { class: "job", "data-job": job.job_id });
      showJob(card, job, refresh, naming);
      let isOver = hasEnded(job);
      const stop = isOver
        ? () => {}
        : followJob(job.job_id, (now) => {
            showJob(card, now, refresh, naming);
            if (hasEnded(now) && !isOver) {
              isOver = true;
              ended(now);
            }
          });
      cards.set(job.job_id, { card, stop });
    }
    fill(element, ...items.map((/** @type {any} */ job) => cards.get(job.job_id)?.card));
  }

  return {
    element,
    refresh,
    stop: () => {
      for (const { stop } of cards.values()) stop();
    },
  };
}

/**
 * @param {HTMLElement} card
 * @param {any} job
 * @param {() => Promise<void>} changed
 * @param {Naming} naming
 */
function showJob(card, job, changed, naming) {
  const act = (/** @type {string} */ word, /** @type {string} */ path, /** @type {string} */ mood = "") => {
    const button = h("button", { type: "button", class: `button small ${mood}` }, word);
    button.addEventListener("click", async () => {
      button.disabled = true;
      try {
        await post(`/jobs/${job.job_id}/${path}`);
        await changed();
      } catch (error) {
        tell(/** @type {Error} */ (error).message, "bad");
        button.disabled = false;
      }
    });
    return button;
  };
  const { progress } = job;
  const isAtWork = job.state === "running";
  const stage = isAtWork && progress ? [progress.stage.replaceAll("_", " "), progress.message].filter(Boolean).join(" – ") : null;
  const { video_id: videoId } = job.payload;
  const name = videoId && naming(videoId);
  const runId = job.result?.run_id;
  card.dataset.state = job.state;
  fill(
    card,
    h(
      "div",
      { class: "job-line" },
      h("strong", {}, JOB_KINDS[job.payload.kind]),
      h("span", { class: `state ${job.state}` }, JOB_STATES[job.state]),
      h("time", { class: "quiet", datetime: job.created }, moment(job.created)),
      !hasEnded(job) && act("Cancel", "cancel"),
      (job.state === "failed" || job.state === "cancelled") && act("Retry", "retry"),
    ),
    name && h("a", { href: `#/game/${videoId}${runId ? `?run=${runId}` : ""}`, class: "job-game" }, name),
    isAtWork && bar(progress),
    stage && h("p", { class: "quiet" }, stage),
    job.error && h("p", { class: "bad" }, job.error),
  );
}

/** @param {{ stage: string, done: number, total: number | null } | null} progress */
function bar(progress) {
  const share = progress?.total ? progress.done / progress.total : null;
  const text = share === null ? "at work" : `${Math.round(share * 100)} %`;
  const element = h("progress", { max: 1, "aria-label": text });
  if (share !== null) element.value = share;
  return h("div", { class: "bar" }, element, h("span", {}, share === null ? "…" : text));
}
