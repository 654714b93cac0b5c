"""Contact sheet of prepared faces, kept and dropped."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from srgan_gp.images.metadata import OWN_TOOL

MAX_KEPT, MAX_DROPPED = 144, 96
THUMBNAIL = 96  # pixels
_PER_ROW = 12
_GAP = 4
_LINE = 13  # pixels: height of a line of text
_LETTERS = 16  # letters that fit below a thumbnail
_BACKGROUND, _TEXT = (48, 48, 48), (235, 235, 235)

SHEET_XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/">'
    + OWN_TOOL
    + b"</rdf:Description></rdf:RDF></x:xmpmeta>"
)
"""XMP packet of a sheet, by which `srgan-gp upscale` recognises it."""

Cell = tuple[np.ndarray, str]
"""An image, (S, S, 3), uint8 RGB, and the text below it."""


def thumbnail(pixels: np.ndarray) -> np.ndarray:
    """Downscale an image, (S, S, 3), uint8 RGB, to its size on the sheet."""
    side = (THUMBNAIL, THUMBNAIL)
    return np.asarray(Image.fromarray(pixels).resize(side, Image.Resampling.LANCZOS))


def spread(count: int, most: int) -> list[int]:
    """Choose at most `most` evenly spaced numbers of range(count).

    >>> spread(3, 5), spread(10, 4)
    ([0, 1, 2], [0, 3, 6, 9])
    """
    if count <= most:
        return list(range(count))
    return [round(i * (count - 1) / (most - 1)) for i in range(most)]


def face_sheet(sections: Sequence[tuple[str, Sequence[Cell]]]) -> np.ndarray:
    """Lay out faces, twelve per row, in sections with headings.

    Args:
        sections: headings and cells.

    Returns:
        The sheet, (H, W, 3), uint8 RGB.
    """
    step, row = THUMBNAIL + _GAP, THUMBNAIL + _LINE + _GAP
    heights = [_LINE + _GAP + -(-len(cells) // _PER_ROW) * row for _, cells in sections]
    sheet = Image.new("RGB", (_PER_ROW * step + _GAP, sum(heights) + _GAP), _BACKGROUND)
    draw, top = ImageDraw.Draw(sheet), _GAP
    for (heading, cells), height in zip(sections, heights, strict=True):
        draw.text((_GAP, top), heading, fill=_TEXT, font_size=11)
        for i, (pixels, text) in enumerate(cells):
            left = _GAP + i % _PER_ROW * step
            upper = top + _LINE + _GAP + i // _PER_ROW * row
            sheet.paste(Image.fromarray(thumbnail(pixels)), (left, upper))
            below = (left, upper + THUMBNAIL)
            draw.text(below, text[:_LETTERS], fill=_TEXT, font_size=10)
        top += height
    return np.asarray(sheet)
