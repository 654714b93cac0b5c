// Viewer: images of equal size with one zoom and position, in tiles that are fetched on demand.
//
// Coordinates are pixels of the image; `zoom` is the number of screen pixels for one of them, so
// that zoom 1 ("100 %") shows every pixel of the result.

import { create } from "./jobs.js";

const MAX_TILES = 160; // in memory
const MAX_REQUESTS = 4; // at a time
const MAX_ZOOM = 8;
const PAN_PIXELS = 64;
const GRIP_PIXELS = 22; // around the line between before and after


function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high);
}

// Fetches tiles, the visible ones first, and keeps the most recent ones.
class Tiles {
  constructor(onLoaded) {
    this.onLoaded = onLoaded;
    this.images = new Map(); // by address, the least recently used first
    this.running = new Set();
    this.failed = new Set();
    this.wanted = [];
  }

  find(address) {
    const image = this.images.get(address);
    if (image) {
      this.images.delete(address);
      this.images.set(address, image);
    }
    return image;
  }

  // Replace the list of tiles to fetch: those that left the screen are not fetched any more.
  want(addresses) {
    this.wanted = addresses;
    this.fetchNext();
  }

  fetchNext() {
    while (this.running.size < MAX_REQUESTS && this.wanted.length) {
      const address = this.wanted.shift();
      if (this.images.has(address) || this.running.has(address) || this.failed.has(address)) {
        continue;
      }
      this.running.add(address);
      const image = new Image();
      image.src = address;
      image.decode().then(
        () => this.images.set(address, image),
        () => this.failed.add(address),
      ).finally(() => {
        this.running.delete(address);
        while (this.images.size > MAX_TILES) {
          this.images.delete(this.images.keys().next().value);
        }
        this.onLoaded();
      });
    }
  }

  get isBusy() {
    return this.running.size > 0 || this.wanted.length > 0;
  }
}

export class Viewer {
  // element: empty container; options: {size, levels, tile, detail, layers, isSplit, caption,
  // links}. A layer is {label, base}, with tiles at base/level/column/row. With isSplit the first
  // two layers share one pane, with a line between them; otherwise each layer has its own pane.
  constructor(element, options) {
    Object.assign(this, options);
    [this.width, this.height] = this.size;
    [this.x, this.y] = this.detail;
    this.zoom = 1;
    this.line = 0.5;
    this.pointers = new Map();
    this.tiles = new Tiles(() => this.schedule());
    this.panes = this.isSplit ? [this.layers] : this.layers.map((layer) => [layer]);
    this.build(element);
    this.observer = new ResizeObserver(() => this.resize());
    for (const canvas of this.canvases) this.observer.observe(canvas);
  }

  build(element) {
    this.canvases = this.panes.map(() => create("canvas", { "aria-hidden": "true" }));
    const stages = this.panes.map((layers, number) => this.buildStage(layers, number));
    this.stages = stages;
    const button = (label, title, action) =>
      create("button", { type: "button", title, onclick: action }, label);
    this.zoomText = create("output", { class: "viewer-zoom", "aria-live": "polite" });
    this.fullButton = button("Full screen", "Full screen (f)", () => this.toggleFullScreen());
    const toolbar = create(
      "div", { class: "viewer-tools", role: "group", "aria-label": "Zoom" },
      button("Fit", "Whole image (0)", () => this.fit()),
      button("100 %", "One pixel of the result is one pixel of the screen (1)", () => this.zoomTo(1)),
      button("200 %", "200 % (2)", () => this.zoomTo(2)),
      this.zoomText,
      this.fullButton,
    );
    this.root = create(
      "div", { class: "viewer" }, toolbar,
      create("div", { class: this.isSplit ? "viewer-panes" : "viewer-panes viewer-grid" }, ...stages),
    );
    if (this.isSplit) this.root.append(this.buildRange());
    this.root.append(create("p", { class: "viewer-caption" }, this.caption, ...(this.links || [])));
    element.replaceChildren(this.root);
    this.buildNavigator();
    this.root.dataset.state = "loading";
  }

