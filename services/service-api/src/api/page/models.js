/** Models and the pictures they are trained from: made from games, trained, put in use. */

import { address, get, getAll, post, send } from "./api.js";
import { confirmed, fill, h, tell } from "./dom.js";
import { jobList } from "./jobs.js";
import { counted, moment } from "./words.js";

/** @type {Record<string, string>} */
const KINDS = { reid: "Tells people apart", detector: "Finds people" };

/** @type {import("./app.js").View} */
export function showModels(main) {
  document.title = "Models – LaxAI";
  const games = h("ul", { class: "choices" });
  const datasets = h("ul", { class: "list" });
  const models = h("ul", { class: "list" });
  const jobs = jobList({ limit: 12, ended: () => refresh() });

  const act = (/** @type {string} */ word, /** @type {() => Promise<unknown>} */ does, /** @type {string} */ mood = "") => {
    const button = h("button", { type: "button", class: `button small ${mood}` }, word);
    button.addEventListener("click", async () => {
      button.disabled = true;
      try {
        await does();
        await Promise.all([refresh(), jobs.refresh()]);
      } catch (error) {
        tell(/** @type {Error} */ (error).message, "bad");
      }
      button.disabled = false;
    });
    return button;
  };

  async function refresh() {
    const [allModels, allDatasets, videos] = await Promise.all([getAll("/models"), getAll("/datasets"), getAll("/videos", { state: "ready" })]);
    fill(models, ...allModels.map(model));
    if (!allModels.length) fill(models, h("li", { class: "quiet" }, "No models yet: jersey colours tell people apart."));
    fill(datasets, ...allDatasets.map(dataset));
    if (!allDatasets.length) fill(datasets, h("li", { class: "quiet" }, "None yet: choose games above."));
    const wanted = chosen();
    fill(
      games,
      ...videos.map((video) => {
        const box = h("input", { type: "checkbox", value: video.video_id, checked: wanted.includes(video.video_id) });
        return h("li", {}, h("label", { class: "check" }, box, video.name));
      }),
    );
  }

  /** @param {any} view */
  function model({ card, promoted }) {
    const measured = Object.entries(card.metrics).map(([name, value]) => `${name.replaceAll("_", " ")} ${Number(value).toFixed(3)}`);
    return h(
      "li",
      { class: promoted ? "in-use" : "" },
      h("div", {}, h("strong", {}, card.name), " ", promoted && h("span", { class: "state succeeded" }, "in use")),
      h("div", { class: "quiet" }, [KINDS[card.kind], card.network, moment(card.created), ...measured.slice(0, 4)].join(" · ")),
      ...card.notes.map((/** @type {string} */ note) => h("div", { class: "quiet" }, note)),
      h("div", { class: "acts" }, !promoted && act("Put in use", () => post(`/models/${card.model_id}/promote`)), !promoted && act("Delete", () => remove("model", `/models/${card.model_id}`, card.name))),
    );
  }

  /** @param {any} each */
  function dataset(each) {
    const sum = (/** @type {Record<string, number>} */ sides) => Object.values(sides).reduce((total, count) => total + count, 0);
    const words = [counted(sum(each.counts.identities), "player"), counted(sum(each.counts.crops), "picture"), moment(each.created)];
    return h(
      "li",
      {},
      h("div", {}, h("strong", {}, words.join(" · "))),
      ...each.notes.map((/** @type {string} */ note) => h("div", { class: "quiet" }, note)),
      h("div", { class: "acts" }, act("Train a model", () => post("/jobs", { payload: { kind: "train_reid", dataset_id: each.dataset_id } }), "primary"), act("Delete", () => remove("set of pictures", `/datasets/${each.dataset_id}`, words[0] ?? ""))),
    );
  }

  const chosen = () => [...games.querySelectorAll("input:checked")].map((box) => /** @type {HTMLInputElement} */ (box).value);

  async function build() {
    const runs = [];
    for (const videoId of chosen()) {
      const [newest] = (await get(`/videos/${videoId}/runs`, { limit: 1 })).items;
      if (newest) runs.push({ video_id: videoId, run_id: newest.run_id });
    }
    if (!runs.length) throw new Error("Choose at least one game whose players have been tracked.");
    await post("/jobs", { payload: { kind: "build_dataset", runs } });
  }

  fill(
    main,
    h(
      "div",
      { class: "page" },
      h("div", { class: "heading" }, h("h1", {}, "Models")),
      h(
        "div",
        { class: "columns" },
        h(
          "div",
          { class: "stack wide" },
          h("section", { class: "card side" }, h("h2", {}, "Models"), models),
          h("section", { class: "card side" }, h("h2", {}, "Collect training pictures"), h("p", { class: "quiet" }, "From games whose players have been verified; the more, the better."), games, act("Collect", build, "primary")),
          h("section", { class: "card side" }, h("h2", {}, "Training pictures"), datasets),
        ),
        h("aside", { class: "card side", "aria-label": "Jobs" }, h("h2", {}, "Jobs"), jobs.element),
      ),
    ),
  );
  Promise.all([refresh(), jobs.refresh()]).catch((error) => tell(error.message, "bad"));
  return jobs.stop;
}

/**
 * @param {string} kind in words
 * @param {string} path
 * @param {string} name
 */
async function remove(kind, path, name) {
  if (await confirmed(`Delete this ${kind}?`, `${name} cannot be brought back.`, "Delete")) await send("DELETE", address(path));
}
