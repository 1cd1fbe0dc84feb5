/** The film with its overlay, and what moves it. */

import { fill, h, icon } from "./dom.js";
import { Film } from "./film.js";
import { Overlay } from "./overlay.js";
import { clock } from "./words.js";

const SPEEDS = [0.25, 0.5, 1, 2, 4];

/**
 * @param {any} video
 * @returns {string | null} the path of the film that this browser plays; null while there is none
 */
export function playablePath(video) {
  if (video.state !== "ready" || video.film === null) return null;
  if (video.film.plays_in_browsers) return `/videos/${video.video_id}/file`;
  return video.proxy === "ready" ? `/videos/${video.video_id}/proxy` : null;
}

/**
 * @param {any} video
 * @param {string} source address of the film
 * @param {number[]} times when each frame is shown, in seconds
 * @param {() => void} redraw called when layers change
 * @returns {{ element: HTMLElement, film: Film, overlay: Overlay }}
 */
export function player(video, source, times, redraw) {
  const { width, height } = video.film;
  const element = h("video", { src: source, preload: "auto", playsinline: true, muted: !video.film.has_audio, tabindex: -1 });
  const canvas = h("canvas", { class: "overlay", "aria-hidden": "true" });
  const stage = h("div", { class: "stage" }, element, canvas);
  stage.style.setProperty("--ratio", String(width / height));
  const film = new Film(element, times);
  const overlay = new Overlay(canvas, film, { width, height });
  return { element: h("section", { class: "film card", "aria-label": "Film" }, stage, controls(film, overlay, redraw)), film, overlay };
}

/**
 * @param {Film} film
 * @param {Overlay} overlay
 * @param {() => void} redraw
 */
function controls(film, overlay, redraw) {
  const button = (/** @type {string} */ label, /** @type {Node} */ drawing, /** @type {() => void} */ act) => {
    const made = h("button", { type: "button", class: "plain-button", "aria-label": label }, drawing);
    made.addEventListener("click", act);
    return made;
  };
  const play = button("Play", icon("play"), () => film.toggle());
  const place = h("input", { type: "range", class: "place", min: 0, max: film.frameCount - 1, step: 1, value: 0, "aria-label": "Place in the film" });
  const time = h("output", { class: "time" });
  const speed = h("select", { "aria-label": "Speed" }, ...SPEEDS.map((each) => h("option", { value: each }, `${each}×`)));
  speed.value = "1";
  speed.addEventListener("change", () => (film.element.playbackRate = Number(speed.value)));
  place.addEventListener("input", () => film.seekFrame(Number(place.value)));
  film.addEventListener("frame", () => {
    place.value = String(film.frame);
    place.setAttribute("aria-valuetext", clock(film.time));
    fill(time, clock(film.time), h("span", { class: "quiet" }, ` · frame ${film.frame}`));
  });
  film.addEventListener("state", () => {
    play.setAttribute("aria-label", film.isPlaying ? "Pause" : "Play");
    fill(play, icon(film.isPlaying ? "pause" : "play"));
    speed.value = String(film.element.playbackRate);
  });
  const layer = (/** @type {keyof import("./overlay.js").Layers} */ name, /** @type {string} */ label) => {
    const box = h("input", { type: "checkbox", checked: overlay.layers[name] });
    box.addEventListener("change", () => {
      overlay.layers[name] = box.checked;
      redraw();
    });
    return h("label", { class: "check" }, box, label);
  };
  return h(
    "div",
    { class: "controls" },
    place,
    h(
      "div",
      { class: "controls-line" },
      play,
      button("One frame back", icon("back"), () => film.step(-1)),
      button("One frame on", icon("forward"), () => film.step(1)),
      time,
      h("span", { class: "spring" }),
      h("span", { class: "layers", role: "group", "aria-label": "Drawn on the film" }, layer("boxes", "Boxes"), layer("labels", "Numbers"), layer("trails", "Trails")),
      speed,
    ),
  );
}
