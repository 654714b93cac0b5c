"""Tiles of a result and of its input, for the viewer of the page, at any zoom level.

The pixels are stored uncompressed, so that a tile is read without decoding an image.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from srgan_gp.images import Picture
from srgan_gp.images.colour import to_depth
from srgan_gp.system.files import atomic_write
from srgan_gp.system.write_errors import convert_write_errors

Pixels = NDArray[np.uint8]
"""Part of an image, (H, W, C); C is 1 to 4: grey or RGB, then alpha if there is any."""
Layer = Literal["before", "after"]
"""The input, or the result."""
Box = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels; right and bottom are outside of the box."""

TILE = 512
"""Side of a tile in pixels: larger ones appear later, smaller ones need more requests."""

_MAX_SMALLEST = TILE  # longest side of the smallest level in pixels: the level is one tile
_BAND_VALUES = 1 << 24  # values converted at a time: more need more memory, fewer more calls
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}  # Pillow's modes by number of channels


@dataclass(frozen=True)
class ImageView:
    """Tiles of a result, and of its input enlarged to the same size; written by `write_view`."""

    folder: Path
    """Directory of the pixels."""
    size: tuple[int, int]
    """Width and height of the result in pixels."""
    before_size: tuple[int, int]
    """Width and height of the input, or of its region, in pixels."""
    channels: tuple[int, int]
    """Channels of the result and of the input, alpha included."""
    levels: int
    """Number of zoom levels; level n is downscaled by 2^n."""
    detail: tuple[int, int]
    """Column and row of a detailed place in the result, where the viewer starts."""
    icc_profile: bytes | None = None
    """Colour profile of the tiles; None: they have none."""

    def facts(self) -> dict[str, Any]:
        """Return the values that the viewer needs, as JSON: `size`, `levels`, `tile`, `detail`."""
        return {"size": self.size, "levels": self.levels, "tile": TILE, "detail": self.detail}

    def level_size(self, level: int) -> tuple[int, int]:
        """Return width and height of a level in pixels."""
        return max(self.size[0] >> level, 1), max(self.size[1] >> level, 1)

    def tile(self, layer: Layer, level: int, column: int, row: int) -> bytes | None:
        """Return a tile as a PNG file; None: the tile is outside of the image.

        A pixel of the result's layer is the average of a block of 2^level x 2^level pixels; level 0
        has the pixels of the result, in 8 bits. The input is resized by Pillow's bicubic filter, as
        a whole image would be.

        Args:
            layer: the input or the result.
            level: zoom level.
            column: number of the tile from the left, from 0.
            row: number of the tile from the top, from 0.
        """
        if not 0 <= level < self.levels:
            return None
        width, height = self.level_size(level)
        left, top = column * TILE, row * TILE
        if not (0 <= left < width and 0 <= top < height):
            return None
        box = left, top, min(left + TILE, width), min(top + TILE, height)
        pixels = self._after(level, box) if layer == "after" else self._before(level, box)
        return _encode_png(pixels, self.icc_profile)

    def thumbnail(self, side: int) -> bytes:
        """Return the result as a PNG file of at most `side` x `side` pixels."""
        smallest = self.levels - 1
        width, height = self.level_size(smallest)
        image = _to_image(self._after(smallest, (0, 0, width, height)))
        image.thumbnail((side, side))
        return _encode_png(np.asarray(image), self.icc_profile)

    def _after(self, level: int, box: Box) -> Pixels:
        """Return the part of the result in a box of a level."""
        left, top, right, bottom = box
        width, height = self.level_size(level)
        pixels = _map_file(self.folder / f"after-{level}", (height, width, self.channels[0]))
        return pixels[top:bottom, left:right]

    def _before(self, level: int, box: Box) -> Pixels:
        """Return the part of the input in a box of a level, resized to the size of the box."""
        width, height = self.before_size
        pixels = _map_file(self.folder / "before", (height, width, self.channels[1]))
        # Number of pixels of the input for each pixel of the level.
        x_step = width / self.size[0] * 2**level
        y_step = height / self.size[1] * 2**level
        # The box in the input. Its edges may exceed the sides by rounding, which Pillow refuses.
        left, top = box[0] * x_step, box[1] * y_step
        right, bottom = min(box[2] * x_step, width), min(box[3] * y_step, height)
        # The bicubic filter reads two pixels beyond the box. They are pixels of the input if it is
        # enlarged, and pixels of the level if it is reduced. `+ 2` rounds up, and adds one pixel.
        x_margin, y_margin = int(2 * max(x_step, 1)) + 2, int(2 * max(y_step, 1)) + 2
        part_left, part_top = max(int(left) - x_margin, 0), max(int(top) - y_margin, 0)
        part_right, part_bottom = int(right) + x_margin + 1, int(bottom) + y_margin + 1
        part = _to_image(pixels[part_top:part_bottom, part_left:part_right])
        box_in_part = left - part_left, top - part_top, right - part_left, bottom - part_top
        size = box[2] - box[0], box[3] - box[1]
        return np.asarray(part.resize(size, Image.Resampling.BICUBIC, box=box_in_part))


