/** Models and the pictures they are trained from: made from games, trained, put in use. */

import { address, get, getAll, post, send } from "./api.js";
import { confirmed, fill, h, icon, openDialog, tell } from "./dom.js";
import { jobList } from "./jobs.js";
import { openNewModel } from "./new_model.js";
import { counted, moment } from "./words.js";

/** @type {Record<string, string>} */
const KINDS = { reid: "Tells people apart", detector: "Finds people" };

/** @type {import("./app.js").View} */
export function showModels(main) {
  document.title = "Models – LaxAI";
  const games = h("ul", { class: "choices" });
  const datasets = h("ul", { class: "list" });
  const models = h("ul", { class: "list" });
  /** @type {Map<string, string>} of games, by video */
  const names = new Map();
  const jobs = jobList({ limit: 12, ended, naming: (videoId) => names.get(videoId) });
  /** @type {any[]} cards of the models that training can start from */
  let bases = [];

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

  function ended(/** @type {any} */ job) {
    const made = { build_dataset: "The training pictures are there.", train_reid: "The model is trained: put it in use if it is good." };
    const words = made[/** @type {keyof typeof made} */ (job.payload.kind)];
    if (words && job.state === "succeeded") tell(words, "good");
    refresh().catch((/** @type {Error} */ error) => tell(error.message, "bad"));
  }

  async function refresh() {
    const [allModels, allDatasets, videos] = await Promise.all([getAll("/models"), getAll("/datasets"), getAll("/videos", { state: "ready" })]);
    bases = allModels.map(({ card }) => card).filter((card) => card.kind === "reid" && card.files["checkpoint.ckpt"]);
    fill(models, ...allModels.map(model));
    if (!allModels.length) fill(models, h("li", { class: "quiet" }, "No models yet: jersey colours tell people apart."));
    fill(datasets, ...allDatasets.map(dataset));
    if (!allDatasets.length) fill(datasets, h("li", { class: "quiet" }, "None yet: choose games above."));
    for (const video of videos) names.set(video.video_id, video.name);
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
      h("div", { class: "acts" }, train(each), act("Delete", () => remove("set of pictures", `/datasets/${each.dataset_id}`, words[0] ?? ""))),
    );
  }

  /** @param {any} each a dataset */
  function train(each) {
    const button = h("button", { type: "button", class: "button small primary" }, "Train a model");
    button.addEventListener("click", () => openTraining(each.dataset_id, bases, jobs.refresh));
    return button;
  }

  const chosen = () => [...games.querySelectorAll("input:checked")].map((box) => /** @type {HTMLInputElement} */ (box).value);

  async function build() {
    const runs = [];
    const left = [];
    for (const videoId of chosen()) {
      const [newest] = (await get(`/videos/${videoId}/runs`, { limit: 1 })).items;
      if (newest) runs.push({ video_id: videoId, run_id: newest.run_id });
      else left.push(names.get(videoId));
    }
    if (!runs.length) throw new Error("Choose at least one game whose players have been tracked.");
    await post("/jobs", { payload: { kind: "build_dataset", runs } });
    if (left.length) tell(`Left out, since their players have not been tracked yet: ${left.join(", ")}.`);
  }

  const bring = h("button", { type: "button", class: "button", id: "bring-model" }, icon("upload"), "Bring a model");
  bring.addEventListener("click", () => openNewModel(refresh));
  fill(
    main,
    h(
      "div",
      { class: "page" },
      h("div", { class: "heading" }, h("h1", {}, "Models"), bring),
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
  refresh().then(jobs.refresh).catch((error) => tell(error.message, "bad"));
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

/**
 * Asks how a model is to be trained, and has it done.
 *
 * @param {string} datasetId
 * @param {any[]} bases cards of models
 * @param {() => Promise<void>} asked called when the job is there
 */
function openTraining(datasetId, bases, asked) {
  const epochs = h("input", { type: "number", id: "epochs", min: 1, max: 10_000, value: "60", required: true });
  const base = h("select", { id: "base-model" }, h("option", { value: "" }, "nothing: from the beginning"), ...bases.map((card) => h("option", { value: card.model_id }, card.name)));
  const form = h(
    "form",
    { class: "stack" },
    h("label", { for: "epochs" }, "How often all pictures are gone through"),
    epochs,
    h("label", { for: "base-model" }, "Begin with what is known by"),
    base,
    h("p", { class: "quiet" }, "It ends by itself as soon as it learns nothing more. Without a graphics card, it may take hours."),
    h("footer", {}, h("button", { class: "button primary", id: "begin-training" }, "Train")),
  );
  const dialog = openDialog("Train a model", form);
  form.addEventListener("submit", async (/** @type {Event} */ event) => {
    event.preventDefault();
    dialog.close();
    try {
      await post("/jobs", { payload: { kind: "train_reid", dataset_id: datasetId, base_model_id: base.value || null, epochs: Number(epochs.value) } });
      await asked();
    } catch (error) {
      tell(/** @type {Error} */ (error).message, "bad");
    }
  });
}
