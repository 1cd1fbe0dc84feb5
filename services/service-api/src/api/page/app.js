/** The page: who uses it, which view is shown, and whether anybody works on jobs. */

import { get, Problem, send, address, useCsrfToken } from "./api.js";
import { fill, h } from "./dom.js";
import { showGame } from "./game.js";
import { showGames } from "./games.js";
import { openLogin } from "./login.js";
import { showModels } from "./models.js";

const WORKERS_EVERY_MS = 15_000;

/**
 * A view puts itself into an element, and gives back what ends it.
 * @typedef {(main: HTMLElement, query: URLSearchParams, id: string) => (() => void)} View
 */

/** @type {[RegExp, View][]} */
const VIEWS = [
  [/^\/$/, showGames],
  [/^\/game\/(video_[0-9a-f]{12})$/, showGame],
  [/^\/models$/, showModels],
];

const main = /** @type {HTMLElement} */ (document.getElementById("content"));
let leave = () => {};
let isAsking = false;

function route() {
  const [path = "/", query = ""] = (location.hash.slice(1) || "/").split("?");
  leave();
  leave = () => {};
  for (const link of document.querySelectorAll("#main-navigation a")) {
    const isHere = link.getAttribute("href") === `#${path}`;
    if (isHere) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  for (const [pattern, view] of VIEWS) {
    const match = pattern.exec(path);
    if (match) {
      leave = view(main, new URLSearchParams(query), match[1] ?? "");
      return;
    }
  }
  fill(main, h("section", { class: "pad" }, h("h1", {}, "Nothing is here"), h("a", { href: "#/" }, "To the games")));
}

async function begin() {
  try {
    const session = await get("/session");
    useCsrfToken(session.csrf_token);
    showSession(session);
  } catch (error) {
    if (error instanceof Problem && error.status === 401) return;
    fill(main, h("p", { class: "pad bad", role: "alert" }, /** @type {Error} */ (error).message));
    return;
  }
  route();
  await showWorkers();
}

async function askForKey() {
  if (isAsking) return;
  isAsking = true;
  leave();
  leave = () => {};
  await openLogin(main);
  isAsking = false;
  await begin();
}

/** @param {{ tenant: string, csrf_token: string | null }} session */
function showSession(session) {
  const end = document.getElementById("top-end");
  if (!end) return;
  if (session.csrf_token === null) {
    fill(end);
    return;
  }
  const button = h("button", { type: "button", class: "button small" }, "Log out");
  button.addEventListener("click", async () => {
    await send("DELETE", address("/session"));
    useCsrfToken(null);
    location.hash = "#/";
    location.reload();
  });
  fill(end, h("span", { class: "quiet" }, session.tenant), button);
}

async function showWorkers() {
  const notices = document.getElementById("notices");
  if (!notices || isAsking) return;
  try {
    const workers = await get("/workers");
    fill(notices, workers.notice && h("p", { class: "notice", role: "status", id: "no-worker" }, workers.notice));
  } catch (error) {
    fill(notices, h("p", { class: "notice bad", role: "alert" }, /** @type {Error} */ (error).message));
  }
}

window.addEventListener("hashchange", route);
window.addEventListener("key-needed", askForKey);
setInterval(showWorkers, WORKERS_EVERY_MS);
await begin();
