// Lists of the visitor's jobs: the history below the tabs, and the results of a batch.

import { ask, create, isRunning, jobItem } from "./jobs.js";

// Return an element of this script inside an element of Gradio, which may redraw its own contents.
export function container(element) {
  return element.querySelector(":scope > .own") || element.appendChild(create("div", { class: "own" }));
}

// Draw all jobs into the history, the newest first. `actions` are those of `jobItem`, and
// `onClear`, called with an error message, or with null once all jobs are removed.
export function drawHistory(jobs, actions) {
  const element = document.getElementById("history");
  if (!element) return;
  const own = container(element);
  element.hidden = jobs.length === 0;
  element.classList.toggle("is-empty", jobs.length === 0);
  if (!own.firstChild) {
    own.append(
      create("div", { class: "history-head" },
        create("h2", {}, "Your results"),
        create("a", {
          href: "/api/jobs/zip", class: "history-clear history-zip", download: "upscaled.zip",
        }, "Download all"),
        create("button", {
          type: "button", class: "history-clear", onclick: () => clearAll(actions.onClear),
        }, "Clear history")),
      create("ul", { class: "jobs", "aria-label": "Your results" }));
  }
  const files = jobs.filter((job) => job.state === "done" && !job.report.region);
  own.querySelector(".history-zip").hidden = files.length < 2;
  fill(own.querySelector("ul"), [...jobs].reverse().map((job) => [job, actions]));
}

// Draw the jobs of a batch into the tab; `missing`: number of its jobs that the server has no longer.
export function drawBatch(jobs, missing, actions) {
  const done = jobs.filter((job) => job.state === "done");
  const list = document.getElementById("batch-results");
  if (!list) return;
  const place = container(list);
  if (!place.firstChild) {
    place.append(create("ul", { class: "jobs", "aria-label": "Results" }), create("a", {
      id: "batch-download", class: "job-download", download: "upscaled.zip",
      onclick: (event) => downloadZip(event, actions.onChange),
    }));
  }
  const link = place.lastChild;
  const address = `/api/jobs/zip?ids=${done.map((job) => job.id).join()}`;
  if (link.getAttribute("href") !== address) link.href = address;
  const text = missing
    ? `Download ${done.length} of ${done.length + missing} as a zip file (the others were removed or have expired)`
    : "Download all as a zip file";
  if (link.textContent !== text) link.textContent = text;
  link.hidden = jobs.some(isRunning) || !done.length;
  fill(place.firstChild, jobs.map((job) => [job, actions]));
}

// Download a zip file of the results that the server still has; `refresh` updates the link.
async function downloadZip(event, refresh) {
  event.preventDefault();
  const link = event.currentTarget; // the property is null after the wait
  await refresh();
  if (!link.hidden) create("a", { href: link.href, download: link.download }).click();
}

// Redraw only the items that changed, so that the focus and loaded images stay.
function fill(list, items) {
  const known = new Map([...list.children].map((item) => [item.dataset.id, item]));
  const wanted = items.map(([job, actions]) => {
    const { expires_seconds: _, seconds_left: __, ...stable } = job; // without what is not shown
    const state = JSON.stringify(stable);
    const old = known.get(job.id);
    if (old && old.dataset.state === state) return old;
    const item = jobItem(job, actions);
    item.dataset.state = state;
    return item;
  });
  if (wanted.length !== list.children.length || wanted.some((item, i) => item !== list.children[i])) {
    list.replaceChildren(...wanted);
  }
}

async function clearAll(onClear) {
  try {
    await ask("/api/jobs/clear", "POST");
    onClear(null);
  } catch (error) {
    onClear(error.message);
  }
}
