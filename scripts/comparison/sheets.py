"""Sheets of results side by side: one for each crop at 1:1 and 2:1, and contact sheets at 1:1."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Pixels = NDArray[np.uint8]

# Three results of 256 pixels at 2:1, or six at 1:1, are below 1568 pixels: many viewers downscale
# wider images, which hides or creates regular patterns.
GAP = 4
LINE = 20  # height of a line of text
FONT_SIZE = 14
BACKGROUND = (128, 128, 128)
CELLS_A_ROW = 6
ROWS_A_SHEET = 2


def crop_sheet(title: str, results: Mapping[str, Pixels], zooms: Sequence[int]) -> Image.Image:
    """Draw the results for a crop: a column for each result and a row for each zoom factor.

    Args:
        title: text above the first column, before its label.
        results: results (H, W, 3), uint8 RGB, of equal size, by label; at least one.
        zooms: integer zoom factors, by repeating pixels.
    """
    height, width, _ = next(iter(results.values())).shape
    cell = max(zooms) * width
    size = (
        len(results) * (cell + GAP) + GAP,
        LINE + sum(zooms) * height + (len(zooms) + 1) * GAP,
    )
    sheet = Image.new("RGB", size, BACKGROUND)
    for i, (label, pixels) in enumerate(results.items()):
        left, top = GAP + i * (cell + GAP), LINE + GAP
        _write(sheet, (left, 1), label if i else f"{title}: {label}", cell)
        for zoom in zooms:
            enlarged = pixels.repeat(zoom, axis=0).repeat(zoom, axis=1)
            sheet.paste(Image.fromarray(enlarged), (left, top))
            top += zoom * height + GAP
    return sheet


def contact_sheets(rows: Sequence[tuple[str, Mapping[str, Pixels]]]) -> list[Image.Image]:
    """Draw all crops at 1:1 on as many sheets as necessary.

    Args:
        rows: title and results of each crop, as for `crop_sheet`; at least one crop.
    """
    first = next(iter(rows[0][1].values()))
    height, width = first.shape[0] + LINE + GAP, first.shape[1] + GAP
    columns = max(len(results) for _, results in rows)
    beside = max(CELLS_A_ROW // columns, 1)
    per_sheet = beside * ROWS_A_SHEET
    sheets: list[Image.Image] = []
    for start in range(0, len(rows), per_sheet):
        shown = rows[start : start + per_sheet]
        lines = -(-len(shown) // beside)
        size = (beside * columns * width + GAP, lines * height + GAP)
        sheet = Image.new("RGB", size, BACKGROUND)
        for i, (title, results) in enumerate(shown):
            left, top = GAP + i % beside * columns * width, GAP + i // beside * height
            for k, (label, pixels) in enumerate(results.items()):
                text = label if k else f"{title}: {label}"
                _write(sheet, (left + k * width, top), text, width)
                sheet.paste(Image.fromarray(pixels), (left + k * width, top + LINE))
        sheets.append(sheet)
    return sheets


def _write(sheet: Image.Image, place: tuple[int, int], text: str, width: int) -> None:
    """Draw a line of text, truncated to `width` pixels."""
    font = ImageFont.load_default(FONT_SIZE)
    draw = ImageDraw.Draw(sheet)
    shown = text
    while len(text) > 1 and draw.textlength(shown, font) > width - GAP:
        text = text[:-1]
        shown = f"{text}..."
    draw.text(place, shown, fill="white", font=font)
