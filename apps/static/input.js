// Input of images: drop and paste anywhere on the page, and checks before they are sent.

import { noteBatch } from "./estimates.js";
import { previewOthers, usable } from "./files.js";
import { show } from "./notice.js";
import { nextUpload, takeOverUploads } from "./uploads.js";

const FIELDS = { upscale: "upscale-image", compare: "compare-image", batch: "batch-files",
  finetune: "finetune-photos" };
const SELECTOR = Object.values(FIELDS).map((id) => `#${id}`).join();

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

// Pass only files that can be used to Gradio. A click on a start button during the check is repeated
// when Gradio has the files; Gradio itself then waits for their upload.
function checkFiles() {
  const checked = new WeakSet(); // inputs whose next change event passes the checked files
  const clicked = new Set(); // start buttons
  let checks = 0; // in progress
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("button[id$=-start]");
    if (!button || !checks) return;
    event.stopImmediatePropagation();
    clicked.add(button);
  }, true);
  const check = async (input, field) => {
    const { files, refusals } = await usable([...input.files], field.id === FIELDS.finetune);
    if (field.id === FIELDS.batch) noteBatch(files, refusals);
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

export function startInput() {
  acceptAnywhere();
  checkFiles();
  previewOthers(`#${FIELDS.upscale}, #${FIELDS.compare}`);
  takeOverUploads();
}
