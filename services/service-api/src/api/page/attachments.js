/** What people give with a film: who plays, and boxes that were found elsewhere. */

import { address, send } from "./api.js";

/**
 * Says who plays, in place of what was said before. Raises Problem, which names the line that is wrong.
 *
 * @param {string} videoId
 * @param {File} file CSV with the columns number, name and team
 * @returns {Promise<{ players: { number: string, name: string, team: string }[] }>}
 */
export function putRoster(videoId, file) {
  return put(`/videos/${videoId}/roster`, "text/csv", file);
}

/**
 * Gives a film boxes, in place of those it had. Raises Problem, which says what is wrong with the file.
 *
 * @param {string} videoId
 * @param {File} file MOTChallenge text, LaxAI JSON or Parquet
 * @returns {Promise<{ file: string, boxes: number, frames: number }>} file: its name, for tracking
 */
export function putDetections(videoId, file) {
  return put(`/videos/${videoId}/detections`, "application/octet-stream", file);
}

/**
 * @param {string} path
 * @param {string} type
 * @param {File} file
 */
async function put(path, type, file) {
  return (await send("PUT", address(path), { body: file, headers: { "Content-Type": type } })).json();
}