def small_copy(path: Path, side: int) -> bytes | None:
    """Return a small copy of a result that has no `ImageView`, as PNG; None: its file has expired.

    Args:
        path: image file that this server wrote; its first frame is used.
        side: maximum width and height of the copy in pixels.
    """
    try:
        with Image.open(path) as image, io.BytesIO() as file:
            image.draft("RGB", (side, side))  # a JPEG is decoded at a smaller size, faster
            copy = image.convert("RGBA" if image.has_transparency_data else "RGB")
            copy.thumbnail((side, side))
            copy.save(file, "PNG", compress_level=1)  # 1: fast, larger files
            return file.getvalue()
    except FileNotFoundError:
        return None


def write_view(original: Picture, result: Picture, folder: Path) -> ImageView:
    """Write the pixels of a view, and return it.

    Args:
        original: input image, or its region.
        result: the upscaled `original`.
        folder: existing directory, in which the directory `view` is created.

    Raises:
        OutputError: a file cannot be written.
    """
    folder = folder / "view"
    with convert_write_errors(folder):
        folder.mkdir()
        _write(folder / "before", _bands(original))
        _write(folder / "after-0", _bands(result))
        width, height, levels = result.width, result.height, 1
        level = _map_file(folder / "after-0", (height, width, result.channels))
        while max(width, height) > _MAX_SMALLEST:  # `level` is the smallest level so far
            width, height = max(width // 2, 1), max(height // 2, 1)
            _write(folder / f"after-{levels}", _halved(level))
            level = _map_file(folder / f"after-{levels}", (height, width, result.channels))
            levels += 1
    return ImageView(
        folder=folder,
        size=(result.width, result.height),
        before_size=(original.width, original.height),
        channels=(result.channels, original.channels),
        levels=levels,
        detail=detailed_place(level, (result.width, result.height)),
        icc_profile=result.icc_profile,
    )


def _bands(picture: Picture) -> Iterator[Pixels]:
    """Yield the rows of an image with its alpha, as uint8, in bands that bound the memory."""
    rows = max(_BAND_VALUES // (picture.width * picture.channels), 1)
    for top in range(0, picture.height, rows):
        band = picture.pixels[top : top + rows]
        if picture.alpha is not None:
            band = np.dstack([band, picture.alpha[top : top + rows]])
        yield to_depth(band, np.uint8)


def _halved(level: Pixels) -> Iterator[Pixels]:
    """Yield the averages of blocks of 2 x 2 pixels, in bands that bound the memory.

    A side of one pixel is kept. The last row or column of an odd side is omitted.
    """
    height, width, channels = level.shape
    block_height, block_width = min(height, 2), min(width, 2)
    used_height = height // block_height * block_height
    used_width = width // block_width * block_width
    rows = max(_BAND_VALUES // (width * channels * block_height), 1) * block_height
    for top in range(0, used_height, rows):
        band = level[top : min(top + rows, used_height), :used_width]
        blocks = band.reshape(-1, block_height, used_width // block_width, block_width, channels)
        yield np.rint(blocks.mean((1, 3), dtype=np.float32)).astype(np.uint8)


def detailed_place(level: Pixels, size: tuple[int, int]) -> tuple[int, int]:
    """Return a detailed place: the centre of the block with the largest mean gradient.

    Args:
        level: (H, W, C), a small copy. Its shorter side is divided into eight square blocks: a
            gradient in smaller ones may be noise, larger ones tell the place less exactly.
        size: width and height of the image in pixels.

    Returns:
        Column and row in the image.
    """
    colours = level[..., : 1 if level.shape[2] < 3 else 3]  # without alpha
    grey = colours.mean(2, dtype=np.float32)
    height, width = grey.shape
    if min(height, width) < 3:  # too small for a gradient
        return size[0] // 2, size[1] // 2
    row_gradient, column_gradient = np.gradient(grey)
    side = max(min(height, width) // 8, 1)  # of a block in pixels
    gradient = np.abs(row_gradient) + np.abs(column_gradient)
    gradient = gradient[: height // side * side, : width // side * side]
    blocks = gradient.reshape(height // side, side, -1, side).mean((1, 3))
    row, column = np.unravel_index(int(blocks.argmax()), blocks.shape)
    x, y = (int(column) + 0.5) * side, (int(row) + 0.5) * side
    return round(x * size[0] / width), round(y * size[1] / height)


def _write(path: Path, bands: Iterator[Pixels]) -> None:
    """Write the values of bands one after the other, without a header."""
    with atomic_write(path) as file:
        for band in bands:
            file.write(np.ascontiguousarray(band).data)


def _map_file(path: Path, shape: tuple[int, int, int]) -> Pixels:
    """Open a file of `_write` as a memory-mapped array of this shape."""
    return np.memmap(path, np.uint8, "r", shape=shape)


def _to_image(pixels: Pixels) -> Image.Image:
    """Convert (H, W, C) to an image of Pillow."""
    contiguous = np.ascontiguousarray(pixels)
    channels = contiguous.shape[2]
    return Image.fromarray(contiguous[..., 0] if channels == 1 else contiguous, _MODES[channels])


def _encode_png(pixels: Pixels, icc_profile: bytes | None) -> bytes:
    """Encode (H, W, C), or (H, W) as Pillow converts a grey image to an array."""
    image = _to_image(pixels if pixels.ndim == 3 else pixels[..., np.newaxis])
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1, icc_profile=icc_profile)  # 1: fast, larger files
    return file.getvalue()
