"""`Picture`: an image with its alpha, ICC profile and metadata.

The other functions return advice for error messages about arrays that are not accepted.
"""

import dataclasses
from numbers import Real
from typing import TYPE_CHECKING, Any, NoReturn, cast

import numpy as np
from numpy.typing import DTypeLike, NDArray
from PIL import Image

Array = NDArray[Any]
"""An array whose shape and dtype are stated where it is used."""

MAX_DPI = 65_535  # the limit of JPEG
_FEWEST_COLUMNS = 16
"""A last axis of this size or more is taken for an image's width, a smaller one for channels."""
_LEAST_16_BIT = 512
"""Floats from this value on are 16-bit samples: resampling does not double those of 8 bits."""
_OTHER_NAMES = {
    "save": "call srgan_gp.write_image(picture, path)",
    "shape": "picture.pixels.shape is (H, W, 3) or (H, W, 1)",
    "size": "picture.width and picture.height are in pixels",
    "dtype": "it is picture.pixels.dtype",
    "__array_interface__": "pass np.asarray(picture) to Image.fromarray",
    "show": "Image.fromarray(np.asarray(picture)) is an image of Pillow",
}
"""Attributes of Pillow images and arrays, and what a picture has in their place."""
_DTYPES = tuple(np.dtype(kind) for kind in (np.uint8, np.uint16, np.float32))


def layout_hint(shape: tuple[int, ...]) -> str:
    """Return advice on the shape of an array that is not (H, W, C); "" if there is none.

    The advice continues a message, so it starts with a semicolon; `dtype_hint` does the same.

    >>> layout_hint((1, 480, 640))
    '; transpose it to (H, W, 1): image.transpose(1, 2, 0)'
    """
    if 0 in shape:
        return "; it is empty"
    if len(shape) not in (3, 4):
        return "; pass image[..., np.newaxis]" if len(shape) == 2 else ""
    name, axes, order, stack_advice = "image", "H, W", "1, 2, 0", ""
    if len(shape) == 4:
        name, axes, order = "images", "N, H, W", "0, 2, 3, 1"
        stack_advice = "; pass one image, such as images[0]"
    elif shape[2] >= _FEWEST_COLUMNS:
        stack_advice = "; for a stack of grey images (N, H, W) pass stack[..., None]"
    transpose_advice, first, last = "", shape[-3], shape[-1]
    if first in (1, 3, 4) and last > 4:  # The channels come first, as in torch.
        transpose_advice = f"; transpose it to ({axes}, {first}): {name}.transpose({order})"
    if 4 < last < _FEWEST_COLUMNS:
        alternative = transpose_advice.replace(";", " or, if the channels come first,")
        return f"; of {last} channels keep those of the colours: {name}[..., :3]{alternative}"
    if len(shape) == 3 and first > 1:  # One image or several grey ones: both can be meant.
        return transpose_advice + stack_advice
    return transpose_advice or stack_advice


def range_advice(low: float, high: float) -> tuple[str, str]:
    """Return advice on an array `image` of floats that are not all in [0, 1].

    The usual ranges are recognised: 0 to 255, 0 to 65535, -1 to 1, and 0 to 1, each with small
    errors of rounding or resampling.

    Args:
        low: smallest value of the array.
        high: largest value of the array.

    Returns:
        The advice, and the Python expression that follows it; both "" if the range is no such one.

    >>> range_advice(-3.5, 261.0)
    ('clip values of 0 to 255 and divide by 255', 'np.clip(image, 0, 255) / 255')
    >>> range_advice(-2.1, 2.6)  # normalised by mean and deviation
    ('', '')
    """
    if low >= 0 and 2 <= high <= 255.5:  # 255 with an error of rounding
        return "divide by 255", "image / 255"
    if low >= 0 and _LEAST_16_BIT <= high <= 65535.5:
        return "divide values of 16 bits by 65535", "image / 65535"
    if low >= -255 and 128 <= high < _LEAST_16_BIT:  # overshoots of resampling
        return "clip values of 0 to 255 and divide by 255", "np.clip(image, 0, 255) / 255"
    if -1.1 <= low <= -0.5 and high <= 1.1:
        return "scale values of -1 to 1", "(image + 1) / 2"
    if low > -0.5 and high < 2:
        return "clip the values", "np.clip(image, 0, 1)"
    return "", ""


