/** Pictures of players, cut from the film in this browser. */

import { insideFrame } from "./film.js";
import { readBoxes } from "./tracks.js";

const HEIGHT = 176;
const MARGIN = 0.12;
const NEAR_FRAMES = 5;

/** @typedef {{ trackId: number, frame: number }} Place */

/** Cuts pictures one after the other from a film of its own, and keeps them until it ends. */
export class Crops {
  /** @type {Map<string, Promise<string | null>>} addresses of pictures */
  #kept = new Map();
  /** @type {{ place: Place, done: (url: string | null) => void }[]} in the order in which they are cut */
  #waiting = [];
  #isCutting = false;
  #video = document.createElement("video");
  #canvas = document.createElement("canvas");
  #isOver = false;

  /**
   * @param {string} source address of the film
   * @param {number[]} times when each frame is shown, in seconds
   * @param {{ width: number, height: number }} size of the film as displayed, in pixels
   * @param {string} path of the run in the API
   */
  constructor(source, times, size, path) {
    this.times = times;
    this.size = size;
    this.path = path;
    Object.assign(this.#video, { muted: true, preload: "auto", src: source });
  }

  /**
   * @param {Place} place
   * @param {boolean} isUrgent whether it goes before those that wait
   * @returns {Promise<string | null>} the picture's address; null where there is none
   */
  picture(place, isUrgent) {
    const name = `${place.trackId}:${place.frame}`;
    let picture = this.#kept.get(name);
    if (picture === undefined) {
      picture = new Promise((done) => this.#waiting[isUrgent ? "unshift" : "push"]({ place, done }));
      this.#kept.set(name, picture);
      if (!this.#isCutting) this.#cutAll();
    }
    return picture;
  }

  /** Ends it, and gives the pictures back. */
  async end() {
    this.#isOver = true;
    for (const picture of this.#kept.values()) {
      const url = await picture;
      if (url !== null) URL.revokeObjectURL(url);
    }
    this.#video.removeAttribute("src");
    this.#video.load();
  }

  async #cutAll() {
    this.#isCutting = true;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      next.done(this.#isOver ? null : await this.#cut(next.place).catch(() => null));
    }
    this.#isCutting = false;
  }

  /**
   * @param {Place} place
   * @returns {Promise<string | null>}
   */
  async #cut({ trackId, frame }) {
    const frames = await readBoxes(this.path, Math.max(0, frame - NEAR_FRAMES), frame + NEAR_FRAMES);
    const near = [...frames].sort(([one], [other]) => Math.abs(one - frame) - Math.abs(other - frame));
    for (const [number, boxes] of near) {
      const box = boxes.find((each) => each.trackId === trackId && !each.interpolated);
      if (box) {
        await this.#seek(number);
        return this.#draw(box.xyxy);
      }
    }
    return null;
  }

  /** @param {number} frame */
  #seek(frame) {
    const video = this.#video;
    return new Promise((resolve, reject) => {
      video.addEventListener("seeked", resolve, { once: true });
      video.addEventListener("error", reject, { once: true });
      video.currentTime = insideFrame(this.times, frame);
    });
  }

  /**
   * @param {[number, number, number, number]} xyxy
   * @returns {Promise<string | null>}
   */
  #draw([left, top, right, bottom]) {
    const scale = this.#video.videoWidth / this.size.width;
    const margin = (bottom - top) * MARGIN;
    const [wide, high] = [right - left + 2 * margin, bottom - top + 2 * margin];
    const canvas = this.#canvas;
    [canvas.width, canvas.height] = [Math.round((HEIGHT * wide) / high), HEIGHT];
    canvas
      .getContext("2d")
      ?.drawImage(this.#video, (left - margin) * scale, (top - margin) * scale, wide * scale, high * scale, 0, 0, canvas.width, canvas.height);
    return new Promise((resolve) => canvas.toBlob((blob) => resolve(blob && URL.createObjectURL(blob)), "image/jpeg", 0.85));
  }
}

/**
 * Where to cut pictures of a player: in the middle of their longest stretches.
 *
 * @param {import("./game_state.js").Player} player
 * @param {number} count at most
 * @returns {Place[]} by time
 */
export function placesOf(player, count) {
  return [...player.segments]
    .sort((one, other) => other.end - other.start - (one.end - one.start))
    .slice(0, count)
    .sort((one, other) => one.start - other.start)
    .map(({ track_id, start, end }) => ({ trackId: track_id, frame: Math.floor((start + end) / 2) }));
}
