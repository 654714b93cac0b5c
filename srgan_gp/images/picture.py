"""`Picture`: an image with its alpha, ICC profile and metadata."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]  # each docstring says of which dtype
_DTYPES = tuple(np.dtype(kind) for kind in (np.uint8, np.uint16, np.float32))


@dataclass(frozen=True, eq=False)
class Picture:
    """One upright picture in memory.

    Raises:
        ValueError: shape or dtype of `pixels` or `alpha` is not as said below.
    """

    pixels: Array
    """(H, W, 3) RGB or (H, W, 1) grey; uint8, uint16, or float32 in [0, 1]."""

    alpha: Array | None = None
    """(H, W), dtype of `pixels`; the full value is opaque. The colours are not multiplied by it."""

    icc_profile: bytes | None = None
    """The ICC profile that gives `pixels` their meaning; without one they are sRGB."""

    exif: bytes | None = None
    """TIFF-structured EXIF without the `Exif` prefix, as in the file; `write_image` corrects it."""

    xmp: bytes | None = None
    """An XMP packet, as it was in the file; `write_image` corrects it."""

    dpi: tuple[float, float] | None = None
    """Horizontal and vertical resolution in dots per inch."""

    source_format: str | None = None
    """What it was read from: PNG, JPEG, WEBP, TIFF, BMP or GIF."""

    notes: tuple[str, ...] = ()
    """Sentences on what the file held and this object does not, such as further frames."""

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
        """Rows of pixels."""
        return self.pixels.shape[0]

    @property
    def width(self) -> int:
        """Pixels in a row."""
        return self.pixels.shape[1]
