"""Views of a result beside its input: tiles of any zoom level, in full resolution, on demand.

The pixels are stored uncompressed, so that a tile is read without decoding the image.
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
from srgan_gp.system.write_errors import errors_about

Pixels = NDArray[np.uint8]
Layer = Literal["before", "after"]

TILE = 512
"""Side of a tile in pixels."""

_MAX_SMALLEST = 512  # side of the smallest level in pixels
_BAND_VALUES = 1 << 24  # values that are converted at a time
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


@dataclass(frozen=True)
class ImageView:
    """A result and its input, enlarged bicubically to the same size, as tiles."""

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
    """Column and row of the result with many details around them."""
    icc_profile: bytes | None = None

    def facts(self) -> dict[str, Any]:
        """Describe the view for the page; JSON-serialisable."""
        return {"size": self.size, "levels": self.levels, "tile": TILE, "detail": self.detail}

    def level_size(self, level: int) -> tuple[int, int]:
        """Return width and height of a level in pixels."""
        return max(self.size[0] >> level, 1), max(self.size[1] >> level, 1)

    def tile(self, layer: Layer, level: int, column: int, row: int) -> bytes | None:
        """Return a tile as a PNG file; None: it is outside of the image.

        The result is averaged over blocks of 2^level pixels. Level 0 has its very pixels, in 8
        bits. The input is resized by Pillow's bicubic filter, as a whole image would be.
        """
        if not 0 <= level < self.levels:
            return None
        width, height = self.level_size(level)
        left, top = column * TILE, row * TILE
        if not (0 <= left < width and 0 <= top < height):
            return None
        box = left, top, min(left + TILE, width), min(top + TILE, height)
        pixels = self._after(level, box) if layer == "after" else self._before(level, box)
        return _png(pixels, self.icc_profile)

    def thumbnail(self, side: int) -> bytes:
        """Return the result as a PNG file of at most `side` x `side` pixels."""
        width, height = self.level_size(self.levels - 1)
        image = _image(self._after(self.levels - 1, (0, 0, width, height)))
        image.thumbnail((side, side))
        return _png(np.asarray(image), self.icc_profile)

    def _after(self, level: int, box: tuple[int, int, int, int]) -> Pixels:
        """Return a part of the result; the box is left, top, right and bottom in the level."""
        left, top, right, bottom = box
        width, height = self.level_size(level)
        pixels = _mapped(self.folder / f"after-{level}", (height, width, self.channels[0]))
        return pixels[top:bottom, left:right]

    def _before(self, level: int, box: tuple[int, int, int, int]) -> Pixels:
        """Resize the part of the input that a box of a level shows; the box is as for `_after`."""
        width, height = self.before_size
        pixels = _mapped(self.folder / "before", (height, width, self.channels[1]))
        steps = [  # pixels of the input for a pixel of the level, across and down
            own / side * 2**level for own, side in zip(self.before_size, self.size, strict=True)
        ]
        exact = [edge * steps[number % 2] for number, edge in enumerate(box)]
        # Rounding may exceed the sides by a fraction of a pixel, which Pillow refuses.
        exact[2], exact[3] = min(exact[2], width), min(exact[3], height)
        # The filter reaches two pixels of the smaller of both images beyond the box.
        margins = [int(2 * max(step, 1)) + 2 for step in steps]
        left, top = (max(int(exact[axis]) - margins[axis], 0) for axis in (0, 1))
        part = pixels[top : int(exact[3]) + margins[1] + 1, left : int(exact[2]) + margins[0] + 1]
        inner = exact[0] - left, exact[1] - top, exact[2] - left, exact[3] - top
        size = box[2] - box[0], box[3] - box[1]
        bicubic = _image(part).resize(size, Image.Resampling.BICUBIC, box=inner)
        return np.asarray(bicubic)


def small_copy(path: Path, side: int) -> bytes | None:
    """Return the first frame of a file that this server wrote, as a PNG file.

    Args:
        path: an image.
        side: maximum width and height of the copy in pixels.

    Returns:
        The PNG file; None: the file has expired.
    """
    try:
        with Image.open(path) as image, io.BytesIO() as file:
            image.draft("RGB", (side, side))  # a JPEG is decoded at a smaller size, faster
            copy = image.convert("RGBA" if image.has_transparency_data else "RGB")
            copy.thumbnail((side, side))
            copy.save(file, "PNG", compress_level=1)
            return file.getvalue()
    except FileNotFoundError:
        return None


def write_view(original: Picture, result: Picture, folder: Path) -> ImageView:
    """Write the pixels of a view.

    Args:
        original: input image, or its region.
        result: the same, upscaled.
        folder: existing directory; the view gets its own one below it.

    Raises:
        OutputError: a file cannot be written.
    """
    folder = folder / "view"
    with errors_about(folder):
        folder.mkdir()
        _write(folder / "before", _bands(original))
        _write(folder / "after-0", _bands(result))
        width, height, levels = result.width, result.height, 1
        level = _mapped(folder / "after-0", (height, width, result.channels))
        while max(width, height) > _MAX_SMALLEST:
            width, height = max(width // 2, 1), max(height // 2, 1)
            _write(folder / f"after-{levels}", _halved(level))
            level = _mapped(folder / f"after-{levels}", (height, width, result.channels))
            levels += 1
    return ImageView(
        folder=folder,
        size=(result.width, result.height),
        before_size=(original.width, original.height),
        channels=(result.channels, original.channels),
        levels=levels,
        detail=_detail(level, (result.width, result.height)),
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
    """Yield the averages of blocks of 2 x 2 pixels; a side of one pixel is kept."""
    height, width, channels = level.shape
    down, across = min(height, 2), min(width, 2)
    rows = max(_BAND_VALUES // (width * channels * down), 1) * down
    for top in range(0, height // down * down, rows):
        band = level[top : min(top + rows, height // down * down), : width // across * across]
        shape = band.shape[0] // down, down, band.shape[1] // across, across, channels
        yield np.rint(band.reshape(shape).mean((1, 3), dtype=np.float32)).astype(np.uint8)


def _detail(level: Pixels, size: tuple[int, int]) -> tuple[int, int]:
    """Find a place with many details: the largest mean gradient of the smallest level.

    Args:
        level: the smallest level.
        size: width and height of the result.

    Returns:
        Column and row in the result.
    """
    grey = level[..., : min(level.shape[2], 3)].mean(2, dtype=np.float32)
    if min(grey.shape) < 3:
        return size[0] // 2, size[1] // 2
    rows, columns = np.gradient(grey)
    share = max(min(grey.shape) // 8, 1)
    strength = (np.abs(rows) + np.abs(columns))[: grey.shape[0] // share * share,
                                                : grey.shape[1] // share * share]  # fmt: skip
    blocks = strength.reshape(strength.shape[0] // share, share, -1, share).mean((1, 3))
    row, column = np.unravel_index(int(blocks.argmax()), blocks.shape)
    x, y = ((place + 0.5) * share for place in (int(column), int(row)))
    return round(x * size[0] / grey.shape[1]), round(y * size[1] / grey.shape[0])


def _write(path: Path, bands: Iterator[Pixels]) -> None:
    with atomic_write(path) as file:
        for band in bands:
            file.write(np.ascontiguousarray(band).data)


def _mapped(path: Path, shape: tuple[int, int, int]) -> Pixels:
    return np.memmap(path, np.uint8, "r", shape=shape)


def _image(pixels: Pixels) -> Image.Image:
    plain = np.ascontiguousarray(pixels)
    channels = plain.shape[2]
    return Image.fromarray(plain[..., 0] if channels == 1 else plain, _MODES[channels])


def _png(pixels: Pixels, icc_profile: bytes | None) -> bytes:
    """Encode (H, W, C), or (H, W) as Pillow converts a grey image to an array."""
    image = _image(pixels if pixels.ndim == 3 else pixels[..., np.newaxis])
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1, icc_profile=icc_profile)
    return file.getvalue()
