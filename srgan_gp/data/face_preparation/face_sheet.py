"""Contact sheet of prepared faces: thumbnails of kept and of dropped faces, with a text below each.

`srgan-gp prepare` writes it next to the zip file, so that the selection can be checked by eye.
"""

import math
from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image, ImageDraw

from srgan_gp.data.face_preparation.face_archive import Spool
from srgan_gp.data.face_preparation.preparation_report import FaceRecord
from srgan_gp.images.metadata import OWN_TOOL

_PER_ROW = 12  # thumbnails; a row is 1,204 pixels wide and fits on most screens
MAX_KEPT = 144  # kept faces shown at most: twelve rows; more would be too many to check by eye
THUMBNAIL = 96  # pixels: side of a thumbnail
_GAP = 4  # pixels between thumbnails
_LINE = 13  # pixels: height of a line of text; the font sizes in `draw_sheet` fit into it
_LETTERS = 16  # letters that fit below a thumbnail; longer texts are cut
_BACKGROUND, _TEXT = (48, 48, 48), (235, 235, 235)  # RGB

SHEET_XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/">'
    b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/">'
    + OWN_TOOL
    + b"</rdf:Description></rdf:RDF></x:xmpmeta>"
)
"""XMP packet of a sheet. `OWN_TOOL` names this program as the creator of the image; by it
`srgan-gp upscale` recognises sheets and generated faces among its inputs."""

Cell = tuple[np.ndarray, str]
"""A thumbnail, (96, 96, 3), uint8 RGB, and the text below it."""
Section = tuple[str, Sequence[Cell]]
"""A heading, and the cells below it."""


def make_thumbnail(pixels: np.ndarray) -> np.ndarray:
    """Resize an image, (S, S, 3), uint8 RGB, to the size of a cell, (96, 96, 3)."""
    side = (THUMBNAIL, THUMBNAIL)
    return np.asarray(Image.fromarray(pixels).resize(side, Image.Resampling.LANCZOS))


def spread(count: int, most: int) -> list[int]:
    """Choose at most `most` (2 or more) evenly spaced numbers from 0 to count - 1.

    >>> spread(3, 5), spread(10, 4)
    ([0, 1, 2], [0, 3, 6, 9])
    """
    if count <= most:
        return list(range(count))
    return [round(i * (count - 1) / (most - 1)) for i in range(most)]


def kept_cells(kept: Sequence[FaceRecord], spool: Spool) -> list[Cell]:
    """Return at most `MAX_KEPT` of the kept faces, evenly spaced, with their names in the zip file.

    The caller makes the cells of the dropped faces, which the spool does not have.

    Args:
        kept: records of the kept faces, with their names.
        spool: holds the faces.
    """
    cells = []
    for i in spread(len(kept), MAX_KEPT):
        png = np.frombuffer(spool.read(kept[i].byte_range), np.uint8)
        bgr = np.asarray(cv2.imdecode(png, cv2.IMREAD_COLOR))
        cells.append((make_thumbnail(bgr[:, :, ::-1]), kept[i].member.removesuffix(".png")))
    return cells


def make_section(title: str, cells: Sequence[Cell], total: int) -> Section:
    """Return a section whose heading says how many of `total` faces are shown."""
    shown = "" if len(cells) == total else f", {len(cells)} of them shown"
    return f"{total} {title}{shown}", cells


def draw_sheet(sections: Sequence[Section]) -> np.ndarray:
    """Lay out faces, twelve per row, in sections with headings, one below the other.

    Args:
        sections: the sections, at least one.

    Returns:
        The sheet, (H, W, 3), uint8 RGB.
    """
    cell_width, cell_height = THUMBNAIL + _GAP, THUMBNAIL + _LINE + _GAP
    heading_height = _LINE + _GAP
    heights = []
    for _, cells in sections:
        rows = math.ceil(len(cells) / _PER_ROW)
        heights.append(heading_height + rows * cell_height)
    size = (_PER_ROW * cell_width + _GAP, sum(heights) + _GAP)
    sheet = Image.new("RGB", size, _BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    section_top = _GAP
    for (heading, cells), height in zip(sections, heights, strict=True):
        draw.text((_GAP, section_top), heading, fill=_TEXT, font_size=11)
        for i, (pixels, text) in enumerate(cells):
            row, column = divmod(i, _PER_ROW)
            left = _GAP + column * cell_width
            top = section_top + heading_height + row * cell_height
            sheet.paste(Image.fromarray(pixels), (left, top))
            draw.text((left, top + THUMBNAIL), text[:_LETTERS], fill=_TEXT, font_size=10)
        section_top += height
    return np.asarray(sheet)
