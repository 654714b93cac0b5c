// Estimates before a start: size of the result, number of images, and the time on this server.

import { limits } from "./files.js";
import { hasMoreFrames } from "./frames.js";
import { create, ask } from "./jobs.js";

// Equal to constants of the server: REGION_SIDE of `inputs.image_field`, MARGIN of `jobs.regions` and
// MAX_WIDTH of `jobs.job_requests`.
const REGION_SIDE = 160; // of a comparison, in pixels of the image
const REGION_MARGIN = 32; // pixels around the region that are computed too
const MAX_WIDTH = 1e6; // pixels
const FIRST = "only the first frame or page is upscaled; the command line upscales all";
const speeds = new Map(); // seconds per megapixel, by model
const sizes = new Map(); // width and height of a file of the batch in pixels, by name
let models = null; // facts about the models, by name
let skipped = []; // files of the batch that were refused
let hasFiles = false; // whether the field of the batch showed files

function duration(seconds) {
  if (seconds < 10) return `about ${Math.max(Math.round(seconds), 1)} s`;
  if (seconds < 55) return `about ${5 * Math.max(Math.round(seconds / 5), 2)} s`;
  if (seconds < 3600) return `about ${Math.ceil(seconds / 60)} min`;
  return `about ${Math.round(seconds / 3600)} h`;
}

function megapixels(pixels) {
  return `${(pixels / 1e6).toFixed(1)} megapixels`;
}

function factsOf(model) {
  models ||= ask("/api/models").then((answer) =>
    new Map(answer.models.map((one) => [one.name, one])));
  models.catch(() => (models = null));
  return models.then((known) => {
    if (!known.has(model)) models = null; // the model is new: ask again at the next estimate
    return known.get(model) || {};
  });
}

async function speedOf(model) {
  if (!speeds.has(model)) {
    speeds.set(model, ask(`/api/models/${encodeURIComponent(model)}/speed`).then(
      (answer) => answer.seconds_per_megapixel,
    ));
    speeds.get(model).catch(() => speeds.delete(model));
  }
  return speeds.get(model);
}

// Return the seconds for an image; a model may name another one, which is used for scales up to 2.
async function seconds(model, scale, pixels) {
  const { x2_model: small } = await factsOf(model);
  return ((await speedOf(small && scale <= 2 ? small : model)) * pixels) / 1e6;
}

function chosen(tab, name) {
  return document.querySelector(`#${tab}-${name} input:checked`)?.value || "";
}

function hasWidth(tab) {
  return chosen(tab, "scale") === "Width";
}

// Return the scale of the result, by the width of the image if a width is entered; 1 if `width` is
// not given. A text instead of a number is the problem with the entered width.
function scaleOf(tab, width) {
  if (!hasWidth(tab)) return Number(chosen(tab, "scale").replace("x", "")) || 1;
  const input = document.querySelector(`#${tab}-width input`);
  const wanted = Number(input?.value);
  if (!input?.value || !(wanted >= 1 && wanted <= MAX_WIDTH)) {
    return `The width must be from 1 to ${MAX_WIDTH.toLocaleString("en")} pixels.`;
  }
  return width ? Math.round(wanted) / width : 1;
}

// This function and the next two return the text of a tab with the time. Before they ask for speeds,
// they call `show` with the text without the time, and with the values that the time depends on.
async function upscaleText(show) {
  const image = document.querySelector("#upscale-image img");
  document.body.classList.toggle("has-image", Boolean(image));
  const model = chosen("upscale", "model");
  if (!image?.naturalWidth || !model) return "";
  const { naturalWidth: width, naturalHeight: height } = image;
  if (limits.pixels && width * height > limits.pixels) {
    return `This image has ${megapixels(width * height)}; the limit is ${megapixels(limits.pixels)}.`;
  }
  const scale = scaleOf("upscale", width);
  if (typeof scale === "string") return scale;
  const text = `${width} x ${height} → ${Math.round(width * scale)} x ${Math.round(height * scale)} pixels`;
  const note = hasMoreFrames(image.src) ? `. Of this file ${FIRST}.` : "";
  show(text + note, [model, scale]);
  return `${text}, ${duration(await seconds(model, scale, width * height))} on this server${note}`;
}

async function compareText(show) {
  const image = document.querySelector("#compare-image img");
  const names = [...document.querySelectorAll("#compare-models input:checked")].map((one) => one.name);
  if (!image?.naturalWidth || !names.length) return "";
  const sides = [image.naturalWidth, image.naturalHeight];
  const part = sides.map((side) => Math.min(side, REGION_SIDE));
  const computed = sides.map((side) => Math.min(side, REGION_SIDE + 2 * REGION_MARGIN));
  const facts = await Promise.all(names.map(factsOf));
  const scale = Math.max(...facts.map((one) => one.scale || 1));
  const text = `Compares a part of ${part.join(" x ")} pixels, enlarged to ` +
    `${part.map((side) => side * scale).join(" x ")}`;
  const hint = "Click or tap the photo to compare there.";
  show(`${text}. ${hint}`, [names, computed]);
  let total = 0;
  for (const name of names) total += ((await speedOf(name)) * computed[0] * computed[1]) / 1e6;
  return `${text}: ${duration(total)} on this server. ${hint}`;
}