def range_message(low: float, high: float) -> str:
    """Return the error message about a float32 array `image` whose values are not all in [0, 1].

    Args: as for `range_advice`.

    >>> range_message(np.float32(0), np.float32(1.000001))
    'need float32 in [0, 1], got 0 to 1.000001; clip the values: np.clip(image, 0, 1)'
    """
    advice, expression = range_advice(low, high)
    hint = f"; {advice}: {expression}" if advice else ""
    # `str` of a float32 has only the digits that identify it; a float64 would show more.
    smallest = f"{float(str(np.float32(low))):.9g}"
    largest = f"{float(str(np.float32(high))):.9g}"
    return f"need float32 in [0, 1], got {smallest} to {largest}{hint}"


def dtype_hint(array: Array) -> str:
    """Return advice on an array whose dtype is not uint8, uint16 or float32; "" if there is none.

    >>> dtype_hint(np.array([0.0, 255.0]))
    '; divide by 255 and convert it: (image / 255).astype(np.float32)'
    """
    dtype = array.dtype
    native = dtype.newbyteorder("=")
    if native in _DTYPES:
        return f"; convert the byte order with image.astype(np.{native.name})"
    # The kinds are f: float, i and u: signed and unsigned integer, b: bool, O: object, U: text.
    is_number = dtype.kind in "fiu" and array.size > 0
    low, high = (array.min(), array.max()) if is_number else (0, 0)
    if dtype.kind == "f":
        advice, expression = range_advice(low, high)
        if advice and not 0 <= low <= high <= 1:  # else the range is valid
            if not expression.endswith(")"):  # A quotient needs brackets before `.astype`.
                expression = f"({expression})"
            return f"; {advice} and convert it: {expression}.astype(np.float32)"
        return "; convert values of 0 to 1 with image.astype(np.float32)"
    if dtype.kind in "iu" and low >= 0 and 255 < high <= 65535:
        return "; convert values of 0 to 65535 with image.astype(np.uint16)"
    if dtype.kind in "iu":
        return "; convert values of 0 to 255 with image.astype(np.uint8)"
    if dtype.kind == "b":
        return "; convert it with image.astype(np.uint8) * 255"
    return "; pass images of several sizes, and paths, as a list" if dtype.kind in "OU" else ""


