// Checks of files before they are sent, and previews of files that the browser cannot show.

import { show } from "./notice.js";

const FORMATS = "JPEG, PNG, WebP, HEIC, AVIF, TIFF, GIF or BMP";
// First bytes of a file in one of the formats; of HEIC and AVIF bytes 4 to 7.
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

// Return why a file cannot be used, as a sentence and in a few words; null: it can be sent.
async function refusal(file, acceptsZips) {
  if (limits.bytes && file.size > limits.bytes) {
    const sizes = `${megabytes(file.size)}; the limit is ${megabytes(limits.bytes)}.`;
    return { text: `${file.name} has ${sizes}`, reason: "too large" };
  }
  const start = await beginning(file);
  if (SIGNATURES.test(start) || (acceptsZips && ZIP.test(start))) return null;
  if (file.type === "image/svg+xml" || /<svg[\s>]/i.test(start)) {
    const text = `${file.name} is a drawing (SVG), which has no pixels. Save it as PNG first.`;
    return { text, reason: "has no pixels" };
  }
  const text = `${file.name} is not a ${FORMATS} image${acceptsZips ? ", nor a zip file" : ""}.`;
  return { text, reason: "cannot be read" };
}

// Return the file with a type of images. Gradio refuses other types, also the empty type that browsers
// give to names such as IMG_1.HEIC.
function typed(file) {
  if (file.type.startsWith("image/") || /\.zip$/i.test(file.name)) return file;
  return new File([file], file.name, { type: "image/unknown", lastModified: file.lastModified });
}

// Return the files that can be sent, and the refusals of the other files; show a notice about these.
export async function usable(files, acceptsZips) {
  const found = await Promise.all(files.map((file) => refusal(file, acceptsZips)));
  const refusals = found.flatMap((one, index) => (one ? [{ name: files[index].name, ...one }] : []));
  const more = refusals.length > 3 ? ` ${refusals.length - 3} more files were refused.` : "";
  show(refusals.slice(0, 3).map((one) => one.text).join(" ") + more, { stays: true });
  return { files: files.filter((_, index) => !found[index]).map(typed), refusals };
}

// Replace an image in a field that the browser cannot show, such as HEIC, by a JPEG from the server.
export function previewOthers(fields) {
  document.addEventListener("error", async (event) => {
    const image = event.target;
    if (!(image instanceof HTMLImageElement) || !image.closest(fields)) return;
    const [, path] = image.src.split("/gradio_api/file=");
    if (path) {
      image.src = `/api/preview?file=${encodeURIComponent(decodeURIComponent(path))}`;
      return;
    }
    // The JPEG cannot be loaded either: fetch the message of the server.
    const answer = await fetch(image.src);
    const { message } = await answer.json().catch(() => ({}));
    if (!answer.ok) show(`This image cannot be used: ${message}`, { stays: true });
  }, true);
}
