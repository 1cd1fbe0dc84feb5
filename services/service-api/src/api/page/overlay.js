/** Boxes, numbers, teams and trails, drawn over the film. */

import { teamColour } from "./teams.js";

const TRAIL_SECONDS = 1.6;
const TRAIL_POINTS = 24;

/**
 * What is drawn.
 * @typedef {{ boxes: boolean, labels: boolean, trails: boolean }} Layers
 */

/** A canvas over the film. */
export class Overlay {
  /** @type {Layers} */ layers = { boxes: true, labels: true, trails: true };
  #size;

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {import("./film.js").Film} film
   * @param {{ width: number, height: number }} size of the film as displayed, in pixels
   */
  constructor(canvas, film, size) {
    this.canvas = canvas;
    this.film = film;
    this.#size = size;
  }

  /**
   * @param {import("./tracks.js").Tracks} tracks
   * @param {import("./game_state.js").Game} game
   */
  draw(tracks, game) {
    const { canvas, film } = this;
    const box = canvas.getBoundingClientRect();
    const [width, height] = [Math.round(box.width * devicePixelRatio), Math.round(box.height * devicePixelRatio)];
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
    const scale = width / this.#size.width;
    const unit = devicePixelRatio;
    context.clearRect(0, 0, width, height);
    const boxes = tracks.at(film.frame);
    canvas.dataset.frame = String(film.frame);
    canvas.dataset.boxes = String(boxes.length);
    if (this.layers.trails) drawTrails(context, tracks, film, scale, unit, game.selected);
    for (const each of boxes) {
      const isSelected = each.playerId !== null && (each.playerId === game.selected || each.playerId === game.pending?.id);
      if (this.layers.boxes) drawBox(context, each, scale, unit, isSelected);
    }
    if (!this.layers.labels) return;
    for (const each of boxes) {
      const player = game.player(each.playerId);
      if (player) drawLabel(context, each, player.number ?? `P${player.player_id}`, scale, unit, player.player_id === game.selected);
    }
  }

  /**
   * @param {import("./tracks.js").Tracks} tracks
   * @param {MouseEvent} event
   * @returns {number | null} the player who is there, the smallest box first
   */
  playerAt(tracks, event) {
    const frame = this.canvas.getBoundingClientRect();
    const x = ((event.clientX - frame.left) / frame.width) * this.#size.width;
    const y = ((event.clientY - frame.top) / frame.height) * this.#size.height;
    const margin = (6 / frame.width) * this.#size.width;
    const area = (/** @type {import("./tracks.js").Box} */ { xyxy: [l, t, r, b] }) => (r - l) * (b - t);
    const [found] = tracks
      .at(this.film.frame)
      .filter(({ playerId, xyxy: [l, t, r, b] }) => playerId !== null && x >= l - margin && x <= r + margin && y >= t - margin && y <= b + margin)
      .sort((one, other) => area(one) - area(other));
    return found?.playerId ?? null;
  }
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {import("./tracks.js").Box} box
 * @param {number} scale canvas pixels for each of the film's
 * @param {number} unit width of a fine line, in canvas pixels
 * @param {boolean} isSelected
 */
function drawBox(context, { xyxy, teamId, interpolated }, scale, unit, isSelected) {
  const [left, top, width, height] = [xyxy[0] * scale, xyxy[1] * scale, (xyxy[2] - xyxy[0]) * scale, (xyxy[3] - xyxy[1]) * scale];
  context.setLineDash(interpolated ? [4 * unit, 3 * unit] : []);
  const strokes = [
    { colour: "rgb(0 0 0 / 0.55)", wide: isSelected ? 6 : 3.5 },
    { colour: isSelected ? "#fff" : teamColour(teamId), wide: isSelected ? 3 : 2 },
  ];
  for (const { colour, wide } of strokes) {
    context.strokeStyle = colour;
    context.lineWidth = wide * unit;
    context.beginPath();
    context.roundRect(left, top, width, height, 3 * unit);
    context.stroke();
  }
  context.setLineDash([]);
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {import("./tracks.js").Box} box
 * @param {string} text
 * @param {number} scale canvas pixels for each of the film's
 * @param {number} unit width of a fine line, in canvas pixels
 * @param {boolean} isSelected
 */
function drawLabel(context, { xyxy, teamId }, text, scale, unit, isSelected) {
  context.font = `600 ${11 * unit}px system-ui, sans-serif`;
  const [wide, high] = [context.measureText(text).width + 8 * unit, 15 * unit];
  const x = Math.min(Math.max(((xyxy[0] + xyxy[2]) / 2) * scale - wide / 2, 0), context.canvas.width - wide);
  const y = Math.max(xyxy[1] * scale - high - 2 * unit, 0);
  context.fillStyle = isSelected ? "#fff" : teamColour(teamId);
  context.beginPath();
  context.roundRect(x, y, wide, high, 4 * unit);
  context.fill();
  context.fillStyle = "#10151b";
  context.textBaseline = "middle";
  context.fillText(text, x + 4 * unit, y + high / 2 + unit / 2);
}

/**
 * Where everybody's feet have been of late.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {import("./tracks.js").Tracks} tracks
 * @param {import("./film.js").Film} film
 * @param {number} scale canvas pixels for each of the film's
 * @param {number} unit width of a fine line, in canvas pixels
 * @param {number | null} selected
 */
function drawTrails(context, tracks, film, scale, unit, selected) {
  const oldest = film.frameAt(film.time - TRAIL_SECONDS);
  const step = Math.max(1, Math.round((film.frame - oldest) / TRAIL_POINTS));
  /** @type {Map<number, { teamId: number | null, playerId: number | null, points: [number, number][] }>} */
  const trails = new Map();
  for (let frame = film.frame; frame >= oldest; frame -= step) {
    for (const { trackId, teamId, playerId, xyxy } of tracks.at(frame)) {
      const trail = trails.get(trackId) ?? { teamId, playerId, points: [] };
      trail.points.push([((xyxy[0] + xyxy[2]) / 2) * scale, xyxy[3] * scale]);
      trails.set(trackId, trail);
    }
  }
  context.lineJoin = context.lineCap = "round";
  for (const { teamId, playerId, points } of trails.values()) {
    context.strokeStyle = teamColour(teamId);
    context.lineWidth = (playerId !== null && playerId === selected ? 4 : 2) * unit;
    points.reduce((before, point, i) => {
      context.globalAlpha = 0.75 * (1 - i / points.length);
      context.beginPath();
      context.moveTo(...before);
      context.lineTo(...point);
      context.stroke();
      return point;
    });
  }
  context.globalAlpha = 1;
}
