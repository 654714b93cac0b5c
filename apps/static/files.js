// Checks of files before they are sent, and previews of those that the browser cannot show.

import { show } from "./notice.js";

const FORMATS = "JPEG, PNG, WebP, HEIC, AVIF, TIFF, GIF or BMP";
const SIGNATURES = /^(\x89PNG|\xff\xd8\xff|GIF8|RIFF....WEBP|II[*+]\0|MM\0[*+]|BM|....ftyp)/s;
const ZIP = /^PK/;

export const limits = { bytes: null, pixels: null }; // of the server; null: unknown

export function megabytes(bytes) {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

async function beginning(file) {
  const bytes = new Uint8Array(await file.slice(0, 256).arrayBuffer());
  return String.fromCharCode(...bytes);
}

// Return why a file cannot be used; null: it can be sent.
async function refusal(file, acceptsZips) {
  if (limits.bytes && file.size > limits.bytes) {
    return `${file.name} has ${megabytes(file.size)}; the limit is ${megabytes(limits.bytes)}.`;
  }
  const start = await beginning(file);
  if (SIGNATURES.test(start) || (acceptsZips && ZIP.test(start))) return null;
  if (file.type === "image/svg+xml" || /<svg[\s>]/i.test(start)) {
    return `${file.name} is a drawing (SVG), which has no pixels. Save it as PNG first.`;
  }
  return `${file.name} is not a ${FORMATS} image${acceptsZips ? ", nor a zip file" : ""}.`;
}

// Return the files that can be sent, and say why the others cannot.
export async function usable(files, acceptsZips) {
  const reasons = await Promise.all(files.map((file) => refusal(file, acceptsZips)));
  const problems = reasons.filter(Boolean);
  const more = problems.length > 3 ? ` ${problems.length - 3} more files were refused.` : "";
  show(problems.slice(0, 3).join(" ") + more, { stays: true });
  return files.filter((_, index) => !reasons[index]);
}

// Replace an image of a field that the browser cannot show, such as HEIC, by one of the server.
export function previewOthers(fields) {
  document.addEventListener("error", async (event) => {
    const image = event.target;
    if (!(image instanceof HTMLImageElement) || !image.closest(fields)) return;
    const [, path] = image.src.split("/gradio_api/file=");
    if (path) {
      image.src = `/api/preview?file=${encodeURIComponent(decodeURIComponent(path))}`;
      return;
    }
    const answer = await fetch(image.src);
    const { message } = await answer.json().catch(() => ({}));
    if (!answer.ok) show(`This image cannot be used: ${message}`, { stays: true });
  }, true);
}