@dataclasses.dataclass(frozen=True, eq=False)
class Picture:
    """An image with its alpha, ICC profile and metadata; the EXIF orientation is applied.

    `read_image` reads a picture, `write_image` writes it, and `np.asarray(picture)` joins pixels
    and alpha. A notebook shows it as an image.

    Example:
        >>> pixels = np.zeros((4, 6, 3), np.uint8)
        >>> Picture(pixels, alpha=np.full((4, 6), 255, np.uint8))
        <Picture 6 x 4, RGB with alpha, uint8>
        >>> changed = dataclasses.replace(Picture(pixels), dpi=(300, 300), exif=None)

    Attributes:
        pixels: (H, W, 3) RGB or (H, W, 1) grey; uint8, uint16, or float32 in [0, 1].
        alpha: (H, W), dtype of `pixels`; 255, 65535 or 1.0 is opaque. The colours are not
            premultiplied.
        icc_profile: the ICC profile of `pixels`; None means that `pixels` are sRGB.
        exif: TIFF-structured EXIF; the prefix `Exif` is removed, and an `Image.Exif` of Pillow
            becomes bytes. `write_image` updates size and orientation.
        xmp: the XMP packet of the file; `write_image` updates size and orientation.
        dpi: horizontal and vertical resolution in dots per inch, above 0 and at most 65535.
        source_format: PNG, JPEG, WEBP, TIFF, BMP, GIF, AVIF or HEIF if a file was read, else None.
        notes: one sentence for each content of the file that was not kept, such as further frames.

    Raises:
        TypeError: a field has another type than stated.
        ValueError: `pixels` or `alpha` has another shape or dtype, or `dpi` is out of range.
    """

    pixels: Array
    alpha: Array | None = None
    icc_profile: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    dpi: tuple[float, float] | None = None
    source_format: str | None = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, array in (("pixels", self.pixels), ("alpha", self.alpha)):
            if not (isinstance(array, np.ndarray) or (name == "alpha" and array is None)):
                raise TypeError(f"{name} must be a numpy array, got {type(array).__name__}")
        if isinstance(exif := self.exif, Image.Exif):
            exif = exif.tobytes()
        if isinstance(exif, bytes):
            object.__setattr__(self, "exif", exif.removeprefix(b"Exif\0\0"))  # frozen
        for name in ("icc_profile", "exif", "xmp"):
            if not isinstance(block := getattr(self, name), bytes | None):
                raise TypeError(f"{name} must be bytes, got {type(block).__name__}")
        if (dpi := cast("Any", self.dpi)) is not None:  # Any: the type may not be as declared
            values = cast("tuple[Any, ...]", dpi) if isinstance(dpi, tuple | list) else ()
            if len(values) != 2 or not all(isinstance(value, Real) for value in values):
                raise TypeError(f"dpi must be two numbers, such as (300, 300), got {dpi!r}")
            if not all(0 < value <= MAX_DPI for value in values):
                raise ValueError(f"dpi must be above 0 and at most {MAX_DPI}, got {dpi!r}")
        shape, dtype = self.pixels.shape, self.pixels.dtype
        if len(shape) != 3 or shape[2] not in (1, 3) or min(shape) < 1:
            # Without a `layout_hint`, three axes are (H, W, 2 or 4).
            alpha_advice = "; pass Picture(image[..., :-1], alpha=image[..., -1])"
            hint = layout_hint(shape) or (alpha_advice if len(shape) == 3 else "")
            raise ValueError(f"pixels must be (H, W, 3) or (H, W, 1), got {shape}{hint}")
        if dtype not in _DTYPES:
            raise ValueError(
                f"pixels must be uint8, uint16 or float32, got {dtype}{dtype_hint(self.pixels)}"
            )
        if self.alpha is not None and (self.alpha.shape != shape[:2] or self.alpha.dtype != dtype):
            raise ValueError(
                f"alpha must be {shape[:2]} {dtype}, got {self.alpha.shape} {self.alpha.dtype}"
            )

    def __repr__(self) -> str:
        colours = "RGB" if self.pixels.shape[2] == 3 else "grey"
        alpha = "" if self.alpha is None else " with alpha"
        dtype, size = self.pixels.dtype, f"{self.width} x {self.height}"
        origin = f", from {self.source_format}" if self.source_format else ""
        return f"<Picture {size}, {colours}{alpha}, {dtype}{origin}>"

    if not TYPE_CHECKING:  # A type checker would accept any name.

        def __getattr__(self, name: str) -> NoReturn:
            advice = f"; {_OTHER_NAMES[name]}" if name in _OTHER_NAMES else ""
            raise AttributeError(f"a Picture has no attribute {name!r}{advice}")

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> Array:
        """Return (H, W) grey or (H, W, C) for numpy; alpha is the last channel."""
        from srgan_gp.images.picture_conversion import to_array  # it imports this module

        array = to_array(self)
        array = array[..., 0] if array.shape[2] == 1 else array
        return np.array(array, dtype, copy=copy)

    def _repr_png_(self) -> bytes:
        """Return a PNG file for notebooks, of at most 1024 pixels a side."""
        from srgan_gp.images.writing import encode_preview

        return encode_preview(self)

    @property
    def height(self) -> int:
        """Number of rows."""
        return self.pixels.shape[0]

    @property
    def width(self) -> int:
        """Number of columns."""
        return self.pixels.shape[1]

    @property
    def channels(self) -> int:
        """Number of channels including alpha, from 1 to 4."""
        return self.pixels.shape[2] + (self.alpha is not None)
