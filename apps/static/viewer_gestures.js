// Gestures of the viewer: mouse, wheel, touch and keys.

const PAN_PIXELS = 64; // of the screen, for each press of an arrow key
const GRIP_PIXELS = 22; // CSS pixels around the line between before and after

export function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high);
}

export function followPointers(viewer, stage) {
  stage.addEventListener("wheel", (event) => onWheel(viewer, event), { passive: false });
  stage.addEventListener("pointerdown", (event) => onDown(viewer, event));
  stage.addEventListener("pointermove", (event) => onMove(viewer, event));
  for (const name of ["pointerup", "pointercancel"]) {
    stage.addEventListener(name, (event) => onUp(viewer, event));
  }
}

// Return the position of an event in its element, in pixels of the canvas.
export function placeOf(event) {
  const box = event.currentTarget.getBoundingClientRect();
  return [(event.clientX - box.left) * devicePixelRatio, (event.clientY - box.top) * devicePixelRatio];
}

function onWheel(viewer, event) {
  event.preventDefault();
  const factor = Math.exp(-clamp(event.deltaY, -200, 200) / 400);
  viewer.zoomAt(viewer.zoom * factor, placeOf(event));
}

function onDown(viewer, event) {
  if (event.button !== 0) return;
  const place = placeOf(event);
  event.currentTarget.setPointerCapture(event.pointerId);
  viewer.pointers.set(event.pointerId, place);
  const distance = Math.abs(place[0] - viewer.line * viewer.canvas.width);
  viewer.isLineMoved = viewer.isSplit && distance < GRIP_PIXELS * devicePixelRatio;
}

function onMove(viewer, event) {
  const place = placeOf(event);
  if (viewer.isSplit && !viewer.pointers.size) {
    const distance = Math.abs(place[0] - viewer.line * viewer.canvas.width);
    event.currentTarget.style.cursor = distance < GRIP_PIXELS * devicePixelRatio ? "ew-resize" : "";
  }
  const last = viewer.pointers.get(event.pointerId);
  if (!last) return;
  const others = [...viewer.pointers.entries()].filter(([id]) => id !== event.pointerId);
  viewer.pointers.set(event.pointerId, place);
  if (others.length) {
    pinch(viewer, last, place, others[0][1]);
  } else if (viewer.isLineMoved) {
    viewer.moveLine(place[0] / viewer.canvas.width);
  } else {
    viewer.x -= (place[0] - last[0]) / viewer.zoom;
    viewer.y -= (place[1] - last[1]) / viewer.zoom;
    viewer.schedule();
  }
}

function pinch(viewer, last, place, other) {
  viewer.isLineMoved = false;
  const distance = (one) => Math.hypot(one[0] - other[0], one[1] - other[1]) || 1;
  const middle = [(place[0] + other[0]) / 2, (place[1] + other[1]) / 2];
  viewer.x -= (place[0] - last[0]) / 2 / viewer.zoom;
  viewer.y -= (place[1] - last[1]) / 2 / viewer.zoom;
  viewer.zoomAt((viewer.zoom * distance(place)) / distance(last), middle);
}

function onUp(viewer, event) {
  viewer.pointers.delete(event.pointerId);
  viewer.isLineMoved = false;
}

export function onKey(viewer, event) {
  const pan = PAN_PIXELS / viewer.zoom;
  const actions = {
    ArrowLeft: () => (viewer.x -= pan), ArrowRight: () => (viewer.x += pan),
    ArrowUp: () => (viewer.y -= pan), ArrowDown: () => (viewer.y += pan),
    "+": () => viewer.zoomTo(viewer.zoom * 1.25), "=": () => viewer.zoomTo(viewer.zoom * 1.25),
    "-": () => viewer.zoomTo(viewer.zoom / 1.25),
    0: () => viewer.fit(), 1: () => viewer.zoomTo(1), 2: () => viewer.zoomTo(2),
    "[": () => viewer.moveLine(viewer.line - 0.05), "]": () => viewer.moveLine(viewer.line + 0.05),
    f: () => viewer.toggleFullScreen(),
  };
  const action = actions[event.key];
  if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  action();
  viewer.schedule();
}
