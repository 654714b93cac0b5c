"""One pass of a network over colour or alpha: its windows and its results."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan_gp.images import mapped_arrays
from srgan_gp.inference.pixel_values import to_pixels, to_planes
from srgan_gp.inference.tiling.alpha import keep_flat_alpha
from srgan_gp.inference.tiling.lanczos import resample
from srgan_gp.inference.tiling.tiles import Floats, Span

Array = NDArray[Any]


class NetworkPass:
    """Pixels on their way through a network, and the larger ones that come out.

    Every part becomes the pixels' dtype at once: a large picture never exists in float32, unless it
    must be resampled, and then in a file.

    Args:
        source: (H, W, 3) or, for grey and alpha, (H, W, 1), as `check_pixels` wants them.
        scale: enlargement of both sides by the network.
        size: height and width of the result; where that is another one, the rest is resampled.
        is_alpha: whether flat areas must stay flat.
        folder: for the temporary files of a large picture.

    Raises:
        PictureError: E_DISK_FULL.
    """

    result: Array
    """(height, width, 3 or 1), dtype of `source`; whole once `finish` has been called."""

    def __init__(
        self,
        source: Array,
        scale: int,
        size: tuple[int, int],
        *,
        is_alpha: bool,
        folder: Path | None,
    ) -> None:
        height, width, channels = source.shape
        self._source, self._size = source, size
        self._is_alpha, self._folder = is_alpha, folder
        self._by_network = (height * scale, width * scale)
        self.result = mapped_arrays.empty((*size, channels), source.dtype, folder)
        self._planes: Floats | None = None
        if self._by_network != size:
            self._planes = mapped_arrays.empty((channels, *self._by_network), np.float32, folder)

    def cut(self, rows: Span, columns: Span) -> Floats:
        """Give a window, (1, 3, h, w) in [0, 1]; beyond the picture its edge goes on."""
        window = self._source[slice(*rows), slice(*columns)]
        below = rows[1] - rows[0] - window.shape[0]
        right = columns[1] - columns[0] - window.shape[1]
        if below or right:
            window = np.pad(window, ((0, below), (0, right), (0, 0)), mode="edge")
        return to_planes(window)

    def store(self, rows: Span, columns: Span, enlarged: Floats) -> None:
        """Take (1, 3, h, w) of the network's result; what lies beyond the picture is dropped."""
        height, width = self._by_network
        rows, columns = (rows[0], min(rows[1], height)), (columns[0], min(columns[1], width))
        kept = enlarged[:, :, : rows[1] - rows[0], : columns[1] - columns[0]]
        if self._source.shape[2] == 1:  # back to the grey that the three channels were made from
            kept = kept.mean(axis=1, keepdims=True)
        if self._planes is None:
            self._put(rows, columns, kept[0])
        else:
            self._planes[:, slice(*rows), slice(*columns)] = kept[0]
            mapped_arrays.release(self._planes)
        mapped_arrays.release(self._source)

    def finish(self, on_band: Callable[[], None]) -> Array:
        """Resample what has been stored, where that is needed, and give the result.

        Args:
            on_band: as for `resample`.
        """
        if self._planes is not None:
            for channel, plane in enumerate(self._planes):
                for columns, part in resample(plane, *self._size, self._folder, on_band):
                    self._put((0, self._size[0]), columns, part[np.newaxis], channel)
            self._planes = None
        return self.result

    def _put(self, rows: Span, columns: Span, planes: Floats, channel: int = 0) -> None:
        """Write planes (C, h, w), the first of which is `channel`, into the result."""
        if self._is_alpha:
            alpha = self._source[..., 0]
            planes = np.array(planes)  # the caller's may be read-only
            keep_flat_alpha(alpha, planes[0], rows, columns, self._size)
        part = self.result[slice(*rows), slice(*columns), channel : channel + len(planes)]
        to_pixels(planes, part)
        mapped_arrays.release(self.result)