  buildStage(layers, number) {
    const stage = create(
      "div", {
        class: "viewer-stage", tabindex: "0", role: "img",
        "aria-label": `${layers.map((layer) => layer.label).join(" and ")}. ` +
          "Arrow keys move the image, + and - change the zoom, 0 fits it, 1 and 2 are 100 and 200 %" +
          (this.isSplit ? ", [ and ] move the line." : "."),
        onkeydown: (event) => this.onKey(event),
        ondblclick: (event) => this.zoomAt(this.zoom === 1 ? this.fitZoom() : 1, this.placeOf(event)),
      },
      this.canvases[number],
      ...layers.map((layer, index) => create(
        "span", { class: `viewer-label viewer-label-${index}`, "aria-hidden": "true" }, layer.label,
      )),
    );
    stage.addEventListener("wheel", (event) => this.onWheel(event), { passive: false });
    stage.addEventListener("pointerdown", (event) => this.onDown(event));
    stage.addEventListener("pointermove", (event) => this.onMove(event));
    for (const name of ["pointerup", "pointercancel"]) {
      stage.addEventListener(name, (event) => this.onUp(event));
    }
    return stage;
  }

  buildRange() {
    this.range = create("input", {
      type: "range", min: "0", max: "100", value: "50", class: "viewer-range",
      "aria-label": "Line between before and after, in percent",
      oninput: (event) => this.moveLine(event.target.value / 100),
    });
    return this.range;
  }

  buildNavigator() {
    this.map = create("canvas", { class: "viewer-map", "aria-hidden": "true" });
    const share = 132 / Math.max(this.width, this.height);
    this.map.width = Math.max(Math.round(this.width * share), 8);
    this.map.height = Math.max(Math.round(this.height * share), 8);
    const move = (event) => {
      if (event.buttons !== 1) return;
      const box = this.map.getBoundingClientRect();
      this.x = ((event.clientX - box.left) / box.width) * this.width;
      this.y = ((event.clientY - box.top) / box.height) * this.height;
      this.schedule();
      event.stopPropagation();
    };
    this.map.addEventListener("pointerdown", (event) => {
      this.map.setPointerCapture(event.pointerId);
      move(event);
      event.stopPropagation();
    });
    this.map.addEventListener("pointermove", move);
    this.stages[0].append(this.map);
  }

  remove() {
    this.observer.disconnect();
    this.isRemoved = true;
    this.root.remove();
  }

  resize() {
    for (const canvas of this.canvases) {
      canvas.width = Math.max(Math.round(canvas.clientWidth * devicePixelRatio), 1);
      canvas.height = Math.max(Math.round(canvas.clientHeight * devicePixelRatio), 1);
    }
    this.schedule();
  }

