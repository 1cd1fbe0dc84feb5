/** Pictures of players, cut from the film in this browser: asked for together, and many from each frame that is sought. */

import { get } from "./api.js";
import { insideFrame } from "./film.js";

const HEIGHT = 176;
const MARGIN = 0.12;
const GATHERED_MS = 30;
const MOST_ASKED_FOR = 100;
const LEFT_MS = 5000; // the browser may be about to read a picture that was shown last

/**
 * A place where somebody is seen well. xyxy: left, top, right, bottom in pixels of the film as displayed.
 * @typedef {{ player_id: number, track_id: number, frame: number, xyxy: [number, number, number, number] }} Place
 */

/**
 * A picture of a player: where it is of, and its address once it is cut, null where it cannot be.
 * @typedef {{ place: Place, url: string | null | undefined, made: Promise<string | null> }} Picture
 */

/** Cuts pictures from a film of its own, one frame after the other, and keeps them until it ends. */
export class Crops {
  /** @type {Map<string, Picture>} by track and frame */
  #kept = new Map();
  /** @type {Map<number, Picture>} of each player, the one on their card */
  #ofPlayers = new Map();
  /** @type {Map<number, ((picture: Picture | null) => void)[]>} by player */
  #asked = new Map();
  /** @type {Map<number, { place: Place, done: (url: string | null) => void }[]>} by frame, in the order of cutting */
  #waiting = new Map();
  #isCutting = false;
  #isOver = false;
  /** @type {HTMLVideoElement | null} */ #video = null;
  #canvas = document.createElement("canvas");

  /**
   * @param {string} source address of the film
   * @param {number[]} times when each frame is shown, in seconds
   * @param {{ width: number, height: number }} size of the film as displayed, in pixels
   * @param {string} path of the run in the API
   */
  constructor(source, times, size, path) {
    this.source = source;
    this.times = times;
    this.size = size;
    this.path = path;
  }

  /**
   * @param {import("./game_state.js").Player} player
   * @returns {string | null} the address of their picture, where it is there already
   */
  known(player) {
    const picture = this.#ofPlayers.get(player.player_id);
    return picture && isOf(picture.place, player) ? (picture.url ?? null) : null;
  }

  /**
   * @param {import("./game_state.js").Player} player
   * @returns {Promise<string | null>} the address of a picture of them; null where there is none
   */
  async ofPlayer(player) {
    const kept = this.#ofPlayers.get(player.player_id);
    if (kept && isOf(kept.place, player)) return kept.made;
    const picture = await new Promise((/** @type {(picture: Picture | null) => void} */ done) => {
      if (!this.#asked.size) setTimeout(() => this.#ask(), GATHERED_MS);
      this.#asked.set(player.player_id, [...(this.#asked.get(player.player_id) ?? []), done]);
    });
    return picture?.made ?? null;
  }

  /**
   * @param {import("./game_state.js").Player} player
   * @param {number} count at most
   * @returns {Promise<Picture[]>} one of each of their longest stretches, by time
   */
  async ofStretches(player, count) {
    const { items } = await get(`${this.path}/pictures`, { player_id: player.player_id, each: count });
    return items.map((/** @type {Place} */ place) => this.#picture(place, true));
  }

  /** Ends it, and gives the pictures back. */
  async end() {
    this.#isOver = true;
    const urls = await Promise.all([...this.#kept.values()].map(({ made }) => made));
    setTimeout(() => urls.forEach((url) => url !== null && URL.revokeObjectURL(url)), LEFT_MS);
    this.#video?.removeAttribute("src");
    this.#video?.load();
  }

  /** Asks where the players are seen who are waited for. */
  async #ask() {
    const asked = [...this.#asked].slice(0, MOST_ASKED_FOR);
    for (const [id] of asked) this.#asked.delete(id);
    if (this.#asked.size) setTimeout(() => this.#ask(), GATHERED_MS);
    /** @type {Place[]} */
    let places = [];
    if (!this.#isOver) {
      const ids = asked.map(([id]) => id);
      places = await get(`${this.path}/pictures`, { player_id: ids }).then(({ items }) => items, () => []);
    }
    for (const [id, dones] of asked) {
      const place = places.find((each) => each.player_id === id);
      const picture = place ? this.#picture(place, false) : null;
      if (picture) this.#ofPlayers.set(id, picture);
      for (const done of dones) done(picture);
    }
  }

  /**
   * @param {Place} place
   * @param {boolean} isUrgent whether its frame is sought before all that wait
   */
  #picture(place, isUrgent) {
    const name = `${place.track_id}:${place.frame}`;
    let picture = this.#kept.get(name);
    if (picture === undefined) {
      const made = new Promise((/** @type {(url: string | null) => void} */ done) => {
        const cuts = [...(this.#waiting.get(place.frame) ?? []), { place, done }];
        if (isUrgent) this.#waiting = new Map([[place.frame, cuts], ...[...this.#waiting].filter(([frame]) => frame !== place.frame)]);
        else this.#waiting.set(place.frame, cuts);
      });
      const fresh = /** @type {Picture} */ ({ place, url: undefined, made });
      made.then((url) => (fresh.url = url));
      this.#kept.set(name, fresh);
      picture = fresh;
      if (!this.#isCutting) this.#cutAll();
    }
    return picture;
  }

  async #cutAll() {
    this.#isCutting = true;
    await Promise.resolve(); // whoever asks for many at once has asked for all of them then
    while (this.#waiting.size) {
      const [frame] = /** @type {[number]} */ ([...this.#waiting.keys()]);
      const cuts = this.#waiting.get(frame) ?? [];
      this.#waiting.delete(frame);
      const isThere = !this.#isOver && (await this.#seek(frame).then(() => true, () => false));
      for (const { place, done } of cuts) done(isThere ? await this.#draw(place.xyxy).catch(() => null) : null);
    }
    this.#isCutting = false;
  }

  /** @param {number} frame */
  #seek(frame) {
    this.#video ??= Object.assign(document.createElement("video"), { muted: true, preload: "metadata", src: this.source });
    const video = this.#video;
    return new Promise((resolve, reject) => {
      if (video.error) reject(video.error);
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
    const video = /** @type {HTMLVideoElement} */ (this.#video);
    const scale = video.videoWidth / this.size.width;
    const margin = (bottom - top) * MARGIN;
    const [wide, high] = [right - left + 2 * margin, bottom - top + 2 * margin];
    const canvas = this.#canvas;
    [canvas.width, canvas.height] = [Math.round((HEIGHT * wide) / high), HEIGHT];
    canvas
      .getContext("2d")
      ?.drawImage(video, (left - margin) * scale, (top - margin) * scale, wide * scale, high * scale, 0, 0, canvas.width, canvas.height);
    return new Promise((resolve) => canvas.toBlob((blob) => resolve(blob && URL.createObjectURL(blob)), "image/jpeg", 0.85));
  }
}

/**
 * Whether it is this player who is seen at a place, as they are corrected now.
 *
 * @param {Place} place
 * @param {import("./game_state.js").Player} player
 */
function isOf({ track_id, frame }, player) {
  return player.segments.some((segment) => segment.track_id === track_id && segment.start <= frame && frame <= segment.end);
}
