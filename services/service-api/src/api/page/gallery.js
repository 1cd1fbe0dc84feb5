/** The players with their pictures: merged, given stretches and numbered by drag or key, split, named. */

import { fill, h, icon, openDialog, tell } from "./dom.js";
import { firstFrame, isUnlikely } from "./game_state.js";
import { teamColour, teamName } from "./teams.js";
import { called, clock, counted, duration } from "./words.js";

const PLAYER_TYPE = "application/x-laxai-player";
const ROSTER_TYPE = "application/x-laxai-roster";
const STRETCH_TYPE = "application/x-laxai-stretch";
const MOST_PICTURES = 8;

/** @type {Record<string, (a: import("./game_state.js").Player, b: import("./game_state.js").Player) => number>} */
const ORDERS = {
  team: (a, b) => (a.team_id ?? 99) - (b.team_id ?? 99) || b.seconds_in_view - a.seconds_in_view,
  longest: (a, b) => b.seconds_in_view - a.seconds_in_view,
  shortest: (a, b) => a.seconds_in_view - b.seconds_in_view,
  first: (a, b) => firstFrame(a) - firstFrame(b),
  number: (a, b) => Number(a.number ?? 1000) - Number(b.number ?? 1000) || a.player_id - b.player_id,
};

/**
 * What keys and buttons do with the player that is selected.
 * @typedef {{ choose: (id: number) => void, merge: () => void, split: () => void, assign: () => void, rename: () => void }} Acts
 */

/**
 * @param {import("./game_state.js").Game} game
 * @param {import("./film.js").Film} film
 * @param {import("./crops.js").Crops} crops
 * @param {Acts} acts
 * @returns {HTMLElement}
 */
