// Uploads of the page, one file in a request, so that the limit applies to each file alone.
//
// Gradio sends all files in one request, without a percentage; its request is replaced.

import { noteUpload } from "./frames.js";
import { show } from "./notice.js";

const LONGEST_WAIT_MS = 2000;
let running = 0;
let started = []; // functions to call when an upload has started

function isUpload(address) {
  return /\/gradio_api\/upload(\?|$)/.test(String(address));
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

async function upload(address, form) {
  const files = form.getAll("files");
  const paths = [];
  for (const [index, file] of files.entries()) {
    const place = files.length > 1 ? ` (${index + 1} of ${files.length})` : "";
    const answer = await send(address, file, (percent) => {
      show(`Uploading ${file.name}${place}: ${percent} %`);
    });
    if (answer.status !== 200) {
      show(answer.text, { stays: true });
      return new Response(answer.text, { status: answer.status });
    }
    const sent = JSON.parse(answer.text);
    await noteUpload(sent[0], file);
    paths.push(...sent);
  }
  show("");
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
    if (!isUpload(address?.url || address) || !(options?.body instanceof FormData)) {
      return send(address, options, ...rest);
    }
    running += 1;
    for (const call of started.splice(0)) setTimeout(call); // when Gradio has the promise of this call
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
