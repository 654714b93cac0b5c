"""Contact sheet of training pairs: LR and HR images side by side, with captions.

It shows which degradations the options of a training run produce.
"""

import math
import textwrap
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

GAP = 4  # pixels between the images
GREY = 128  # level of the background
PAIRS_PER_ROW = 3
FONT_SIZE = 10  # of Pillow's font
LETTER_WIDTH, LINE_HEIGHT = 6, 12  # pixels, in this font; the width is that of the widest letter


def contact_sheet(
    pairs: Sequence[tuple[np.ndarray, np.ndarray]], captions: Sequence[str] | None = None
) -> np.ndarray:
    """Lay out pairs, three per row: the LR image, enlarged by pixel repetition, and the HR image.

    Args:
        pairs: at least one pair of (h, w, 3) and (h * scale, w * scale, 3), uint8 RGB; sizes may
            differ between pairs.
        captions: a text below each pair, wrapped to its width; None: no texts.

    Returns:
        The sheet, (H, W, 3), uint8 RGB, on a grey background.
    """
    cells = [_beside(low_res, high_res) for low_res, high_res in pairs]
    width = max(cell.shape[1] for cell in cells)
    letters_per_line = max(width // LETTER_WIDTH, 1)
    wrapped = [textwrap.wrap(caption, letters_per_line) for caption in captions or ()]
    text_height = max((len(lines) for lines in wrapped), default=0) * LINE_HEIGHT
    height = max(cell.shape[0] for cell in cells) + text_height
    columns = min(PAIRS_PER_ROW, len(cells))
    rows = math.ceil(len(cells) / columns)
    size = (columns * (width + GAP) + GAP, rows * (height + GAP) + GAP)
    sheet = Image.new("RGB", size, (GREY,) * 3)
    draw = ImageDraw.Draw(sheet)
    for index, cell in enumerate(cells):
        row, column = divmod(index, columns)
        left = GAP + column * (width + GAP)
        top = GAP + row * (height + GAP)
        sheet.paste(Image.fromarray(cell), (left, top))
        if not wrapped:
            continue
        text_top = top + cell.shape[0]
        for line_number, line in enumerate(wrapped[index]):
            line_top = text_top + line_number * LINE_HEIGHT
            draw.text((left, line_top), line, fill="white", font_size=FONT_SIZE)
    return np.asarray(sheet)


def _beside(low_res: np.ndarray, high_res: np.ndarray) -> np.ndarray:
    """Return the enlarged LR image, a gap and the HR image in one: (H, 2 W + GAP, 3), uint8."""
    scale = high_res.shape[0] // low_res.shape[0]
    enlarged = low_res.repeat(scale, axis=0).repeat(scale, axis=1)
    gap = np.full((len(high_res), GAP, 3), GREY, np.uint8)
    return np.hstack([enlarged, gap, high_res])
