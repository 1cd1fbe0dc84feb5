/** A game as it is looked at: video, run, players as corrected now, what is selected; and the corrections made here. */

import { address, get, getAll, getWithEtag, Problem, send } from "./api.js";

/**
 * start, end: frames, included; start_seconds, end_seconds: of the film.
 * @typedef {{ track_id: number, start: number, end: number, start_seconds: number, end_seconds: number }} Segment
 *
 * @typedef {{ player_id: number, team_id: number | null, team: string | null, name: string | null,
 *   number: string | null, role: string | null, seconds_in_view: number, segments: Segment[] }} Player
 *
 * @typedef {{ team_id: number, name: string | null, players: number, seconds_in_view: number }} Team
 */

/**
 * Events: `run` when another run is looked at; `players` when they or the edits have changed; `selection` when another
 * player is selected, or one is to be merged.
 */
export class Game extends EventTarget {
  /** @type {any} */ video = null;
  /** @type {any[]} of the video, newest first */ runs = [];
  /** @type {any} */ run = null;
  /** @type {Player[]} */ players = [];
  /** @type {Team[]} */ teams = [];
  /** @type {{ number: string, name: string, team: string }[]} */ roster = [];
  /** @type {any[]} newest first, each with its outcome on the run */ edits = [];
  /** @type {number | null} the id of a player */ selected = null;
  /** @type {number | null} the id of the player that is being merged with another */ merging = null;

  #etag = "";

  /** @param {string} videoId */
  constructor(videoId) {
    super();
    this.videoId = videoId;
  }

  /** Reads the video, its roster and its runs. Raises Problem. */
  async open() {
    this.video = await get(`/videos/${this.videoId}`);
    if (this.video.has_roster) this.roster = (await get(`/videos/${this.videoId}/roster`)).players;
    this.runs = await getAll(`/videos/${this.videoId}/runs`);
  }

  /**
   * Looks at a run. Raises Problem.
   *
   * @param {string} runId
   */
  async show(runId) {
    this.run = this.runs.find((run) => run.run_id === runId) ?? this.runs[0];
    [this.selected, this.merging] = [null, null];
    await this.refresh();
    this.dispatchEvent(new Event("run"));
  }

  /** Reads players and edits again. Raises Problem. */
  async refresh() {
    const { content, etag } = await getWithEtag(`${this.at}/players`);
    const edits = await getAll(`${this.at}/edits`);
    [this.players, this.teams, this.edits, this.#etag] = [content.players, content.teams, edits, etag];
    if (this.player(this.selected) === undefined) this.selected = null;
    if (this.player(this.merging) === undefined) this.merging = null;
    this.dispatchEvent(new Event("players"));
    this.dispatchEvent(new Event("selection"));
  }

  /** The path of the run in the API. */
  get at() {
    return `/videos/${this.videoId}/runs/${this.run.run_id}`;
  }

  /**
   * @param {number | null} id
   * @returns {Player | undefined}
   */
  player(id) {
    return this.players.find((player) => player.player_id === id);
  }

  /** @param {number | null} id */
  select(id) {
    this.selected = id;
    this.dispatchEvent(new Event("selection"));
  }

  /** @param {number | null} id of the player to be merged with whoever is chosen next; null for none */
  beginMerge(id) {
    this.merging = id;
    this.dispatchEvent(new Event("selection"));
  }

  /**
   * @param {number} first whose name stays
   * @param {number} second
   */
  async merge(first, second) {
    this.merging = null;
    await this.edit({ kind: "merge", first: { player_id: first }, second: { player_id: second } });
    this.select(this.player(first) ? first : (this.player(second)?.player_id ?? null));
  }

  /** The edit that `undoLast` would take back. */
  get lastEdit() {
    return this.edits.find((each) => each.edit.kind !== "undo" && each.undone_by === null);
  }

  /** @returns {Promise<boolean>} whether there was one to take back */
  async undoLast() {
    const last = this.lastEdit;
    if (last) await this.edit({ kind: "undo", undoes: last.edit.edit_id });
    return last !== undefined;
  }

  /**
   * Makes a correction, for the players as they are shown. Raises Problem: where somebody else changed them in the
   * meantime, they are read again first.
   *
   * @param {Record<string, unknown>} asked
   */
  async edit(asked) {
    try {
      await send("POST", address(`${this.at}/edits`), { json: asked, headers: { "If-Match": this.#etag } });
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 412) throw error;
      await this.refresh();
      throw new Problem(412, "stale", "Somebody else corrected this game in the meantime. Look at the players as they are now, and repeat it if it is still wanted.");
    }
    await this.refresh();
  }
}

/**
 * Whether two players are in view at the same time, and so cannot be one.
 *
 * @param {Player} one
 * @param {Player} other
 */
export function areSeenTogether(one, other) {
  return one.segments.some((a) => other.segments.some((b) => a.start <= b.end && b.start <= a.end));
}

/**
 * @param {Player} player
 * @returns {number} the first frame in which they are seen
 */
export function firstFrame(player) {
  return player.segments[0]?.start ?? 0;
}