  schedule() {
    if (this.frame || this.isRemoved) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = null;
      this.draw();
    });
  }

  get canvas() {
    return this.canvases[0];
  }

  fitZoom() {
    return Math.min(this.canvas.width / this.width, this.canvas.height / this.height, 1);
  }

  fit() {
    [this.x, this.y] = [this.width / 2, this.height / 2];
    this.zoomTo(this.fitZoom());
  }

  zoomTo(zoom) {
    this.zoomAt(zoom, [this.canvas.width / 2, this.canvas.height / 2]);
  }

  // Zoom so that the image stays in place under a pixel of the canvas.
  zoomAt(zoom, [left, top]) {
    zoom = clamp(zoom, Math.min(this.fitZoom(), 1) / 2, MAX_ZOOM);
    const across = left - this.canvas.width / 2;
    const down = top - this.canvas.height / 2;
    this.x += across / this.zoom - across / zoom;
    this.y += down / this.zoom - down / zoom;
    this.zoom = zoom;
    this.schedule();
  }

  // Keep the image in view: an image that is smaller than the canvas is centred.
  settle() {
    const across = this.canvas.width / this.zoom / 2;
    const down = this.canvas.height / this.zoom / 2;
    this.x = this.width < 2 * across ? this.width / 2 : clamp(this.x, across, this.width - across);
    this.y = this.height < 2 * down ? this.height / 2 : clamp(this.y, down, this.height - down);
  }

  draw() {
    this.settle();
    this.wanted = [];
    const level = clamp(Math.floor(Math.log2(1 / this.zoom)), 0, this.levels - 1);
    this.panes.forEach((layers, number) => this.drawPane(this.canvases[number], layers, level));
    this.drawMap();
    this.tiles.want(this.wanted);
    this.zoomText.value = `${Math.round(this.zoom * 100)} %`;
    this.root.dataset.state = this.tiles.isBusy ? "loading" : "ready";
    this.root.dataset.zoom = this.zoom;
    this.root.dataset.place = `${Math.round(this.x)},${Math.round(this.y)}`;
  }

  drawPane(canvas, layers, level) {
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.imageSmoothingEnabled = this.zoom < 1;
    context.imageSmoothingQuality = "high";
    const edge = Math.round(canvas.width * this.line);
    layers.forEach((layer, index) => {
      const [left, right] = layers.length < 2 ? [0, canvas.width]
        : index ? [edge, canvas.width] : [0, edge];
      context.save();
      context.beginPath();
      context.rect(left, 0, right - left, canvas.height);
      context.clip();
      this.drawLayer(context, canvas, layer, level, left, right);
      context.restore();
    });
    if (layers.length > 1) this.drawLine(context, canvas, edge);
  }

  // Draw a layer from the coarsest level to `level`, so that missing tiles show a blurred copy.
  drawLayer(context, canvas, layer, level, left, right) {
    const coarsest = this.levels - 1;
    for (const own of level === coarsest ? [level] : [coarsest, level]) {
      const step = 2 ** own;
      const side = this.tile * step; // of a tile, in pixels of the image
      const origin = [canvas.width / 2 - this.x * this.zoom, canvas.height / 2 - this.y * this.zoom];
      const first = (pixel, start) => Math.max(Math.floor((pixel - start) / this.zoom / side), 0);
      const columns = Math.ceil(Math.max(this.width >> own, 1) / this.tile);
      const rows = Math.ceil(Math.max(this.height >> own, 1) / this.tile);
      for (let row = first(0, origin[1]); row <= Math.min(first(canvas.height, origin[1]), rows - 1); row++) {
        for (let column = first(left, origin[0]); column <= Math.min(first(right, origin[0]), columns - 1); column++) {
          const address = `${layer.base}/${own}/${column}/${row}`;
          const image = this.tiles.find(address);
          if (!image) {
            this.wanted.push(address);
            continue;
          }
          const at = (tile, start) => Math.round(start + tile * side * this.zoom);
          const end = (tile, start, pixels) =>
            Math.round(start + (tile * this.tile + pixels) * step * this.zoom);
          const [x, y] = [at(column, origin[0]), at(row, origin[1])];
          context.drawImage(
            image, x, y,
            end(column, origin[0], image.naturalWidth) - x,
            end(row, origin[1], image.naturalHeight) - y,
          );
        }
      }
    }
  }

  drawLine(context, canvas, edge) {
    const pixel = devicePixelRatio;
    context.fillStyle = "#fff";
    context.shadowColor = "#000";
    context.shadowBlur = 4 * pixel;
    context.fillRect(edge - pixel, 0, 2 * pixel, canvas.height);
    context.beginPath();
    context.arc(edge, canvas.height / 2, 14 * pixel, 0, 2 * Math.PI);
    context.fill();
    context.shadowBlur = 0;
    context.fillStyle = "#334155";
    for (const sign of [-1, 1]) {
      context.beginPath();
      context.moveTo(edge + sign * 9 * pixel, canvas.height / 2);
      context.lineTo(edge + sign * 3 * pixel, canvas.height / 2 - 5 * pixel);
      context.lineTo(edge + sign * 3 * pixel, canvas.height / 2 + 5 * pixel);
      context.fill();
    }
  }

  drawMap() {
    const isWhole = this.zoom <= this.fitZoom() * 1.001;
    this.map.hidden = isWhole;
    if (isWhole) return;
    const context = this.map.getContext("2d");
    const share = this.map.width / this.width;
    const layer = this.layers[this.layers.length - 1];
    const address = `${layer.base}/${this.levels - 1}/0/0`;
    const image = this.tiles.find(address);
    context.clearRect(0, 0, this.map.width, this.map.height);
    if (image) context.drawImage(image, 0, 0, this.map.width, this.map.height);
    else this.wanted.push(address);
    const across = this.canvas.width / this.zoom;
    const down = this.canvas.height / this.zoom;
    context.lineWidth = 2;
    for (const [colour, grow] of [["#000", 1], ["#fff", 0]]) {
      context.strokeStyle = colour;
      context.strokeRect(
        (this.x - across / 2) * share - grow, (this.y - down / 2) * share - grow,
        across * share + 2 * grow, down * share + 2 * grow,
      );
    }
  }

  moveLine(share) {
    this.line = clamp(share, 0, 1);
    if (this.range) this.range.value = Math.round(this.line * 100);
    this.schedule();
  }

  placeOf(event) {
    const box = event.currentTarget.getBoundingClientRect();
    return [(event.clientX - box.left) * devicePixelRatio, (event.clientY - box.top) * devicePixelRatio];
  }

  onWheel(event) {
    event.preventDefault();
    const factor = Math.exp(-clamp(event.deltaY, -200, 200) / 400);
    this.zoomAt(this.zoom * factor, this.placeOf(event));
  }

  onDown(event) {
    if (event.button !== 0) return;
    const place = this.placeOf(event);
    event.currentTarget.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, place);
    const distance = Math.abs(place[0] - this.line * this.canvas.width);
    this.isLineMoved = this.isSplit && distance < GRIP_PIXELS * devicePixelRatio;
  }

  onMove(event) {
    const place = this.placeOf(event);
    if (this.isSplit && !this.pointers.size) {
      const distance = Math.abs(place[0] - this.line * this.canvas.width);
      event.currentTarget.style.cursor = distance < GRIP_PIXELS * devicePixelRatio ? "ew-resize" : "";
    }
    const last = this.pointers.get(event.pointerId);
    if (!last) return;
    const others = [...this.pointers.entries()].filter(([id]) => id !== event.pointerId);
    this.pointers.set(event.pointerId, place);
    if (others.length) {
      this.pinch(last, place, others[0][1]);
    } else if (this.isLineMoved) {
      this.moveLine(place[0] / this.canvas.width);
    } else {
      this.x -= (place[0] - last[0]) / this.zoom;
      this.y -= (place[1] - last[1]) / this.zoom;
      this.schedule();
    }
  }

  pinch(last, place, other) {
    this.isLineMoved = false;
    const distance = (one) => Math.hypot(one[0] - other[0], one[1] - other[1]) || 1;
    const middle = [(place[0] + other[0]) / 2, (place[1] + other[1]) / 2];
    this.x -= (place[0] - last[0]) / 2 / this.zoom;
    this.y -= (place[1] - last[1]) / 2 / this.zoom;
    this.zoomAt((this.zoom * distance(place)) / distance(last), middle);
  }

  onUp(event) {
    this.pointers.delete(event.pointerId);
    this.isLineMoved = false;
  }

  onKey(event) {
    const pan = PAN_PIXELS / this.zoom;
    const actions = {
      ArrowLeft: () => (this.x -= pan), ArrowRight: () => (this.x += pan),
      ArrowUp: () => (this.y -= pan), ArrowDown: () => (this.y += pan),
      "+": () => this.zoomTo(this.zoom * 1.25), "=": () => this.zoomTo(this.zoom * 1.25),
      "-": () => this.zoomTo(this.zoom / 1.25),
      0: () => this.fit(), 1: () => this.zoomTo(1), 2: () => this.zoomTo(2),
      "[": () => this.moveLine(this.line - 0.05), "]": () => this.moveLine(this.line + 0.05),
      f: () => this.toggleFullScreen(),
    };
    const action = actions[event.key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    action();
    this.schedule();
  }

  toggleFullScreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.root.requestFullscreen();
  }
}
