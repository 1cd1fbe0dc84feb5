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
 *
 * What waits for a second player to be chosen: `id` is to be merged with them, or what is seen of `id` in `frame` is to
 * be given to them.
 * @typedef {{ kind: "merge", id: number } | { kind: "assign", id: number, frame: number }} Pending
 */

/**
 * Events: `run` when another run is looked at; `players` when they or the edits have changed; `selection` when another
 * player is selected, or something waits for a second one.
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
  /** @type {Pending | null} */ pending = null;

  #etag = "";

  /** @param {string} videoId */
  constructor(videoId) {
    super();
    this.videoId = videoId;
  }

  /** Reads the video, its roster and its runs. Raises Problem. */
  async open() {
    this.video = await get(`/videos/${this.videoId}`);
    await this.readRoster();
    this.runs = await getAll(`/videos/${this.videoId}/runs`);
  }

  /** Reads who plays. Raises Problem. */
  async readRoster() {
    if (this.video.has_roster) this.roster = (await get(`/videos/${this.videoId}/roster`)).players;
  }

  /**
   * Looks at a run. Raises Problem.
   *
   * @param {string} runId
   */
  async show(runId) {
    this.run = this.runs.find((run) => run.run_id === runId) ?? this.runs[0];
    [this.selected, this.pending] = [null, null];
    await this.refresh();
    this.dispatchEvent(new Event("run"));
  }

  /** Reads players and edits again. Raises Problem. */
  async refresh() {
    const { content, etag } = await getWithEtag(`${this.at}/players`);
    const edits = await getAll(`${this.at}/edits`);
    [this.players, this.teams, this.edits, this.#etag] = [content.players, content.teams, edits, etag];
    if (this.player(this.selected) === undefined) this.selected = null;
    if (this.pending && this.player(this.pending.id) === undefined) this.pending = null;
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

  /** @param {Pending | null} pending */
  begin(pending) {
    this.pending = pending;
    this.dispatchEvent(new Event("selection"));
  }

  /**
   * Does what waits, with the second player. Raises Problem.
   *
   * @param {number} id
   */
  async finish(id) {
    const pending = this.pending;
    this.begin(null);
    if (pending?.kind === "merge") await this.merge(pending.id, id);
    else if (pending) await this.assign(pending, id);
  }

  /**
   * @param {number} first whose name stays
   * @param {number} second
   */
  async merge(first, second) {
    await this.edit({ kind: "merge", first: { player_id: first }, second: { player_id: second } });
    this.select(this.player(first) ? first : (this.player(second)?.player_id ?? null));
  }

  /**
   * Gives the track that somebody has in a frame to another player.
   *
   * @param {{ id: number, frame: number }} from
   * @param {number} id
   */
  async assign({ id: from, frame }, id) {
    await this.edit({ kind: "assign", place: { player_id: from, frame }, player: { player_id: id } });
    this.select(this.player(id) ? id : null);
  }

  /** The edit that `undo` would take back. */
  get lastEdit() {
    return this.edits.find((each) => each.edit.kind !== "undo" && each.undone_by === null);
  }

  /** The undo that `redo` would take back: of those made since the last correction, the newest that counts. */
  get lastUndo() {
    const isUndo = (/** @type {any} */ each) => each.edit.kind === "undo";
    const corrections = new Set(this.edits.filter((each) => !isUndo(each)).map((each) => each.edit.edit_id));
    const since = this.edits.slice(0, this.edits.findIndex((each) => !isUndo(each)));
    return since.find((each) => each.undone_by === null && corrections.has(each.edit.undoes));
  }

  /** @returns {Promise<boolean>} whether there was one to take back */
  async undo() {
    return this.#takeBack(this.lastEdit);
  }

  /** @returns {Promise<boolean>} whether there was one to be made again */
  async redo() {
    return this.#takeBack(this.lastUndo);
  }

  /** @param {any} edit as listed, or undefined */
  async #takeBack(edit) {
    if (edit) await this.edit({ kind: "undo", undoes: edit.edit.edit_id });
    return edit !== undefined;
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
 * Whether what waits cannot be done with this player, who is in view at the same time.
 *
 * @param {Game} game
 * @param {Player} player
 */
export function isUnlikely(game, player) {
  const pending = game.pending;
  const first = pending && game.player(pending.id);
  if (!pending || !first || player === first) return false;
  if (pending.kind === "merge") return areSeenTogether(first, player);
  const track = first.segments.find(({ start, end }) => start <= pending.frame && pending.frame <= end)?.track_id;
  return areSeenTogether({ ...first, segments: first.segments.filter(({ track_id }) => track_id === track) }, player);
}

/**
 * @param {Player} player
 * @returns {number} the first frame in which they are seen
 */
export function firstFrame(player) {
  return player.segments[0]?.start ?? 0;
}

/**
 * Whether two players are in view at the same time, and so cannot be one.
 *
 * @param {Player} one
 * @param {Player} other
 */
function areSeenTogether(one, other) {
  return one.segments.some((a) => other.segments.some((b) => a.start <= b.end && b.start <= a.end));
}
