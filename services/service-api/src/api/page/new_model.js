/** The dialog for a model that was made elsewhere: an ONNX file, and what is said of it. */

import { address, Problem, readProblem, writeHeaders } from "./api.js";
import { fill, h, openDialog, tell } from "./dom.js";
import { size } from "./words.js";

const SPREADS = {
  imagenet: { words: "as of ImageNet", mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] },
  plain: { words: "0 to 1, as they are", mean: [0, 0, 0], std: [1, 1, 1] },
  centred: { words: "−1 to 1", mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] },
};

/** What a person's picture and the whole film usually measure, in pixels. */
const SIZES = { reid: [256, 128], detector: [640, 640] };

/**
 * @param {() => unknown} changed called when the model is there
 */
export function openNewModel(changed) {
  const field = (/** @type {string} */ id, /** @type {string} */ label, /** @type {HTMLElement} */ input) => h("div", {}, h("label", { for: id }, label), input);
  const text = (/** @type {string} */ id, /** @type {Record<string, unknown>} */ more = {}) => h("input", { id, type: "text", required: true, maxlength: 200, autocomplete: "off", ...more });
  const number = (/** @type {string} */ id, /** @type {number} */ value, /** @type {Record<string, unknown>} */ more = {}) => h("input", { id, type: "number", required: true, min: 1, value: String(value), ...more });
  const choice = (/** @type {string} */ id, /** @type {Record<string, string>} */ words) => h("select", { id }, ...Object.entries(words).map(([value, shown]) => h("option", { value }, shown)));

  const model = h("input", { type: "file", id: "model-file", accept: ".onnx", required: true });
  const card = h("input", { type: "file", id: "model-card", accept: ".json,application/json" });
  const kind = choice("model-kind", { reid: "Tells people apart (re-identification)", detector: "Finds people (detector)" });
  const name = text("model-name");
  const network = text("model-network", { placeholder: "osnet" });
  const height = number("model-height", SIZES.reid[0] ?? 0, { min: 8, max: 2048 });
  const width = number("model-width", SIZES.reid[1] ?? 0, { min: 8, max: 2048 });
  const colour = choice("model-colour", { rgb: "red, green, blue", bgr: "blue, green, red" });
  const spread = choice("model-spread", Object.fromEntries(Object.entries(SPREADS).map(([value, { words }]) => [value, words])));
  const embedding = number("model-embedding", 512);
  const embeddingField = field("model-embedding", "Vector length", embedding);
  const byHand = h(
    "div",
    { class: "stack" },
    field("model-kind", "What it does", kind),
    field("model-name", "Name", name),
    field("model-network", "Network", network),
    h("div", { class: "fields" }, field("model-height", "Picture height", height), field("model-width", "Picture width", width), embeddingField),
    h("div", { class: "fields" }, field("model-colour", "Colours", colour), field("model-spread", "Brightness", spread)),
  );
  const problem = h("p", { class: "bad", role: "alert", id: "model-problem" });
  const bar = h("progress", { max: 1, hidden: true, "aria-label": "Upload" });
  const go = h("button", { class: "button primary", id: "upload-model" }, "Upload");

  kind.addEventListener("change", () => {
    const isReid = kind.value === "reid";
    embeddingField.hidden = !isReid;
    embedding.required = isReid;
    [height.value, width.value] = SIZES[isReid ? "reid" : "detector"].map(String);
  });
  card.addEventListener("change", () => {
    byHand.hidden = Boolean(card.files?.length);
    for (const input of byHand.querySelectorAll("input")) input.disabled = byHand.hidden;
  });
  let proposed = "";
  model.addEventListener("change", () => {
    const file = model.files?.[0];
    if (!file || (name.value && name.value !== proposed)) return;
    name.value = proposed = file.name.replace(/\.onnx$/, "").replaceAll("_", " ");
  });

  const given = () => {
    const { mean, std } = SPREADS[/** @type {keyof typeof SPREADS} */ (spread.value)];
    return {
      kind: kind.value,
      name: name.value.trim(),
      network: network.value.trim(),
      input: { height: Number(height.value), width: Number(width.value), mean, std, colour: colour.value },
      ...(kind.value === "reid" ? { embedding: { size: Number(embedding.value) } } : {}),
    };
  };

  const form = h(
    "form",
    { class: "stack" },
    h("label", { class: "drop", for: "model-file" }, h("strong", {}, "Model"), model, h("p", { class: "quiet" }, "One ONNX file, with its weights within. It is checked, and not run.")),
    h("details", {}, h("summary", {}, "A card of it, if you have one (model.json)"), h("label", { for: "model-card" }, "Then nothing else needs to be said"), card),
    byHand,
    problem,
    bar,
    h("footer", {}, go),
  );
  const dialog = openDialog("Bring a model", form);

  form.addEventListener("submit", async (/** @type {Event} */ event) => {
    event.preventDefault();
    const file = /** @type {File} */ (model.files?.[0]);
    const written = card.files?.[0];
    fill(problem);
    go.disabled = true;
    bar.hidden = false;
    try {
      const said = written ? cardOf(await written.text()) : given();
      await sendModel(file, said, (share) => (bar.value = share));
      dialog.close();
      tell(`${said.name} is there, and not in use yet.`, "good");
      await changed();
    } catch (error) {
      fill(problem, /** @type {Error} */ (error).message);
      go.disabled = false;
      bar.hidden = true;
    }
  });
}

/** Those fields of a whole card that are told of a model; the others are found out, or were true elsewhere. */
const TOLD = ["kind", "name", "network", "input", "embedding", "likeness_threshold", "data", "notes"];

/**
 * @param {string} text of a model.json
 * @returns {Record<string, any>}
 */
function cardOf(text) {
  let whole;
  try {
    whole = JSON.parse(text);
  } catch {
    throw new Problem(422, "invalid-request", "The card is no JSON. Choose the model.json that lies beside the model.");
  }
  return Object.fromEntries(TOLD.filter((name) => whole?.[name] !== undefined && whole[name] !== null).map((name) => [name, whole[name]]));
}

/**
 * Raises Problem where the model is not taken.
 *
 * @param {File} file
 * @param {Record<string, unknown>} card
 * @param {(share: number) => void} moved
 * @returns {Promise<void>}
 */
function sendModel(file, card, moved) {
  const body = new FormData();
  body.append("card", JSON.stringify(card));
  body.append("model", file, "model.onnx");
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest(); // fetch tells nothing of how far a body is
    request.open("POST", address("/models"));
    for (const [name, value] of Object.entries(writeHeaders("POST"))) request.setRequestHeader(name, value);
    request.upload.addEventListener("progress", (event) => moved(event.loaded / event.total));
    request.addEventListener("load", () => {
      if (request.status === 201) resolve();
      else reject(readProblem(request.responseText, request.status));
    });
    request.addEventListener("error", () => reject(new Problem(0, "offline", `The network broke off before all of the ${size(file.size)} had arrived. Try again.`)));
    request.send(body);
  });
}
