/** Films on their way to the service: in pieces, from where the last try ended, also after a reload. */

import { address, post, Problem, readProblem, send, writeHeaders } from "./api.js";

const PIECE_BYTES = 16 * 1024 * 1024;
const PAUSES_MS = [500, 1000, 2000, 4000, 8000, 15_000, 30_000];
const OFFSET_TYPE = "application/offset+octet-stream";

/**
 * An upload. sent: bytes that are known to be there. pause: why it waits, null while it goes on.
 * @typedef {{ videoId: string, sent: number, total: number, pause: string | null }} Upload
 */

/** @type {Map<string, Upload>} */
const running = new Map();

/** Fires `change` whenever an upload moves, begins or ends. */
export const uploads = new EventTarget();

/**
 * @param {string} videoId
 * @returns {Upload | undefined} where it runs in this page
 */
export function uploadOf(videoId) {
  return running.get(videoId);
}

/**
 * Uploads a film; one that was begun with the same file before is gone on with. Raises Problem where it is not taken.
 *
 * @param {File} file
 * @param {string} name of the game
 * @param {(videoId: string) => void} begun
 * @returns {Promise<string>} the video's id, once all is there
 */
export async function uploadFilm(file, name, begun) {
  const known = localStorage.getItem(memoryKey(file));
  const offset = known === null ? null : await offsetOf(known);
  let videoId = known;
  if (videoId === null || offset === null) {
    const video = await post("/videos", { name, size: file.size, content_type: typeOf(file) });
    videoId = String(video.video_id);
    localStorage.setItem(memoryKey(file), videoId);
  }
  begun(videoId);
  /** @type {Upload} */
  const upload = { videoId, sent: offset ?? 0, total: file.size, pause: null };
  running.set(videoId, upload);
  try {
    await sendAll(file, upload);
    localStorage.removeItem(memoryKey(file));
  } catch (error) {
    if (error instanceof Problem && error.status >= 400 && error.status < 500) localStorage.removeItem(memoryKey(file));
    throw error;
  } finally {
    running.delete(videoId);
    uploads.dispatchEvent(new Event("change"));
  }
  return videoId;
}

/**
 * Whether a file is one whose upload was begun in this browser.
 *
 * @param {File} file
 */
export function wasBegun(file) {
  return localStorage.getItem(memoryKey(file)) !== null;
}

/**
 * @param {File} file
 * @param {Upload} upload
 */
async function sendAll(file, upload) {
  let failures = 0;
  while (upload.sent < upload.total) {
    try {
      const before = upload.sent;
      await sendPiece(upload, file.slice(before, before + PIECE_BYTES));
      failures = 0;
    } catch (error) {
      if (!(error instanceof Problem) || !isPassing(error) || failures >= PAUSES_MS.length) throw error;
      upload.pause = error.message;
      uploads.dispatchEvent(new Event("change"));
      await new Promise((resolve) => setTimeout(resolve, PAUSES_MS[failures++]));
      const offset = await offsetOf(upload.videoId).catch(() => upload.sent);
      if (offset === null) throw error;
      upload.sent = offset;
    }
    upload.pause = null;
  }
}

/**
 * Adds a piece; `upload.sent` follows while it goes.
 *
 * @param {Upload} upload
 * @param {Blob} piece
 * @returns {Promise<void>}
 */
function sendPiece(upload, piece) {
  const begin = upload.sent;
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest(); // fetch tells nothing of how far a body is
    request.open("PATCH", address(`/videos/${upload.videoId}/upload`));
    const headers = { ...writeHeaders("PATCH"), "Content-Type": OFFSET_TYPE, "Upload-Offset": String(begin) };
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.addEventListener("progress", (event) => {
      upload.sent = begin + event.loaded;
      uploads.dispatchEvent(new Event("change"));
    });
    request.addEventListener("load", () => {
      if (request.status === 204) {
        upload.sent = Number(request.getResponseHeader("Upload-Offset"));
        resolve();
      } else {
        reject(readProblem(request.responseText, request.status));
      }
    });
    request.addEventListener("error", () => reject(new Problem(0, "offline", "The network broke off; trying again …")));
    request.send(piece);
  });
}

/**
 * @param {string} videoId
 * @returns {Promise<number | null>} bytes that are there; null where it cannot be gone on with
 */
async function offsetOf(videoId) {
  try {
    const response = await send("HEAD", address(`/videos/${videoId}/upload`));
    return Number(response.headers.get("Upload-Offset"));
  } catch (error) {
    if (error instanceof Problem && (error.status === 404 || error.status === 410)) return null;
    throw error;
  }
}

/** @param {Problem} problem */
function isPassing(problem) {
  return problem.status === 0 || problem.status === 409 || problem.status === 423 || problem.status === 429 || problem.status >= 500;
}

/** @param {File} file */
function memoryKey(file) {
  return `laxai-upload:${file.name}:${file.size}:${file.lastModified}`;
}

/** @param {File} file */
function typeOf(file) {
  return file.type.startsWith("video/") ? file.type : "application/octet-stream";
}
