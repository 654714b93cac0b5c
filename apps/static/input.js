// Input of images: drop and paste anywhere on the page, and the estimate of the time before the
// start.

import { limits, previewOthers, usable } from "./files.js";
import { ask, create } from "./jobs.js";
import { show } from "./notice.js";
import { nextUpload, takeOverUploads } from "./uploads.js";

const FIELDS = { upscale: "upscale-image", compare: "compare-image", batch: "batch-files",
  finetune: "finetune-photos" };
const SELECTOR = Object.values(FIELDS).map((id) => `#${id}`).join();
const speeds = new Map(); // seconds per megapixel, by model

function activeField() {
  const selected = document.querySelector("button[role=tab][aria-selected=true]");
  const name = (selected?.textContent || "").trim().toLowerCase().replace(/[^a-z]/g, "");
  return document.getElementById(FIELDS[name]);
}

// Give files to the field of the open tab, as if they were chosen there.
async function give(files) {
  const field = activeField();
  if (!field || !files.length) return;
  let input = field.querySelector("input[type=file]");
  if (!input) {
    field.querySelector("button[aria-label^=Clear], button[aria-label^=Remove]")?.click();
    for (let tries = 0; !input && tries < 40; tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      input = field.querySelector("input[type=file]");
    }
  }
  if (input) choose(input, files);
}

function choose(input, files) {
  const data = new DataTransfer();
  for (const file of input.multiple ? files : files.slice(0, 1)) data.items.add(file);
  input.files = data.files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
}

// Gradio gets the files that can be used only. A start meanwhile waits until it has them: then it
// waits for the upload by itself.
function checkFiles() {
  const checked = new WeakSet();
  const clicked = new Set(); // start buttons
  let checks = 0; // in progress
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("button[id$=-start]");
    if (!button || !checks) return;
    event.stopImmediatePropagation();
    clicked.add(button);
  }, true);
  const check = async (input, field) => {
    const files = await usable([...input.files], field.id === FIELDS.finetune);
    if (!files.length) {
      clicked.clear(); // there is nothing to start with
      input.value = "";
      return;
    }
    checked.add(input);
    const upload = nextUpload();
    choose(input, files);
    await upload;
  };
  document.addEventListener("change", async (event) => {
    const input = event.target;
    const field = input.closest?.(SELECTOR);
    if (!field || input.type !== "file" || checked.delete(input)) return;
    event.stopImmediatePropagation();
    checks += 1;
    try {
      await check(input, field);
    } catch (error) { // the file was moved, or may not be read
      clicked.clear();
      input.value = "";
      show(`The file cannot be read: ${error.message}`, { stays: true });
    } finally {
      checks -= 1;
    }
    if (checks) return;
    const buttons = [...clicked];
    clicked.clear();
    for (const button of buttons) button.click();
  }, true);
}

function acceptAnywhere() {
  const isInText = (event) => event.target.closest?.("input:not([type=file]), textarea");
  addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files || [])];
    if (!files.length || isInText(event)) return;
    event.preventDefault();
    event.stopPropagation();
    give(files);
  }, true);
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", async (event) => {
    const entries = [...(event.dataTransfer?.items || [])].map((item) => item.webkitGetAsEntry?.());
    const files = [...(event.dataTransfer?.files || [])];
    if (!files.length) return;
    event.preventDefault();
    event.stopPropagation();
    give(entries.some((entry) => entry?.isDirectory) ? await filesBelow(entries) : files);
  }, true);
}

// Return the images below dropped folders.
async function filesBelow(entries) {
  const files = [];
  for (const entry of entries.filter(Boolean)) {
    if (entry.isFile) {
      const file = await new Promise((found, failed) => entry.file(found, failed));
      if (!file.name.startsWith(".")) files.push(file);
      continue;
    }
    const reader = entry.createReader();
    for (;;) {
      const some = await new Promise((found, failed) => reader.readEntries(found, failed));
      if (!some.length) break;
      files.push(...(await filesBelow(some)));
    }
  }
  return files;
}

function duration(seconds) {
  if (seconds < 10) return `about ${Math.max(Math.round(seconds), 1)} s`;
  if (seconds < 55) return `about ${5 * Math.max(Math.round(seconds / 5), 2)} s`;
  if (seconds < 3600) return `about ${Math.ceil(seconds / 60)} min`;
  return `about ${Math.round(seconds / 3600)} h`;
}

function megapixels(pixels) {
  return `${(pixels / 1e6).toFixed(1)} megapixels`;
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

// Say how large the result will be, and how long it will take on this server.
let latest = 0;
async function estimate() {
  const place = document.getElementById("upscale-estimate");
  const image = document.querySelector("#upscale-image img");
  document.body.classList.toggle("has-image", Boolean(image));
  if (!place) return;
  const own = place.querySelector(":scope > .own") ||
    place.appendChild(create("p", { class: "own quiet" }));
  const model = document.querySelector("#upscale-model input:checked")?.value;
  const size = document.querySelector("#upscale-scale input:checked")?.value || "";
  if (!image?.naturalWidth || !model) {
    own.textContent = "";
    return;
  }
  const call = (latest += 1);
  const { naturalWidth: width, naturalHeight: height } = image;
  if (limits.pixels && width * height > limits.pixels) {
    own.textContent = `This image has ${megapixels(width * height)}; the limit is ` +
      `${megapixels(limits.pixels)}.`;
    return;
  }
  const scale = Number(size.replace("x", ""));
  const sizes = scale ? `${width} x ${height} → ${width * scale} x ${height * scale} pixels` : "";
  if (own.dataset.size !== sizes + model) own.textContent = sizes;
  own.dataset.size = sizes + model;
  try {
    const seconds = ((await speedOf(model)) * width * height) / 1e6;
    const text = `${sizes}${sizes ? ", " : ""}${duration(seconds)} on this server`;
    if (call === latest && own.textContent !== text) own.textContent = text;
  } catch {
    // Without a speed there is no estimate.
  }
}

function followInput() {
  let timer = null;
  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(estimate, 150);
  };
  for (const name of ["upscale-image", "upscale-model", "upscale-scale", "compare-image"]) {
    const element = document.getElementById(name);
    if (!element) continue;
    new MutationObserver(soon).observe(element, { childList: true, subtree: true, attributes: true });
    element.addEventListener("load", soon, true);
    element.addEventListener("change", soon);
  }
  soon();
}

export function startInput() {
  acceptAnywhere();
  checkFiles();
  previewOthers(`#${FIELDS.upscale}, #${FIELDS.compare}`);
  takeOverUploads();
  followInput();
}
