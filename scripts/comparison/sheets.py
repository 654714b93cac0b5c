"""Sheets of results side by side: one sheet a crop, at 1:1 and 2:1, and contact sheets at 1:1."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Pixels = NDArray[np.uint8]

GAP = 8  # pixels between the results
LINE = 20  # height of a line of text
FONT_SIZE = 14
BACKGROUND = (128, 128, 128)
CELLS_A_ROW = 6
ROWS_A_SHEET = 3


def crop_sheet(title: str, results: Mapping[str, Pixels]) -> Image.Image:
    """Lay out the results for one crop: a column each, at 1:1 above 2:1 by nearest neighbour.

    Args:
        title: text above the columns.
        results: label and result, (H, W, 3), uint8 RGB, all of one size.
    """
    height, width, _ = next(iter(results.values())).shape
    columns = len(results)
    size = (columns * (2 * width + GAP) + GAP, 2 * LINE + 3 * height + 3 * GAP)
    sheet = Image.new("RGB", size, BACKGROUND)
    _write(sheet, (GAP, GAP // 2), title, size[0])
    for i, (label, pixels) in enumerate(results.items()):
        left, top = GAP + i * (2 * width + GAP), LINE + GAP
        _write(sheet, (left, top), label, 2 * width)
        image = Image.fromarray(pixels)
        sheet.paste(image, (left, top + LINE))
        double = image.resize((2 * width, 2 * height), Image.Resampling.NEAREST)
        sheet.paste(double, (left, top + LINE + height + GAP))
    return sheet


def contact_sheets(rows: Sequence[tuple[str, Mapping[str, Pixels]]]) -> list[Image.Image]:
    """Lay out all crops at 1:1, as many a sheet as can be looked at without shrinking it.

    Args:
        rows: of each crop the title, and label and result as for `crop_sheet`; at least one crop.
    """
    first = next(iter(rows[0][1].values()))
    height, width = first.shape[0] + 2 * LINE + GAP, first.shape[1] + GAP
    columns = max(len(results) for _, results in rows)
    beside = max(CELLS_A_ROW // columns, 1)
    a_sheet = beside * ROWS_A_SHEET
    sheets = []
    for start in range(0, len(rows), a_sheet):
        shown = rows[start : start + a_sheet]
        lines = -(-len(shown) // beside)
        group = columns * width + GAP
        sheet = Image.new("RGB", (beside * group + GAP, lines * height + GAP), BACKGROUND)
        for i, (title, results) in enumerate(shown):
            left, top = GAP + i % beside * group, GAP + i // beside * height
            _write(sheet, (left, top), title, group)
            for k, (label, pixels) in enumerate(results.items()):
                _write(sheet, (left + k * width, top + LINE), label, width)
                sheet.paste(Image.fromarray(pixels), (left + k * width, top + 2 * LINE))
        sheets.append(sheet)
    return sheets


def _write(sheet: Image.Image, place: tuple[int, int], text: str, width: int) -> None:
    """Draw a line of text; what exceeds `width` pixels is cut at the front, as of a path."""
    font = ImageFont.load_default(FONT_SIZE)
    draw = ImageDraw.Draw(sheet)
    shown = text
    while len(shown) > 1 and draw.textlength(shown, font) > width - GAP:
        text = text[1:]
        shown = "…" + text
    draw.text(place, shown, fill="white", font=font)
