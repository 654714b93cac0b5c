"""Preview of a run as one image: labelled columns, such as input, result and original.

The columns come from `Task.preview`. `run_log.Reports` calls `save_results_before` before the first
step, and `with_results_before` and `lay_out_columns` after each validation.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from srgan_gp.errors import PictureError
from srgan_gp.images import Picture, read_image, write_image

RESULT_NOW, RESULT_BEFORE = "result now", "result before"
"""Labels of the generator's results, and of its results before the first step of the run."""
_BEFORE_FILE = "before.png"  # in the folder of the previews
_LABEL_HEIGHT = 16  # pixels
_GAP = 4  # pixels between columns


def save_results_before(columns: Mapping[str, np.ndarray], folder: Path) -> None:
    """Save the column `RESULT_NOW` of a run before its first step, for `with_results_before`.

    Args:
        columns: images, (H, W, 3) uint8 RGB, by label; `RESULT_NOW` is one of them.
        folder: folder of the previews.

    Raises:
        OutputError: the file cannot be written.
    """
    write_image(Picture(columns[RESULT_NOW]), folder / _BEFORE_FILE)


def with_results_before(columns: Mapping[str, np.ndarray], folder: Path) -> dict[str, np.ndarray]:
    """Insert the column of `save_results_before`, labelled `RESULT_BEFORE`, before `RESULT_NOW`.

    Args:
        columns: images of equal height, (H, W, 3) uint8 RGB, by label; `RESULT_NOW` is one of them.
        folder: folder of the previews.

    Returns:
        The columns; without `RESULT_BEFORE` if the folder has no such file, as in a run of an
        earlier version, or if its image has another size.
    """
    try:
        before = read_image(folder / _BEFORE_FILE).pixels
    except PictureError:
        return dict(columns)
    extended: dict[str, np.ndarray] = {}
    for label, pixels in columns.items():
        if label == RESULT_NOW and before.shape == pixels.shape:
            extended[RESULT_BEFORE] = before
        extended[label] = pixels
    return extended


def lay_out_columns(columns: Mapping[str, np.ndarray]) -> np.ndarray:
    """Lay out columns side by side, each below its label.

    Args:
        columns: images of equal height, (H, W, 3) uint8 RGB, by label.

    Returns:
        (H + 16, sum of the widths + 4 pixels between columns, 3), uint8 RGB.
    """
    widths = [pixels.shape[1] for pixels in columns.values()]
    height = max(pixels.shape[0] for pixels in columns.values())
    sheet_size = (sum(widths) + _GAP * (len(widths) - 1), height + _LABEL_HEIGHT)
    sheet = Image.new("RGB", sheet_size, "black")
    left = 0
    for label, pixels in columns.items():
        width = pixels.shape[1]
        label_image = Image.new("RGB", (width, _LABEL_HEIGHT), "black")
        ImageDraw.Draw(label_image).text((2, 2), label, fill="white", font_size=11)
        sheet.paste(label_image, (left, 0))
        sheet.paste(Image.fromarray(pixels), (left, _LABEL_HEIGHT))
        left += width + _GAP
    return np.asarray(sheet)
