// The notice at the bottom of the page; a screen reader announces its changes.

import { create } from "./jobs.js";

const SHOWN_MS = 12000;
const STAYING_MS = 20000; // of a text that is shown until it was read
const texts = { stays: "", passes: "" };
const timers = {};
let element = null;
let line = null;

function build() {
  line = create("p", { role: "status" });
  element = create("div", { id: "notice" }, line, create("button", {
    type: "button", class: "notice-close", "aria-label": "Close the message", title: "Close",
    onclick: close,
  }, "×"));
  document.body.append(element);
}

function draw() {
  const shown = [texts.stays, texts.passes].filter(Boolean).join(" ");
  if (line.textContent !== shown) line.textContent = shown;
  element.classList.toggle("is-empty", !shown);
}

export function close() {
  if (!element) return;
  texts.stays = texts.passes = "";
  draw();
}

// Show a text for some seconds. A text with `stays` is shown longer; another text, such as the
// percentage of an upload, then stands behind it.
export function show(text, { stays = false } = {}) {
  if (!element) build();
  const kind = stays ? "stays" : "passes";
  texts[kind] = text;
  draw();
  clearTimeout(timers[kind]);
  if (!text) return;
  timers[kind] = setTimeout(() => {
    texts[kind] = "";
    draw();
  }, stays ? STAYING_MS : SHOWN_MS);
}
