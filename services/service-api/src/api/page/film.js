/** The film: which of its frames is shown, by presentation times, and how it is moved. */

/** Fires `frame` for each frame that is shown, and `state` when it plays, stops or plays at another speed. */
export class Film extends EventTarget {
  #times;
  #canTell = "requestVideoFrameCallback" in HTMLVideoElement.prototype;

  /**
   * @param {HTMLVideoElement} element
   * @param {number[]} times when each frame is shown, in seconds, rising
   */
  constructor(element, times) {
    super();
    this.element = element;
    this.frame = 0;
    this.#times = times;
    for (const name of ["play", "pause", "ratechange", "ended"]) {
      element.addEventListener(name, () => this.dispatchEvent(new Event("state")));
    }
    if (this.#canTell) this.#follow();
    else this.#look();
  }

  get frameCount() {
    return this.#times.length;
  }

  get isPlaying() {
    return !this.element.paused && !this.element.ended;
  }

  /** @returns {number} seconds of the film, of the frame that is shown */
  get time() {
    return this.timeOf(this.frame);
  }

  /**
   * @param {number} frame
   * @returns {number} seconds of the film
   */
  timeOf(frame) {
    return this.#times[Math.min(Math.max(frame, 0), this.#times.length - 1)] ?? 0;
  }

  /**
   * @param {number} seconds of the film
   * @returns {number} the frame that is shown then
   */
  frameAt(seconds) {
    let [low, high] = [0, this.#times.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (/** @type {number} */ (this.#times[middle]) <= seconds) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  async toggle() {
    if (this.isPlaying) this.element.pause();
    else await this.element.play();
  }

  /** @param {number} frame from 0 */
  seekFrame(frame) {
    const wanted = Math.min(Math.max(Math.round(frame), 0), this.#times.length - 1);
    this.element.currentTime = insideFrame(this.#times, wanted);
    if (this.element.readyState === 0) this.#show(wanted);
  }

  /** @param {number} seconds of the film */
  seekSeconds(seconds) {
    this.seekFrame(this.frameAt(seconds));
  }

  /** @param {number} count of frames, back where it is negative */
  step(count) {
    this.element.pause();
    this.seekFrame(this.frame + count);
  }

  #follow() {
    this.element.requestVideoFrameCallback((_, { mediaTime }) => {
      this.#show(nearest(this.#times, this.frameAt(mediaTime), mediaTime));
      this.#follow();
    });
  }

  #look() {
    const look = () => {
      this.#show(this.frameAt(this.element.currentTime + 1e-4));
      requestAnimationFrame(look);
    };
    look();
  }

  /** @param {number} frame */
  #show(frame) {
    this.frame = frame;
    this.dispatchEvent(new Event("frame"));
  }
}

/**
 * A time at which a frame is shown, away from its edges, since players round times.
 *
 * @param {number[]} times seconds
 * @param {number} frame
 */
export function insideFrame(times, frame) {
  const begin = times[frame] ?? 0;
  const end = times[frame + 1] ?? begin + 0.002;
  return begin + Math.min((end - begin) / 2, 0.01);
}

/**
 * @param {number[]} times seconds
 * @param {number} frame the last one that begins by then
 * @param {number} seconds
 */
function nearest(times, frame, seconds) {
  const [here, next] = [times[frame] ?? 0, times[frame + 1]];
  return next !== undefined && next - seconds < seconds - here ? frame + 1 : frame;
}
