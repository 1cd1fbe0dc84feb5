/** Boxes of a run: read in stretches of frames as they are looked at. */

import { get } from "./api.js";

const STRETCH_FRAMES = 500;
const STRETCHES_KEPT = 16;

/**
 * xyxy: left, top, right, bottom in pixels of the film as displayed.
 * @typedef {{ trackId: number, playerId: number | null, teamId: number | null,
 *   xyxy: [number, number, number, number], interpolated: boolean }} Box
 */

/** Fires `loaded` when boxes have come that were asked for. */
export class Tracks extends EventTarget {
  /** @type {Map<number, { frames: Map<number, Box[]>, isStale: boolean, isComing: boolean }>} */
  #stretches = new Map();
  #path;

  /** @param {string} path of the run in the API */
  constructor(path) {
    super();
    this.#path = path;
  }

  /**
   * @param {number} frame
   * @returns {Box[]} those that are there already; the others are on their way
   */
  at(frame) {
    const number = Math.floor(frame / STRETCH_FRAMES);
    const stretch = this.#stretch(number);
    if (frame % STRETCH_FRAMES > STRETCH_FRAMES / 2) this.#stretch(number + 1);
    return stretch.frames.get(frame) ?? [];
  }

  /** Whose boxes they are has changed: they are read again; until then the old ones are shown. */
  refresh() {
    for (const stretch of this.#stretches.values()) stretch.isStale = true;
    this.dispatchEvent(new Event("loaded"));
  }

  /** @param {number} number */
  #stretch(number) {
    let stretch = this.#stretches.get(number);
    if (stretch === undefined) {
      stretch = { frames: new Map(), isStale: true, isComing: false };
    }
    this.#stretches.delete(number); // the last one in the map is the one used last
    this.#stretches.set(number, stretch);
    if (stretch.isStale && !stretch.isComing) this.#read(number, stretch);
    for (const oldest of this.#stretches.keys()) {
      if (this.#stretches.size <= STRETCHES_KEPT) break;
      this.#stretches.delete(oldest);
    }
    return stretch;
  }

  /**
   * @param {number} number
   * @param {{ frames: Map<number, Box[]>, isStale: boolean, isComing: boolean }} stretch
   */
  async #read(number, stretch) {
    [stretch.isStale, stretch.isComing] = [false, true];
    try {
      stretch.frames = await readBoxes(this.#path, number * STRETCH_FRAMES, (number + 1) * STRETCH_FRAMES - 1);
    } catch {
      setTimeout(() => (stretch.isStale = true), 3000); // the next look asks again
    }
    stretch.isComing = false;
    this.dispatchEvent(new Event("loaded"));
  }
}

/**
 * The boxes of frames `first` to `last`, included. Raises Problem.
 *
 * @param {string} path of the run in the API
 * @param {number} first
 * @param {number} last
 * @returns {Promise<Map<number, Box[]>>} by frame
 */
async function readBoxes(path, first, last) {
  const columns = await get(`${path}/tracks`, { first, last });
  /** @type {Map<number, Box[]>} */
  const frames = new Map();
  columns.frame.forEach((/** @type {number} */ frame, /** @type {number} */ i) => {
    const box = {
      trackId: columns.track_id[i],
      playerId: columns.player_id[i],
      teamId: columns.team_id[i],
      xyxy: columns.xyxy[i],
      interpolated: columns.interpolated[i],
    };
    const there = frames.get(frame);
    if (there) there.push(box);
    else frames.set(frame, [box]);
  });
  return frames;
}