export function gallery(game, film, crops, acts) {
  const order = h(
    "select",
    { "aria-label": "Order" },
    ...Object.entries({ team: "By team", longest: "Longest in view", shortest: "Shortest in view", first: "First seen", number: "By number" }).map(
      ([value, text]) => h("option", { value }, text),
    ),
  );
  const team = h("select", { "aria-label": "Team" });
  const chips = h("ul", { class: "roster", "aria-label": "Roster: drag a number onto a player" });
  const chosen = h("div", { class: "chosen", "aria-live": "polite" });
  const cards = h("ul", { class: "players", id: "players" });
  const seen = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        const player = game.player(Number(/** @type {HTMLElement} */ (target).dataset.player));
        if (!isIntersecting || !player) continue;
        seen.unobserve(target);
        crops.ofPlayer(player).then((url) => showPicture(/** @type {HTMLElement} */ (target.querySelector(".crop")), url));
      }
    },
    { rootMargin: "200px" },
  );

  function showAll() {
    const wanted = team.value;
    const hadFocus = cards.contains(document.activeElement);
    fill(
      team,
      h("option", { value: "" }, "All teams"),
      ...game.teams.map((each) => h("option", { value: String(each.team_id) }, teamName(each))),
    );
    team.value = wanted;
    const players = game.players
      .filter((player) => team.value === "" || String(player.team_id) === team.value)
      .sort(ORDERS[order.value]);
    seen.disconnect();
    fill(cards, ...players.map(card));
    fill(chips, ...game.roster.map(chip));
    showSelection();
    if (hadFocus) cards.querySelector(`[data-player="${game.selected}"] button`)?.focus();
  }

  /** @param {import("./game_state.js").Player} player */
  function card(player) {
    const picture = h("span", { class: "crop" });
    const known = crops.known(player);
    showPicture(picture, known);
    const button = h(
      "button",
      { type: "button", class: "player-card", draggable: "true", "aria-pressed": "false" },
      picture,
      h("span", { class: "player-name" }, called(player)),
      h("span", { class: "quiet" }, duration(player.seconds_in_view)),
    );
    button.style.setProperty("--team", teamColour(player.team_id));
    button.addEventListener("click", () => acts.choose(player.player_id));
    button.addEventListener("dragstart", (/** @type {DragEvent} */ event) => {
      event.dataTransfer?.setData(PLAYER_TYPE, String(player.player_id));
    });
    receives(button, [PLAYER_TYPE, ROSTER_TYPE, STRETCH_TYPE], (type, given) => {
      if (type === ROSTER_TYPE) attempt(game, number(player.player_id, game.roster[given]));
      else if (type === STRETCH_TYPE) giveStretch(player.player_id, given);
      else if (given !== player.player_id) attempt(game, game.merge(player.player_id, given));
    });
    const item = h("li", { "data-player": player.player_id }, button);
    if (known === null) seen.observe(item);
    return item;
  }

  /**
   * @param {number} id
   * @param {number} frame in which the player that is selected has the stretch
   */
  function giveStretch(id, frame) {
    if (game.selected !== null && game.selected !== id) attempt(game, game.assign({ id: game.selected, frame }, id));
  }

  /**
   * @param {number} id of the player who is called so
   * @param {import("./game_state.js").Game["roster"][number] | undefined} entry
   */
  async function number(id, entry) {
    if (entry) await game.edit({ kind: "rename", place: { player_id: id }, ...entry });
  }

  /**
   * @param {import("./game_state.js").Game["roster"][number]} entry
   * @param {number} line
   */
  function chip(entry, line) {
    const isTaken = game.players.some((player) => player.number === entry.number && player.team === entry.team);
    const item = h("li", { class: isTaken ? "chip taken" : "chip", draggable: "true" }, h("strong", {}, entry.number), entry.name, h("span", { class: "quiet" }, entry.team));
    item.addEventListener("dragstart", (/** @type {DragEvent} */ event) => event.dataTransfer?.setData(ROSTER_TYPE, String(line)));
    receives(item, [PLAYER_TYPE, STRETCH_TYPE], (type, given) => {
      if (type === PLAYER_TYPE) attempt(game, number(given, entry));
      else attempt(game, game.edit({ kind: "assign", place: { player_id: game.selected, frame: given }, team: entry.team, number: entry.number }));
    });
    return item;
  }

  function showSelection() {
    const first = game.player(game.pending?.id ?? null);
    for (const item of /** @type {NodeListOf<HTMLElement>} */ (cards.querySelectorAll("li"))) {
      const player = game.player(Number(item.dataset.player));
      const isSelected = player?.player_id === game.selected;
      item.firstElementChild?.setAttribute("aria-pressed", String(isSelected));
      item.classList.toggle("pending", player !== undefined && player === first);
      item.classList.toggle("unlikely", player !== undefined && isUnlikely(game, player));
    }
    const player = game.player(game.selected);
    fill(chosen, game.pending && first && pendingBanner(game.pending, first, player), player && details(player));
  }

  /**
   * @param {import("./game_state.js").Pending} pending
   * @param {import("./game_state.js").Player} first
   * @param {import("./game_state.js").Player | undefined} second
   */
  function pendingBanner(pending, first, second) {
    const cancel = h("button", { type: "button", class: "button small" }, "Cancel");
    cancel.addEventListener("click", () => game.begin(null));
    const [title, wanted, done] =
      pending.kind === "merge"
        ? [`Merging ${called(first)}. `, "the same player again", `merges ${called(first)} with`]
        : [`Giving away what is seen of ${called(first)} at ${clock(film.timeOf(pending.frame))}. `, "whose it is", "gives it to"];
    const words =
      second && second !== first
        ? `Enter ${done} ${called(second)}.`
        : `Choose ${wanted}: in the gallery, on the film or on the timeline. Faded players are in view at the same time.`;
    return h("p", { class: "notice", role: "status" }, h("strong", {}, title), words, " ", cancel);
  }

  /** @param {import("./game_state.js").Player} player */
  function details(player) {
    const button = (/** @type {string} */ word, /** @type {Parameters<typeof icon>[0]} */ drawing, /** @type {string} */ key, /** @type {() => void} */ act) => {
      const made = h("button", { type: "button", class: "button small", "aria-keyshortcuts": key }, icon(drawing), word, h("kbd", {}, key));
      made.addEventListener("click", act);
      return made;
    };
    const stretches = h("ul", { class: "stretches", "aria-label": "Where they are seen: drag a stretch onto whose it is" });
    crops.ofStretches(player, MOST_PICTURES).then(
      (pictures) => fill(stretches, ...pictures.map(stretch)),
      () => {}, // another correction came in between, and shows them anew
    );
    const head = h(
      "div",
      { class: "chosen-head" },
      h("h3", {}, called(player)),
      h("span", { class: "quiet" }, [player.team ?? (player.team_id === null ? null : teamName({ team_id: player.team_id, name: null })), duration(player.seconds_in_view), counted(player.segments.length, "stretch", "stretches")].filter(Boolean).join(" · ")),
    );
    head.style.setProperty("--team", teamColour(player.team_id));
    return h(
      "div",
      {},
      head,
      h(
        "div",
        { class: "acts" },
        button("Merge", "merge", "m", acts.merge),
        button("Split here", "split", "s", acts.split),
        button("Give away", "give", "a", acts.assign),
        button("Name", "pencil", "r", acts.rename),
      ),
      stretches,
    );
  }

  /** @param {import("./crops.js").Picture} picture */
  function stretch({ place, url, made }) {
    const frame = h("span", { class: "crop" });
    if (url) showPicture(frame, url);
    else made.then((address) => showPicture(frame, address));
    const go = h("button", { type: "button", class: "stretch", draggable: "true" }, frame, h("span", {}, clock(film.timeOf(place.frame))));
    go.addEventListener("click", () => film.seekFrame(place.frame));
    go.addEventListener("dragstart", (/** @type {DragEvent} */ event) => event.dataTransfer?.setData(STRETCH_TYPE, String(place.frame)));
    return h("li", {}, go);
  }

  order.addEventListener("change", showAll);
  team.addEventListener("change", showAll);
  game.addEventListener("players", showAll);
  game.addEventListener("selection", showSelection);
  showAll();
  return h("div", { class: "gallery" }, h("div", { class: "filters" }, order, team), chips, chosen, cards);
}

