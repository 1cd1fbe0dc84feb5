/** The film: which of its frames is shown, by presentation times, and how it is moved. */

const MOST_NUDGES = 12;
const NUDGE_FRAMES = 0.25;
const UNSEEN_MS = 250;

/** Fires `frame` for each frame that is shown, and `state` when it plays, stops or plays at another speed. */
export class Film extends EventTarget {
  #times;
  #canTell = "requestVideoFrameCallback" in HTMLVideoElement.prototype;
  /**
   * Where it is being moved to. aim: in frames and parts of them. isSeen: a frame has been shown since it was aimed at.
   * @type {{ frame: number, aim: number, nudges: number, isSeen: boolean } | null}
   */
  #goal = null;

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
    element.addEventListener("play", () => (this.#goal = null));
    for (const name of ["seeked", "loadeddata"]) element.addEventListener(name, () => this.#arrived());
    if (this.#canTell) this.#follow();
    else this.#look();
  }

  get frameCount() {
    return this.#times.length;
  }

  /** @returns {number} the frame that is shown, or will be once it is found */
  get frameMeant() {
    return this.#goal?.frame ?? this.frame;
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
    if (!this.isPlaying) this.#goal = { frame: wanted, aim: wanted + 0.25, nudges: 0, isSeen: false };
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
    this.seekFrame(this.frameMeant + count);
  }

  /** A place has been reached; its frame is shown by now, or soon, or not at all where it was there already. */
  #arrived() {
    const nudges = this.#goal?.nudges;
    if (this.#goal?.isSeen) this.#nudge();
    else setTimeout(() => this.#goal?.nudges === nudges && this.#nudge(), UNSEEN_MS);
  }

  /** Browsers miss by a frame or two where frames are not equally long: then it is aimed beside the mark. */
  #nudge() {
    const goal = this.#goal;
    if (goal === null || this.element.seeking) return;
    if (this.frame === goal.frame || goal.nudges === MOST_NUDGES) {
      this.#goal = null;
      return;
    }
    goal.nudges += 1;
    goal.isSeen = false;
    goal.aim += this.frame < goal.frame ? NUDGE_FRAMES : -NUDGE_FRAMES;
    const [begin, end] = [this.timeOf(Math.floor(goal.aim)), this.timeOf(Math.floor(goal.aim) + 1)];
    this.element.currentTime = begin + (end - begin) * (goal.aim - Math.floor(goal.aim)) + 0.001;
  }

  #follow() {
    this.element.requestVideoFrameCallback((_, { mediaTime }) => {
      this.#show(nearest(this.#times, this.frameAt(mediaTime), mediaTime));
      if (this.#goal !== null) {
        this.#goal.isSeen = true;
        this.#nudge();
      }
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
