"""`GrowingPicture`: an image that another thread still computes, and its complete rows."""

import threading
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan_gp.errors import Cancelled
from srgan_gp.images.picture import Array, Picture


class RowProgress:
    """Number of complete rows, counted from the top. Thread-safe.

    Args:
        height: number of rows of the image.
        width: number of columns.
    """

    def __init__(self, height: int, width: int) -> None:
        self._missing: NDArray[np.int64] = np.full(height, width)  # pixels of each row
        self._complete, self._is_cancelled = 0, False
        self._changed = threading.Condition()

    def add(self, rows: tuple[int, int], columns: tuple[int, int]) -> None:
        """Count the pixels of a rectangle, (start, stop) each, as complete; each pixel once."""
        with self._changed:
            self._missing[slice(*rows)] -= columns[1] - columns[0]
            unfinished = np.flatnonzero(self._missing[self._complete :])
            if len(unfinished):
                self._complete += int(unfinished[0])
            else:
                self._complete = len(self._missing)
            self._changed.notify_all()

    def wait(self, rows: int) -> None:
        """Wait until the first `rows` rows are complete; more than there are mean all.

        Raises:
            Cancelled: `cancel` was called before.
        """
        rows = min(rows, len(self._missing))
        with self._changed:
            self._changed.wait_for(lambda: self._is_cancelled or self._complete >= rows)
            if self._complete < rows:
                raise Cancelled("The image will not be completed.")

    def cancel(self) -> None:
        """End all waiting for rows that are not complete with `Cancelled`."""
        with self._changed:
            self._is_cancelled = True
            self._changed.notify_all()


@dataclass(frozen=True, eq=False)
class GrowingPicture(Picture):
    """An image whose pixels or alpha another thread still computes, from top to bottom."""

    progress: RowProgress = field(kw_only=True)
    """The rows of the image that are complete."""

    @classmethod
    def of(cls, picture: Picture, pixels: Array, alpha: Array | None) -> "GrowingPicture":
        """Return an image with the metadata of another one; none of its rows is complete."""
        # All fields of `Picture` by their names.
        content: dict[str, Any] = vars(picture) | {"pixels": pixels, "alpha": alpha}
        return cls(**content, progress=RowProgress(*pixels.shape[:2]))
