// Uploads of the page, one file in a request, so that the limit applies to each file alone.
//
// Gradio sends all files in one request, without a percentage; its request is replaced. Images are
// sent and checked before Gradio gets them, and its request for them is answered at once.

import { show } from "./notice.js";

const LONGEST_WAIT_MS = 2000;
const LONGEST_CHECK_MS = 3000; // a file that takes longer is checked by its job
const ADDRESS = "/gradio_api/upload";
let running = 0;
let started = []; // functions to call when an upload has started
const prepared = []; // lists of files that were sent before Gradio asks for it: [file, path]

function isUpload(address) {
  return /\/gradio_api\/upload(\?|$)/.test(String(address));
}

// Gradio follows its own request, which may never be sent; the notice shows the percentage.
function isProgress(address) {
  return /\/gradio_api\/upload_progress\?/.test(String(address));
}

// Send one file; resolve to its status and text.
function send(address, file, onPercent) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    const form = new FormData();
    form.append("files", file, file.name);
    request.open("POST", address);
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) onPercent(Math.floor((100 * event.loaded) / event.total));
    };
    request.onload = () => resolve({ status: request.status, text: request.responseText });
    request.onerror = () => resolve({ status: 503, text: "The server cannot be reached. Try again." });
    request.send(form);
  });
}

// Send files one after the other; call `onSent` with each file and its path. Return the answer to
// the first request that fails, or else to the last.
async function sendAll(address, files, onSent) {
  let answer = null;
  for (const [index, file] of files.entries()) {
    const place = files.length > 1 ? ` (${index + 1} of ${files.length})` : "";
    answer = await send(address, file, (percent) => {
      show(`Uploading ${file.name}${place}: ${percent} %`);
    });
    if (answer.status !== 200) break;
    onSent(file, JSON.parse(answer.text)[0]);
  }
  show("");
  return answer;
}

// Return why the server cannot decode an upload; null: it can, or it is busy.
async function problemOf(path) {
  const check = fetch(`/api/check?file=${encodeURIComponent(path)}`).then(async (answer) =>
    answer.status === 422 ? (await answer.json()).message : null);
  const wait = new Promise((resolve) => setTimeout(resolve, LONGEST_CHECK_MS, null));
  return Promise.race([check.catch(() => null), wait]);
}

// Send images, and let the server decode them. Return those that can be used, and the refusals of
// the others. An upload that fails throws its message.
export async function prepare(files) {
  running += 1;
  try {
    const sent = [];
    const answer = await sendAll(ADDRESS, files, (file, path) => {
      sent.push({ file, path, problem: problemOf(path) });
    });
    if (answer.status !== 200) throw Object.assign(new Error(answer.text), { isUpload: true });
    const kept = [];
    const refusals = [];
    for (const { file, path, problem } of sent) {
      const reason = await problem;
      const text = reason?.replace(/^This image/, file.name);
      if (text) refusals.push({ name: file.name, text, reason: "cannot be read" });
      else kept.push([file, path]);
    }
    if (kept.length) prepared.push(kept);
    return { files: kept.map(([file]) => file), refusals };
  } finally {
    running -= 1;
  }
}

// Return the paths of files that were sent before; null: these were not. The newest ones count,
// because Gradio may never have asked for earlier files of the same names and sizes.
function preparedPaths(files) {
  const index = prepared.findLastIndex((list) => list.length === files.length &&
    list.every(([file], i) => file.name === files[i].name && file.size === files[i].size));
  return index < 0 ? null : prepared.splice(index, 1)[0].map(([, path]) => path);
}

async function upload(address, form) {
  const files = form.getAll("files");
  let paths = preparedPaths(files);
  if (!paths) {
    paths = [];
    const answer = await sendAll(address, files, (_, path) => paths.push(path));
    if (answer.status !== 200) {
      show(answer.text, { stays: true });
      return new Response(answer.text, { status: answer.status });
    }
  }
  const headers = { "content-type": "application/json" };
  return new Response(JSON.stringify(paths), { status: 200, headers });
}

// Resolve when Gradio has started its next upload, or does not start one.
export function nextUpload() {
  return new Promise((resolve) => {
    started.push(resolve);
    setTimeout(resolve, LONGEST_WAIT_MS);
  });
}

export function takeOverUploads() {
  const send = window.fetch;
  window.fetch = async (address, options, ...rest) => {
    if (isProgress(address?.url || address)) {
      return new Response('data: {"msg": "done"}\n\n', { headers: { "content-type": "text/event-stream" } });
    }
    if (!isUpload(address?.url || address) || !(options?.body instanceof FormData)) {
      return send(address, options, ...rest);
    }
    running += 1;
    for (const call of started.splice(0)) setTimeout(call); // once Gradio has the promise of it
    try {
      return await upload(String(address?.url || address), options.body);
    } finally {
      running -= 1;
    }
  };
  addEventListener("beforeunload", (event) => {
    if (running > 0) event.preventDefault();
  });
}
