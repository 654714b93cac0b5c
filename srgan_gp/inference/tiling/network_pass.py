"""`NetworkPass`: one pass of a network over the colour or the alpha of an image.

It cuts windows of the input for the network, and stores the outputs as pixels of the result.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan_gp.images import mapped_arrays
from srgan_gp.images.codecs.growing_picture import RowProgress
from srgan_gp.inference.loading.model_info import Padding
from srgan_gp.inference.pixel_values import to_pixels, to_planes
from srgan_gp.inference.tiling.alpha import keep_flat_alpha
from srgan_gp.inference.tiling.lanczos import resample
from srgan_gp.inference.tiling.tiles import Floats, Span

Array = NDArray[Any]


class NetworkPass:
    """Input and result arrays of one pass; `cut` and `store` are callbacks of `tiles.run_tiled`.

    If the result has the size of the network's output, each part is converted to the dtype of the
    source when it is stored. Otherwise the parts are kept in float32 and resampled by `finish`.
    Large arrays are in temporary files in both cases.

    Args:
        source: (H, W, 3) or, for grey and alpha, (H, W, 1), checked by `pixel_values.check_pixels`.
        scale: scale factor of the network.
        size: height and width of the result; resampled if the network's result has another size.
        is_alpha: whether the source is alpha: fully transparent and fully opaque areas stay so.
        folder: folder of the temporary files of large arrays.
        may_be_8_bit: whether the network takes and returns uint8 too; then windows of 8-bit colour
            are uint8 where the result needs no resampling.
        padding: how windows are filled outside the image.

    Raises:
        PictureError: E_DISK_FULL.
    """

    result: Array
    """(height, width, 3 or 1), dtype of `source`; complete after `finish`."""
    progress: RowProgress | None
    """Counts the complete rows of `result` for an encoder in another thread; None if there is no
    such encoder. The caller sets it before the first `store`."""

    def __init__(
        self,
        source: Array,
        scale: int,
        size: tuple[int, int],
        *,
        is_alpha: bool,
        folder: Path | None,
        may_be_8_bit: bool = False,
        padding: Padding = "edge",
    ) -> None:
        height, width, channels = source.shape
        self._source, self._size = source, size
        self._is_alpha, self._folder = is_alpha, folder
        self._padding: Padding = padding
        self.progress = None
        self._network_size = (height * scale, width * scale)
        needs_resampling = self._network_size != size
        self.result = mapped_arrays.empty((*size, channels), source.dtype, folder)
        self._planes: Floats | None = None  # the whole output of the network, to be resampled
        if needs_resampling:
            self._planes = mapped_arrays.empty((channels, *self._network_size), np.float32, folder)
        # Grey is not passed as uint8, because the mean of three channels has to be rounded.
        is_8_bit_colour = channels == 3 and source.dtype == np.uint8
        self._is_8_bit = may_be_8_bit and is_8_bit_colour and not needs_resampling

    def cut(self, rows: Span, columns: Span) -> Array:
        """Return a window of the source, which may reach beyond the image and is then padded.

        Args:
            rows: start and stop in pixels of the source.
            columns: start and stop in pixels of the source.

        Returns:
            (1, 3, h, w), float32 in [0, 1]; or uint8, if the network takes it.
        """
        window = self._source[slice(*rows), slice(*columns)]
        if window.shape[:2] != (rows[1] - rows[0], columns[1] - columns[0]):  # beyond the image
            window = padded_part(self._source, rows, columns, self._padding)
        if self._is_8_bit:
            return np.ascontiguousarray(window.transpose(2, 0, 1)[np.newaxis])
        return to_planes(window)

    def store(self, rows: Span, columns: Span, upscaled: Floats) -> None:
        """Store an output of the network, without the part outside the image.

        Args:
            rows: start and stop in pixels of the network's result.
            columns: start and stop in pixels of the network's result.
            upscaled: (1, 3, h, w), of the dtype that `cut` returned.
        """
        height, width = self._network_size
        rows, columns = (rows[0], min(rows[1], height)), (columns[0], min(columns[1], width))
        kept = upscaled[:, :, : rows[1] - rows[0], : columns[1] - columns[0]]
        if self._source.shape[2] == 1:  # grey was passed as three equal channels
            kept = kept.mean(axis=1, keepdims=True)
        if self._planes is None:
            self._write(rows, columns, kept[0])
            if self.progress is not None:
                self.progress.add(rows, columns)
        else:
            self._planes[:, slice(*rows), slice(*columns)] = kept[0]
            # A released array keeps its values, in its temporary file.
            mapped_arrays.release_memory(self._planes)
        mapped_arrays.release_memory(self._source)

    def finish(self, on_band: Callable[[], None]) -> Array:
        """Resample the stored parts if needed, and return `result`; called after the last `store`.

        Args:
            on_band: called from time to time; an exception in it ends the resampling.
        """
        if self._planes is not None:
            for channel, plane in enumerate(self._planes):
                for columns, part in resample(plane, *self._size, self._folder, on_band):
                    self._write((0, self._size[0]), columns, part[np.newaxis], channel)
            self._planes = None
            if self.progress is not None:
                self.progress.add((0, self._size[0]), (0, self._size[1]))
        return self.result

    def _write(self, rows: Span, columns: Span, planes: Floats, channel: int = 0) -> None:
        """Convert planes (C, h, w) and write them into the result, starting at `channel`."""
        if self._is_alpha:
            alpha = self._source[..., 0]
            planes = np.array(planes)  # a copy to change, because the argument may be read-only
            keep_flat_alpha(alpha, planes[0], rows, columns, self._size)
        part = self.result[slice(*rows), slice(*columns), channel : channel + len(planes)]
        if self._is_8_bit:
            part[...] = planes.transpose(1, 2, 0)
        else:
            to_pixels(planes, part)
        mapped_arrays.release_memory(self.result)


class NetworkPassBatch:
    """Passes over images of one size that the network computes together, as a batch.

    Args:
        passes: the pass of each image.
    """

    def __init__(self, passes: Sequence[NetworkPass]) -> None:
        self._passes = passes

    def cut(self, rows: Span, columns: Span) -> Array:
        """Return the same window of each image, (N, 3, h, w); otherwise as `NetworkPass.cut`."""
        return np.concatenate([network_pass.cut(rows, columns) for network_pass in self._passes])

    def store(self, rows: Span, columns: Span, upscaled: Floats) -> None:
        """Store an output of the network, (N, 3, h, w), as `NetworkPass.store` does for each."""
        for index, network_pass in enumerate(self._passes):
            network_pass.store(rows, columns, upscaled[index : index + 1])


def padded_part(image: Array, rows: Span, columns: Span, padding: Padding) -> Array:
    """Return a part of a padded image, without padding all of it.

    Args:
        image: (H, W, C).
        rows: start and stop; the stop may be beyond the image.
        columns: start and stop, likewise.
        padding: `reflect` mirrors the image without repeating the edge pixel, and repeats the edge
            of the mirror image beyond that; `edge` repeats the edge pixel.

    Returns:
        (rows, columns, C); a view of `image` if it needs no padding.
    """
    height, width = image.shape[:2]
    if rows[1] <= height and columns[1] <= width:
        return image[slice(*rows), slice(*columns)]
    row_indices = _image_indices(rows, height, padding)
    return image[row_indices][:, _image_indices(columns, width, padding)]


def _image_indices(span: Span, length: int, padding: Padding) -> NDArray[np.intp]:
    """Return for each index of a padded axis the index of the image whose pixel is used.

    Args:
        span: start and stop on the padded axis.
        length: length of the axis of the image.
        padding: as for `padded_part`.
    """
    indices = np.arange(*span)
    if padding == "reflect":
        mirrored = 2 * (length - 1) - indices
        return np.where(indices < length, indices, np.maximum(mirrored, 0))
    return np.minimum(indices, length - 1)
