// Drawing of the viewer: panes with their layers, the line between two of them, and the navigator.

const MIN_PANE_WITH_MAP = 300; // CSS pixels

export function drawPane(viewer, canvas, layers, level) {
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingEnabled = viewer.zoom < 1;
  context.imageSmoothingQuality = "high";
  const edge = Math.round(canvas.width * viewer.line);
  layers.forEach((layer, index) => {
    const [left, right] = layers.length < 2 ? [0, canvas.width]
      : index ? [edge, canvas.width] : [0, edge];
    context.save();
    context.beginPath();
    context.rect(left, 0, right - left, canvas.height);
    context.clip();
    drawLayer(viewer, context, canvas, layer, level, left, right);
    context.restore();
  });
  if (layers.length > 1) drawLine(context, canvas, edge);
}

// Draw a layer at its coarsest level and then at `level`, so that missing tiles show a blurred copy.
function drawLayer(viewer, context, canvas, layer, level, left, right) {
  const coarsest = viewer.levels - 1;
  for (const own of level === coarsest ? [level] : [coarsest, level]) {
    const step = 2 ** own;
    const side = viewer.tile * step; // of a tile, in pixels of the image
    const origin = [canvas.width / 2 - viewer.x * viewer.zoom, canvas.height / 2 - viewer.y * viewer.zoom];
    // Number of the tile at a pixel of the canvas, along one axis.
    const tileAt = (pixel, start) => Math.max(Math.floor((pixel - start) / viewer.zoom / side), 0);
    const columns = Math.ceil(Math.max(viewer.width >> own, 1) / viewer.tile);
    const rows = Math.ceil(Math.max(viewer.height >> own, 1) / viewer.tile);
    const lastRow = Math.min(tileAt(canvas.height, origin[1]), rows - 1);
    const lastColumn = Math.min(tileAt(right, origin[0]), columns - 1);
    for (let row = tileAt(0, origin[1]); row <= lastRow; row++) {
      for (let column = tileAt(left, origin[0]); column <= lastColumn; column++) {
        const address = `${layer.base}/${own}/${column}/${row}`;
        const image = viewer.tiles.find(address);
        if (!image) {
          viewer.wanted.push(address);
          continue;
        }
        // Edges of a tile on the canvas are rounded, not its size, so that tiles have no gaps.
        const startOf = (tile, start) => Math.round(start + tile * side * viewer.zoom);
        const endOf = (tile, start, pixels) =>
          Math.round(start + (tile * viewer.tile + pixels) * step * viewer.zoom);
        const [x, y] = [startOf(column, origin[0]), startOf(row, origin[1])];
        context.drawImage(
          image, x, y,
          endOf(column, origin[0], image.naturalWidth) - x,
          endOf(row, origin[1], image.naturalHeight) - y,
        );
      }
    }
  }
}

function drawLine(context, canvas, edge) {
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

export function drawMap(viewer) {
  const isWhole = viewer.zoom <= viewer.fitZoom() * 1.001;
  // In a small pane, such as one of a comparison, the navigator would cover the image.
  const isSmall = viewer.canvas.clientWidth < MIN_PANE_WITH_MAP;
  viewer.map.hidden = isWhole || isSmall;
  if (viewer.map.hidden) return;
  const context = viewer.map.getContext("2d");
  const share = viewer.map.width / viewer.width;
  const layer = viewer.layers[viewer.layers.length - 1];
  const address = `${layer.base}/${viewer.levels - 1}/0/0`;
  const image = viewer.tiles.find(address);
  context.clearRect(0, 0, viewer.map.width, viewer.map.height);
  if (image) context.drawImage(image, 0, 0, viewer.map.width, viewer.map.height);
  else viewer.wanted.push(address);
  const across = viewer.canvas.width / viewer.zoom;
  const down = viewer.canvas.height / viewer.zoom;
  context.lineWidth = 2;
  for (const [colour, grow] of [["#000", 1], ["#fff", 0]]) {
    context.strokeStyle = colour;
    context.strokeRect(
      (viewer.x - across / 2) * share - grow, (viewer.y - down / 2) * share - grow,
      across * share + 2 * grow, down * share + 2 * grow,
    );
  }
}
