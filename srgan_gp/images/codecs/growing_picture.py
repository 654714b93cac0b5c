"""`GrowingPicture`: an image that another thread still computes, and the count of its rows.

The upscaler passes such an image to the encoder, so that the file is encoded meanwhile: the thread
that computes tiles calls `RowProgress.add`, and the encoder calls `RowProgress.wait` before it
reads rows.
"""

import threading
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan_gp.errors import Cancelled
from srgan_gp.images.picture import Array, Picture


class RowProgress:
    """Number of complete rows of an image, counted from the top. Thread-safe.

    Args:
        height: height of the image in pixels.
        width: width of the image in pixels.
    """

    def __init__(self, height: int, width: int) -> None:
        self._missing: NDArray[np.int64] = np.full(height, width)  # missing pixels of each row
        self._complete = 0  # number of complete rows at the top
        self._is_cancelled = False
        self._changed = threading.Condition()

    def add(self, rows: tuple[int, int], columns: tuple[int, int]) -> None:
        """Count the pixels of a rectangle as complete.

        Args:
            rows: first row, and the row after the last one.
            columns: first column, and the column after the last one. Rectangles do not overlap.
        """
        with self._changed:
            self._missing[slice(*rows)] -= columns[1] - columns[0]
            unfinished = np.flatnonzero(self._missing[self._complete :])
            if len(unfinished):
                self._complete += int(unfinished[0])
            else:
                self._complete = len(self._missing)
            self._changed.notify_all()

    def wait(self, rows: int) -> None:
        """Wait until the first `rows` rows are complete, or all rows if there are fewer.

        Raises:
            Cancelled: `cancel` was called before these rows were complete.
        """
        rows = min(rows, len(self._missing))
        with self._changed:
            self._changed.wait_for(lambda: self._is_cancelled or self._complete >= rows)
            if self._complete < rows:
                raise Cancelled("The image will not be completed.")

    def cancel(self) -> None:
        """Make all `wait` calls for incomplete rows raise `Cancelled`, now and in the future."""
        with self._changed:
            self._is_cancelled = True
            self._changed.notify_all()


@dataclass(frozen=True, eq=False)
class GrowingPicture(Picture):
    """An image whose rows another thread still computes, from top to bottom."""

    progress: RowProgress = field(kw_only=True)
    """Tells which rows are complete."""

    @classmethod
    def of(cls, picture: Picture, pixels: Array, alpha: Array | None) -> "GrowingPicture":
        """Return an image of which no row is complete yet.

        Args:
            picture: the image whose metadata and ICC profile are used.
            pixels: (H, W, C), not computed yet.
            alpha: (H, W), or None.
        """
        fields: dict[str, Any] = vars(picture) | {"pixels": pixels, "alpha": alpha}
        height, width = pixels.shape[:2]
        return cls(**fields, progress=RowProgress(height, width))
