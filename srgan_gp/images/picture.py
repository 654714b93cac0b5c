"""`Picture`: an image with its alpha, ICC profile and metadata."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
"""An array whose shape and dtype the docstring states."""

_DTYPES = tuple(np.dtype(kind) for kind in (np.uint8, np.uint16, np.float32))


@dataclass(frozen=True, eq=False)
class Picture:
    """An image with its alpha, ICC profile and metadata; its orientation is applied.

    Raises:
        ValueError: `pixels` or `alpha` has another shape or dtype than stated below.
    """

    pixels: Array
    """(H, W, 3) RGB or (H, W, 1) grey; uint8, uint16, or float32 in [0, 1]."""

    alpha: Array | None = None
    """(H, W), dtype of `pixels`; the largest value is opaque. The colours are not premultiplied."""

    icc_profile: bytes | None = None
    """The ICC profile of `pixels`; without one they are sRGB."""

    exif: bytes | None = None
    """TIFF-structured EXIF without `Exif` prefix; `write_image` updates size and orientation."""

    xmp: bytes | None = None
    """The XMP packet of the file; `write_image` updates size and orientation."""

    dpi: tuple[float, float] | None = None
    """Horizontal and vertical resolution in dots per inch."""

    source_format: str | None = None
    """Format of the file that was read: PNG, JPEG, WEBP, TIFF, BMP, GIF or AVIF."""

    notes: tuple[str, ...] = ()
    """One sentence for each content of the file that was not kept, such as further frames."""

    def __post_init__(self) -> None:
        shape, dtype = self.pixels.shape, self.pixels.dtype
        if len(shape) != 3 or shape[2] not in (1, 3) or min(shape) < 1:
            raise ValueError(f"pixels must be (H, W, 3) or (H, W, 1) and not empty, got {shape}")
        if dtype not in _DTYPES:
            raise ValueError(f"pixels must be uint8, uint16 or float32, got {dtype}")
        if self.alpha is not None and (self.alpha.shape != shape[:2] or self.alpha.dtype != dtype):
            raise ValueError(
                f"alpha must be {shape[:2]} {dtype}, got {self.alpha.shape} {self.alpha.dtype}"
            )

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
