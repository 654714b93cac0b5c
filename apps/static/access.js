// Access by keyboard and by screen reader, as far as Gradio's widgets lack it.

const STEP = 0.05; // of the image, for each press of an arrow key
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const PURPOSES = {
  "upscale-image": "Preview a region of the image",
  "compare-image": "Choose the region to compare",
};

const SECONDS_BETWEEN_PROGRESS = 15; // between two announcements of the progress
let announcer = null;
let announced = "";
let lastProgress = 0;

// Let screen readers announce the status of the open tab when it changes. A status with a progress
// bar changes all the time, so it is announced every SECONDS_BETWEEN_PROGRESS.
export function announceStatus() {
  if (!announcer) {
    announcer = document.createElement("div");
    announcer.id = "announcer";
    announcer.setAttribute("role", "status");
    document.body.append(announcer);
  }
  const shown = [...document.querySelectorAll("[id$=-status] .message")]
    .find((message) => message.offsetParent);
  const text = shown?.textContent.trim() || "";
  if (text === announced) return;
  if (shown?.querySelector("progress")) {
    if (Date.now() - lastProgress < 1000 * SECONDS_BETWEEN_PROGRESS) return;
    lastProgress = Date.now();
  }
  announced = text;
  announcer.textContent = text;
}

// Correct the markup of Gradio's widgets, after every change of the page.
export function repairMarkup() {
  // An empty field has a label, but no role that may have one.
  for (const empty of document.querySelectorAll(".empty[aria-label]:not([role])")) {
    empty.setAttribute("role", "img");
  }
  // The title below a face is also the text of its image: it would be read twice.
  for (const image of document.querySelectorAll("#faces-gallery button img")) {
    if (image.alt && image.closest("button").textContent.trim() === image.alt) image.alt = "";
  }
  for (const text of document.querySelectorAll("[id] [data-testid=upload-text]")) {
    if (/Drop File Here/.test(text.textContent)) nameFiles(text);
  }
  // A button inside a button: move it out, with a name, and hide the outer one.
  for (const inner of document.querySelectorAll("button button")) {
    const outer = inner.parentElement.closest("button");
    outer.hidden = true;
    outer.style.display = "none";
    inner.setAttribute("aria-label", "Add files");
    inner.title = "Add files";
    outer.after(inner);
  }
  for (const [id, purpose] of Object.entries(PURPOSES)) {
    const frame = document.querySelector(`#${id} .image-frame:not([tabindex])`);
    if (frame) pickByKeyboard(frame, purpose);
  }
}

// Replace Gradio's text in an empty field for files by the wording of the other tabs; its icon stays.
function nameFiles(text) {
  const own = [...text.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());
  const [first, last] = [own[0], own[own.length - 1]];
  if (own.length < 2) return;
  first.data = "Drop images here, paste them,";
  last.data = "or click or tap to choose files";
  text.querySelector(".or")?.remove();
  last.before(document.createElement("br"));
}

// Let the arrow keys move a mark over an image, and Enter click there.
function pickByKeyboard(frame, purpose) {
  const place = [0.5, 0.5];
  const mark = document.createElement("span");
  mark.className = "spot-mark";
  frame.append(mark);
  frame.tabIndex = 0;
  frame.setAttribute("role", "button");
  // Return the position of the mark relative to a box. The image is drawn in the middle of its
  // element, at most as large as its pixels.
  const at = (box) => {
    const image = frame.querySelector("img");
    const own = image.getBoundingClientRect();
    const { naturalWidth: width, naturalHeight: height } = image;
    const scale = Math.min(own.width / width, own.height / height, 1);
    return [
      own.left - box.left + own.width / 2 + (place[0] - 0.5) * width * scale,
      own.top - box.top + own.height / 2 + (place[1] - 0.5) * height * scale,
    ];
  };
  const show = () => {
    const [left, top] = at(frame.getBoundingClientRect());
    Object.assign(mark.style, { left: `${left}px`, top: `${top}px` });
    const [x, y] = place.map((share) => Math.round(100 * share));
    frame.setAttribute("aria-label", `${purpose}: arrow keys move the mark, Enter takes the ` +
      `region. The mark is at ${x} % from the left, ${y} % from the top`);
  };
  frame.addEventListener("focus", show);
  frame.addEventListener("keydown", (event) => {
    const move = MOVES[event.key];
    if (move) {
      for (const axis of [0, 1]) {
        // 0.999, since a place of 1 would be outside of the image.
        place[axis] = Math.min(Math.max(place[axis] + STEP * move[axis], 0), 0.999);
      }
      show();
    } else if (event.key === "Enter" || event.key === " ") {
      // Rounded, because a MouseEvent cuts decimals off.
      const [clientX, clientY] = at({ left: 0, top: 0 }).map(Math.round);
      frame.dispatchEvent(new MouseEvent("click", { bubbles: true, clientX, clientY }));
    } else {
      return;
    }
    event.preventDefault();
  });
  show();
}