function nameIn(cell) {
  return cell.getAttribute("aria-label");
}

// Return the sentence about files of the batch with several frames or pages; empty: there are none.
// Files of the same name differ by the address in their row.
function framesText(cells) {
  const found = cells.filter((cell) => hasMoreFrames(cell.parentElement.querySelector("a")?.href || ""));
  if (!found.length) return "";
  return ` Of ${found.length === 1 ? nameIn(found[0]) : `${found.length} of the files`} ${FIRST}.`;
}

async function batchText(show) {
  const cells = [...document.querySelectorAll("#batch-files td.filename")];
  const names = cells.map(nameIn);
  if (hasFiles && !names.length) setSkipped([]);
  hasFiles = names.length > 0;
  if (!names.length && !skipped.length) return "";
  const refused = framesText(cells) + skipped.map((file) => ` Skipped: ${file.text}`).join("");
  const count = `${names.length} ${names.length === 1 ? "image" : "images"}`;
  const known = names.filter((name) => sizes.get(name));
  const model = chosen("batch", "model");
  const problem = scaleOf("batch");
  if (typeof problem === "string") return `${problem}${refused}`;
  const scales = known.map((name) => scaleOf("batch", sizes.get(name)[0]));
  show(`${count}.${refused}`, [model, scales, known.map((name) => sizes.get(name))]);
  let total = 0;
  for (const [index, name] of known.entries()) {
    const [width, height] = sizes.get(name);
    total += await seconds(model, scales[index], width * height);
  }
  if (!known.length || !model) return `${count}.${refused}`;
  const more = known.length < names.length ? ` for ${known.length} of them` : "";
  return `${count}, ${duration(total)}${more} on this server.${refused}`;
}

// Set the refused files of the batch; the server gets them by a hidden field for its report.
function setSkipped(files) {
  skipped = files;
  const field = document.querySelector("#batch-skipped textarea, #batch-skipped input");
  if (field) {
    field.value = JSON.stringify(skipped.slice(0, 100).map(({ name, text, reason }) => [name, reason, text]));
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

// Keep the sizes of the files that a visitor chose for a batch, and the refused files.
export async function noteBatch(files, refusals) {
  hasFiles = Boolean(document.querySelector("#batch-files td.filename"));
  setSkipped([...(hasFiles ? skipped : []), ...refusals]);
  estimate("batch", batchText);
  for (const file of files) {
    const image = new Image();
    image.src = URL.createObjectURL(file);
    await image.decode().catch(() => null); // the browser may not know the format
    sizes.set(file.name, image.naturalWidth ? [image.naturalWidth, image.naturalHeight] : null);
    URL.revokeObjectURL(image.src);
  }
  estimate("batch", batchText);
}

const latest = {}; // number of the latest estimate, by tab

async function estimate(tab, textOf) {
  const place = document.getElementById(`${tab}-estimate`);
  const own = place && (place.querySelector(":scope > .own") ||
    place.appendChild(create("p", { class: "own quiet" })));
  const call = (latest[tab] = (latest[tab] || 0) + 1);
  let key = ""; // the text without the time, and what the time depends on
  const write = (text) => {
    if (!own || call !== latest[tab]) return;
    own.dataset.key = key;
    if (own.textContent !== text) own.textContent = text;
  };
  const show = (text, parts) => {
    // If the key is the same, the text with the time stays, so that the line does not flicker.
    key = JSON.stringify([text, ...parts]);
    if (own?.dataset.key !== key) write(text);
  };
  try {
    write(await textOf(show));
  } catch {
    if (own?.dataset.key !== key) write(""); // without a speed there is no estimate
  }
}

// Estimate again whenever the image or an option changes.
export function followEstimates() {
  const texts = { upscale: upscaleText, compare: compareText, batch: batchText };
  const timers = {};
  const watched = new WeakSet();
  // Further changes do not delay a call that waits: while an event of Gradio is in progress, its
  // field changes all the time.
  const soon = (tab) => {
    timers[tab] ??= setTimeout(() => {
      timers[tab] = null;
      estimate(tab, texts[tab]);
    }, 150);
  };
  const watch = () => {
    for (const tab of Object.keys(texts)) {
      for (const name of ["image", "files", "model", "models", "scale", "width"]) {
        const element = document.getElementById(`${tab}-${name}`);
        if (!element || watched.has(element)) continue;
        watched.add(element);
        new MutationObserver(() => soon(tab)).observe(element, {
          childList: true, subtree: true, attributes: true,
        });
        for (const kind of ["load", "change", "input"]) element.addEventListener(kind, () => soon(tab), true);
        soon(tab);
      }
    }
  };
  watch();
  return watch;
}
