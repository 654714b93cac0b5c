"""Sheets of results side by side: one for each crop, with zoom, and contact sheets at 1:1."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Pixels = NDArray[np.uint8]
"""(H, W, 3), uint8 RGB."""

GAP = 4  # pixels between images
LINE = 20  # pixels: height of a line of text
FONT_SIZE = 14
BACKGROUND = (128, 128, 128)  # RGB
# Many viewers downscale images wider than 1568 pixels, which hides or creates regular patterns. Six
# results of 256 pixels at 1:1, or three at 2:1, are narrower.
CELLS_A_ROW = 6  # results in a row of a contact sheet
ROWS_A_SHEET = 2


def crop_sheet(title: str, results: Mapping[str, Pixels], zooms: Sequence[int]) -> Image.Image:
    """Draw the results for a crop: a column for each result and a row for each zoom factor.

    Args:
        title: text above the first column, before its label.
        results: results (H, W, 3), uint8 RGB, of equal size, by label; at least one.
        zooms: integer zoom factors; pixels are repeated.
    """
    height, width, _ = next(iter(results.values())).shape
    column_width = max(zooms) * width
    sheet_width = len(results) * (column_width + GAP) + GAP
    sheet_height = LINE + sum(zooms) * height + (len(zooms) + 1) * GAP
    sheet = Image.new("RGB", (sheet_width, sheet_height), BACKGROUND)
    for i, (label, pixels) in enumerate(results.items()):
        left, top = GAP + i * (column_width + GAP), LINE + GAP
        text = f"{title}: {label}" if i == 0 else label
        _write(sheet, (left, 1), text, column_width)
        for zoom in zooms:
            enlarged = pixels.repeat(zoom, axis=0).repeat(zoom, axis=1)
            sheet.paste(Image.fromarray(enlarged), (left, top))
            top += zoom * height + GAP
    return sheet


def contact_sheets(rows: Sequence[tuple[str, Mapping[str, Pixels]]]) -> list[Image.Image]:
    """Draw all crops at 1:1 on as many sheets as necessary.

    Args:
        rows: title and results of each crop, as for `crop_sheet`; at least one crop. The results
            of all crops have one size.
    """
    _, first_results = rows[0]
    first = next(iter(first_results.values()))
    cell_height, cell_width = first.shape[0] + LINE + GAP, first.shape[1] + GAP
    columns = max(len(results) for _, results in rows)
    crop_width = columns * cell_width
    crops_in_row = max(CELLS_A_ROW // columns, 1)
    crops_on_sheet = crops_in_row * ROWS_A_SHEET
    sheets: list[Image.Image] = []
    for start in range(0, len(rows), crops_on_sheet):
        crops = rows[start : start + crops_on_sheet]
        row_count = math.ceil(len(crops) / crops_in_row)
        size = (crops_in_row * crop_width + GAP, row_count * cell_height + GAP)
        sheet = Image.new("RGB", size, BACKGROUND)
        for i, (title, results) in enumerate(crops):
            row, column = divmod(i, crops_in_row)
            left, top = GAP + column * crop_width, GAP + row * cell_height
            for k, (label, pixels) in enumerate(results.items()):
                text = f"{title}: {label}" if k == 0 else label
                _write(sheet, (left + k * cell_width, top), text, cell_width)
                sheet.paste(Image.fromarray(pixels), (left + k * cell_width, top + LINE))
        sheets.append(sheet)
    return sheets


def _write(sheet: Image.Image, position: tuple[int, int], text: str, width: int) -> None:
    """Draw a line of text at (left, top), truncated to `width` pixels."""
    font = ImageFont.load_default(FONT_SIZE)
    draw = ImageDraw.Draw(sheet)
    truncated = text
    while len(text) > 1 and draw.textlength(truncated, font) > width - GAP:
        text = text[:-1]
        truncated = f"{text}..."
    draw.text(position, truncated, fill="white", font=font)
