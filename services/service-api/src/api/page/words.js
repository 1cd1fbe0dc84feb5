/** Times, sizes and states in words. */

/**
 * @param {number} seconds of a film
 * @returns {string} such as 1:02:03.4, or 2:03.4
 */
export function clock(seconds) {
  const tenths = Math.max(0, Math.round(seconds * 10));
  const [whole, rest] = [Math.floor(tenths / 10), tenths % 10];
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const end = `${String(whole % 60).padStart(2, "0")}.${rest}`;
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${end}` : `${minutes}:${end}`;
}

/**
 * @param {number} seconds
 * @returns {string} such as 2 min 5 s
 */
export function duration(seconds) {
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
  const whole = Math.round(seconds);
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${whole % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/**
 * @param {number} bytes
 * @returns {string} such as 1.2 GB
 */
export function size(bytes) {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let [value, unit] = [bytes, 0];
  while (value >= 1000 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1];
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/**
 * @param {string} time in ISO 8601
 * @returns {string} such as 14 Mar, 16:20
 */
export function moment(time) {
  return new Date(time).toLocaleString(undefined, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
}

/** @type {Record<string, string>} */
export const JOB_KINDS = {
  track_video: "Tracking players",
  build_dataset: "Collecting training pictures",
  train_reid: "Training a model",
  link_players: "Joining players anew",
  make_clips: "Cutting clip reels",
};

/** @type {Record<string, string>} */
export const JOB_STATES = {
  queued: "waiting",
  running: "at work",
  succeeded: "done",
  failed: "failed",
  cancelled: "cancelled",
};

/** @type {Record<string, string>} */
export const VIDEO_STATES = {
  uploading: "Upload not finished",
  checking: "Being checked",
  storing: "Being stored",
  ready: "Ready",
  refused: "Not taken",
  deleting: "Being deleted",
};

/**
 * @param {{ player_id: number, number: string | null, name: string | null }} player
 * @returns {string} such as "7 Ana Ruiz", or "Player 12" where nobody has said who it is
 */
export function called(player) {
  const words = [player.number === null ? null : `#${player.number}`, player.name].filter((word) => word !== null);
  return words.length ? words.join(" ") : `Player ${player.player_id}`;
}

/**
 * @param {number} count
 * @param {string} one
 * @param {string} [many]
 * @returns {string} such as "3 players"
 */
export function counted(count, one, many = `${one}s`) {
  return `${count} ${count === 1 ? one : many}`;
}
