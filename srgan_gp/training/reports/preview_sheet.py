"""Preview of a run as one image: labelled columns, such as input, result and original."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from srgan_gp.errors import PictureError
from srgan_gp.images import Picture, read_image, write_image

NOW, BEFORE = "result now", "result before"
"""Labels of the column of a network's results, and of that column at the start of the run."""
_BEFORE_FILE = "before.png"
_STRIP = 16  # pixels: height of the labels
_GAP = 4  # pixels between columns


def keep_start(columns: Mapping[str, np.ndarray], folder: Path) -> None:
    """Save the results of the network at the start of a run, for `with_start`.

    Raises:
        OutputError: the file cannot be written.
    """
    write_image(Picture(columns[NOW]), folder / _BEFORE_FILE)


def with_start(columns: Mapping[str, np.ndarray], folder: Path) -> dict[str, np.ndarray]:
    """Insert the results at the start of the run before those of now.

    Args:
        columns: images of equal height, (H, W, 3) uint8 RGB, by label; `NOW` is one of them.
        folder: folder of the previews. If it has no results of the start, as in a run of an earlier
            version, nothing is inserted.
    """
    try:
        before = read_image(folder / _BEFORE_FILE).pixels
    except PictureError:
        return dict(columns)
    found: dict[str, np.ndarray] = {}
    for label, pixels in columns.items():
        if label == NOW and before.shape == pixels.shape:
            found[BEFORE] = before
        found[label] = pixels
    return found


def preview_sheet(columns: Mapping[str, np.ndarray]) -> np.ndarray:
    """Lay out columns side by side, each below its label.

    Args:
        columns: images of equal height, (H, W, 3) uint8 RGB, by label.

    Returns:
        (H + 16, the widths and gaps of 4 pixels, 3), uint8 RGB.
    """
    height = next(iter(columns.values())).shape[0]
    width = sum(pixels.shape[1] + _GAP for pixels in columns.values()) - _GAP
    sheet = Image.new("RGB", (width, height + _STRIP), "black")
    left = 0
    for label, pixels in columns.items():
        strip = Image.new("RGB", (pixels.shape[1], _STRIP), "black")
        ImageDraw.Draw(strip).text((2, 2), label, fill="white", font_size=11)
        sheet.paste(strip, (left, 0))
        sheet.paste(Image.fromarray(pixels), (left, _STRIP))
        left += pixels.shape[1] + _GAP
    return np.asarray(sheet)
