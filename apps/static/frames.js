// Files with several frames or pages, of which the page upscales only the first.

const STEP = 65536; // bytes of a file that are read at a time
const several = new Set(); // paths on the server of uploads with several frames or pages

// Reads numbers of a file, in steps, so that a large file is not read whole.
class Reader {
  constructor(file) {
    this.file = file;
    this.start = this.end = 0; // of the bytes that were read last
  }

  async view(position, length) {
    if (position < this.start || position + length > this.end) {
      const bytes = await this.file.slice(position, position + Math.max(length, STEP)).arrayBuffer();
      this.bytes = new DataView(bytes);
      this.start = position;
      this.end = position + bytes.byteLength;
      if (bytes.byteLength < length) throw new RangeError("the file is truncated");
    }
    return new DataView(this.bytes.buffer, position - this.start, length);
  }

  async byte(position) {
    return (await this.view(position, 1)).getUint8(0);
  }

  async text(position, length) {
    const { buffer, byteOffset } = await this.view(position, length);
    return String.fromCharCode(...new Uint8Array(buffer, byteOffset, length));
  }
}

// Bytes of the palette that follows a byte of flags.
function paletteBytes(flags) {
  return flags & 0x80 ? 3 * (2 << (flags & 7)) : 0;
}

async function isAnimatedGif(reader) {
  let position = 13 + paletteBytes(await reader.byte(10));
  for (let images = 0; ;) {
    const kind = await reader.byte(position);
    if (kind === 0x2c) { // an image: position, size, flags, palette, code size
      images += 1;
      if (images === 2) return true;
      position += 11 + paletteBytes(await reader.byte(position + 9));
    } else if (kind === 0x21) position += 2; // an extension
    else if (kind === 0x3b) return false; // the end
    else { // an unknown byte, which readers skip
      position += 1;
      continue;
    }
    for (let length = await reader.byte(position); length; length = await reader.byte(position)) {
      position += length + 1;
    }
    position += 1;
  }
}

// The chunk acTL of an animation comes before the pixels.
async function isAnimatedPng(reader) {
  for (let position = 8; ;) {
    const length = (await reader.view(position, 4)).getUint32(0);
    const name = await reader.text(position + 4, 4);
    if (name === "acTL") return (await reader.view(position + 8, 4)).getUint32(0) > 1;
    if (name === "IDAT" || name === "IEND") return false;
    position += length + 12;
  }
}

// A TIFF is a chain of directories. The first is a page; those of thumbnails and masks are no further
// pages.
async function hasPages(reader) {
  const isLittle = (await reader.text(0, 2)) === "II";
  const isBig = (await reader.view(2, 2)).getUint16(0, isLittle) === 43;
  const offset = async (position) => isBig
    ? Number((await reader.view(position, 8)).getBigUint64(0, isLittle))
    : (await reader.view(position, 4)).getUint32(0, isLittle);
  let directory = await offset(isBig ? 8 : 4);
  const seen = new Set();
  for (let pages = 0; directory && !seen.has(directory);) {
    seen.add(directory);
    const counted = await reader.view(directory, isBig ? 8 : 2);
    const count = isBig ? Number(counted.getBigUint64(0, isLittle)) : counted.getUint16(0, isLittle);
    const [first, bytes] = isBig ? [directory + 8, 20] : [directory + 2, 12];
    let kind = 0; // of the directory
    for (let index = 0; index < Math.min(count, 4096); index += 1) {
      const entry = await reader.view(first + index * bytes, bytes);
      if (entry.getUint16(0, isLittle) === 254) kind = entry.getUint32(isBig ? 12 : 8, isLittle);
    }
    if (!pages || !(kind & 5)) pages += 1;
    if (pages === 2) return true;
    directory = await offset(first + count * bytes);
  }
  return false;
}

// Return whether a file has more than one frame or page; false if it is damaged.
export async function hasSeveralFrames(file) {
  const reader = new Reader(file);
  try {
    const start = await reader.text(0, 12);
    if (start.startsWith("GIF8")) return await isAnimatedGif(reader);
    if (start.startsWith("\x89PNG")) return await isAnimatedPng(reader);
    if (/^(II|MM)/.test(start)) return await hasPages(reader);
    if (start.endsWith("WEBP")) {
      return (await reader.text(12, 4)) === "VP8X" && ((await reader.byte(20)) & 2) !== 0;
    }
    return start.slice(4) === "ftypavis";
  } catch {
    return false; // the server says what is wrong
  }
}

// Keep whether an upload has several frames, by its path on the server.
export async function noteUpload(path, file) {
  if (await hasSeveralFrames(file)) several.add(path);
}

// Return whether the upload at the address of an image or a link has several frames.
export function hasMoreFrames(address) {
  const [, path] = address.split(/\/gradio_api\/file=|\/api\/preview\?file=/);
  return path !== undefined && several.has(decodeURIComponent(path));
}