/**
 * Asks how a player is called.
 *
 * @param {import("./game_state.js").Game} game
 * @param {import("./game_state.js").Player} player
 */
export function openRename(game, player) {
  const field = (/** @type {string} */ name, /** @type {string} */ label, /** @type {string | null} */ value, /** @type {Record<string, unknown>} */ more = {}) => {
    const input = h("input", { id: `player-${name}`, type: "text", value: value ?? "", maxlength: 200, autocomplete: "off", ...more });
    return { input, row: h("div", {}, h("label", { for: `player-${name}` }, label), input) };
  };
  const number = field("number", "Number", player.number, { pattern: "[0-9]{1,3}", inputmode: "numeric", title: "One to three digits" });
  const name = field("name", "Name", player.name);
  const team = field("team", "Team", player.team, { list: "team-names" });
  const teams = new Set([...game.roster.map((entry) => entry.team), ...game.players.map((each) => each.team)]);
  const roster = h("select", { id: "from-roster" }, h("option", { value: "" }, "–"), ...game.roster.map((entry, line) => h("option", { value: line }, `#${entry.number} ${entry.name} (${entry.team})`)));
  roster.addEventListener("change", () => {
    const entry = game.roster[Number(roster.value)];
    if (roster.value !== "" && entry) [number.input.value, name.input.value, team.input.value] = [entry.number, entry.name, entry.team];
  });
  const form = h(
    "form",
    { class: "stack" },
    game.roster.length > 0 && h("label", { for: "from-roster" }, "From the roster"),
    game.roster.length > 0 && roster,
    number.row,
    name.row,
    team.row,
    h("datalist", { id: "team-names" }, ...[...teams].filter(Boolean).map((each) => h("option", { value: each }))),
    h("footer", {}, h("button", { class: "button primary" }, "Save")),
  );
  const dialog = openDialog(`Who is ${called(player)}?`, form);
  number.input.focus();
  form.addEventListener("submit", async (/** @type {Event} */ event) => {
    event.preventDefault();
    /** @type {Record<string, string>} */
    const said = {};
    for (const [what, { input }] of Object.entries({ number, name, team })) {
      const text = input.value.trim();
      if (text && text !== player[/** @type {"number" | "name" | "team"} */ (what)]) said[what] = text;
    }
    dialog.close();
    if (Object.keys(said).length) await attempt(game, game.edit({ kind: "rename", place: { player_id: player.player_id }, ...said }));
  });
}

/**
 * Lets things be dropped on an element.
 *
 * @param {HTMLElement} element
 * @param {string[]} types of what it takes
 * @param {(type: string, given: number) => void} take
 */
function receives(element, types, take) {
  const typeOf = (/** @type {DragEvent} */ event) => types.find((type) => event.dataTransfer?.types.includes(type));
  element.addEventListener("dragover", (event) => {
    if (typeOf(event) === undefined) return;
    event.preventDefault();
    element.classList.add("target");
  });
  element.addEventListener("dragleave", () => element.classList.remove("target"));
  element.addEventListener("drop", (event) => {
    const type = typeOf(event);
    if (type === undefined) return;
    event.preventDefault();
    element.classList.remove("target");
    take(type, Number(event.dataTransfer?.getData(type)));
  });
}

/**
 * @param {HTMLElement} frame
 * @param {string | null} url
 */
function showPicture(frame, url) {
  if (url !== null) fill(frame, h("img", { src: url, alt: "", draggable: "false" }));
}

/** @param {string} remark */
function sentence(remark) {
  return `${remark.charAt(0).toUpperCase()}${remark.slice(1)}.`;
}

/**
 * Says how a correction went.
 *
 * @param {import("./game_state.js").Game} game
 * @param {Promise<unknown>} correction
 */
export async function attempt(game, correction) {
  try {
    await correction;
    const remarks = game.edits[0]?.remarks ?? [];
    tell(["Done; z takes it back.", ...remarks.map(sentence)].join(" "), "good");
  } catch (error) {
    tell(/** @type {Error} */ (error).message, "bad");
  }
}
