// Viewer: images of equal size with one zoom and position, in tiles that are fetched on demand.
//
// Coordinates are pixels of the image; `zoom` is the number of screen pixels along a side of a pixel
// of the image, so that zoom 1 ("100 %") shows every pixel of the result.

import { create } from "./jobs.js";
import { Tiles } from "./tiles.js";
import { drawMap, drawPane } from "./viewer_drawing.js";
import { clamp, followPointers, onKey, placeOf } from "./viewer_gestures.js";

const MAX_ZOOM = 8;
const TINY = 64; // pixels: an image with shorter sides is enlarged, or the line would cover it
const MAP_SIDE = 132; // pixels: longer side of the navigator

export class Viewer {
  // element: empty container; options: {size, levels, tile, detail, layers, isSplit, caption,
  // links}. A layer is {label, base}, with tiles at base/level/column/row. With isSplit the first
  // two layers share one pane, with a line between them; otherwise each layer has its own pane.
  constructor(element, options) {
    Object.assign(this, options);
    [this.width, this.height] = this.size;
    [this.x, this.y] = this.detail;
    const side = Math.max(this.width, this.height);
    this.zoom = side < TINY ? MAX_ZOOM : 1;
    this.line = 0.5; // share of the width of the pane
    this.pointers = new Map(); // positions of mouse button or fingers, by pointer
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
    this.zoomButtons = [
      button("Fit", "Whole image (0)", () => this.fit()),
      button("100 %", "One pixel of the result is one pixel of the screen (1)", () => this.zoomTo(1)),
      button("200 %", "200 % (2)", () => this.zoomTo(2)),
    ];
    const toolbar = create(
      "div", { class: "viewer-tools", role: "group", "aria-label": "Zoom" },
      ...this.zoomButtons, this.zoomText, this.fullButton,
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
    this.root.addEventListener("fullscreenchange", () => {
      const isFull = document.fullscreenElement === this.root;
      this.fullButton.textContent = isFull ? "Leave full screen" : "Full screen";
    });
  }

  buildStage(layers, number) {
    const stage = create(
      "div", {
        class: "viewer-stage", tabindex: "0", role: "img",
        "aria-label": `${layers.map((layer) => layer.label).join(" and ")}. ` +
          "Arrow keys move the image, + and - change the zoom, 0 fits it, 1 and 2 are 100 and 200 %" +
          (this.isSplit ? ", [ and ] move the line." : "."),
        onkeydown: (event) => onKey(this, event),
        ondblclick: (event) => this.zoomAt(this.zoom === 1 ? this.fitZoom() : 1, placeOf(event)),
      },
      this.canvases[number],
      ...layers.map((layer, index) => create(
        "span", { class: `viewer-label viewer-label-${index}`, "aria-hidden": "true" }, layer.label,
      )),
    );
    followPointers(this, stage);
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
    const share = MAP_SIDE / Math.max(this.width, this.height);
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
    if (!this.canvas.clientWidth || !this.canvas.clientHeight) return; // in a tab that is hidden
    const isFit = this.isFit();
    for (const canvas of this.canvases) {
      canvas.width = Math.max(Math.round(canvas.clientWidth * devicePixelRatio), 1);
      canvas.height = Math.max(Math.round(canvas.clientHeight * devicePixelRatio), 1);
    }
    if (isFit) this.fit();
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

  // Whether the zoom is still that of `fit`: then a new size of the pane changes the zoom.
  isFit() {
    return this.isFitted && Math.abs(this.zoom - this.fittedZoom) < 1e-6;
  }

  fit() {
    [this.x, this.y] = [this.width / 2, this.height / 2];
    this.zoomTo(this.fitZoom());
    [this.isFitted, this.fittedZoom] = [true, this.zoom];
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
    this.panes.forEach((layers, number) => drawPane(this, this.canvases[number], layers, level));
    drawMap(this);
    this.tiles.want(this.wanted);
    [this.isFit(), this.zoom === 1, this.zoom === 2].forEach((isNow, index) => {
      this.zoomButtons[index].setAttribute("aria-pressed", Boolean(isNow && (index === 0 || !this.isFit())));
    });
    this.zoomText.value = `${Math.round(this.zoom * 100)} %`;
    this.root.dataset.state = this.tiles.isBusy ? "loading" : "ready";
    this.root.dataset.zoom = this.zoom;
    this.root.dataset.place = `${Math.round(this.x)},${Math.round(this.y)}`;
  }

  moveLine(share) {
    this.line = clamp(share, 0, 1);
    if (this.range) this.range.value = Math.round(this.line * 100);
    this.schedule();
  }

  toggleFullScreen() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.root.requestFullscreen();
  }
}
