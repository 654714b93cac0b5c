"""`HalfRuns`: runs a network in float16 (half precision), or in float32 if that is not enough.

A pass runs the network over all windows of the colour or the alpha of some images. A window is the
part of an image that the network computes in one run.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan_gp.inference.devices import FLOAT16
from srgan_gp.inference.pixel_values import quantise
from srgan_gp.inference.runtime_types import Float16OverflowError
from srgan_gp.inference.session_interface import SessionInterface

Array = NDArray[Any]


class HalfRuns:
    """Runs windows in float16, and counts the windows that had to be computed in float32.

    Args:
        session: a session of precision float16.
    """

    def __init__(self, session: SessionInterface) -> None:
        self._session = session
        self._overflows = 0
        self.float16_suffices = True
        """Whether float16 is precise enough for the pass, because its images have 8 bits."""

    @property
    def precision(self) -> str:
        """Precision chosen for the last pass, for the report; `warnings` adds the overflows."""
        return FLOAT16 if self.float16_suffices else "float32"

    def choose_precision(self, images: Sequence[Array]) -> bool:
        """Choose the precision of a pass: float16 is too coarse for images of more than 8 bits.

        Args:
            images: the images of the pass.

        Returns:
            `float16_suffices`; if it is true, windows may be uint8.
        """
        self.float16_suffices = all(image.dtype == np.uint8 for image in images)
        return self.float16_suffices

    def run(self, window: Array) -> Array:
        """Run the network on a window.

        Args:
            window: (N, 3, h, w), float32 in [0, 1], or uint8 if `float16_suffices`.

        Returns:
            (N, 3, h * scale, w * scale), of the dtype of `window`. If the values are not finite in
            float32 either, the result is float32, also for a uint8 window.

        Raises:
            MemoryError, SrganGpError: as for `session.Session.run`.
        """
        if self.float16_suffices:
            try:
                return self._session.run_half(window)
            except Float16OverflowError:
                self._overflows += 1  # reported by `self.warnings`
        if window.dtype != np.uint8:
            return self._session.run(window)
        upscaled = self._session.run(np.divide(window, 255, dtype=np.float32))
        if not np.isfinite(upscaled).all():
            return upscaled  # The caller refuses values that are not finite.
        return quantise(upscaled, window.dtype)

    def warnings(self) -> Iterator[str]:
        """Yield a warning for each reason why float32 was used instead of float16."""
        if not self.float16_suffices:
            yield "its values have more than 8 bits, so it was computed in float32"
        if self._overflows:
            # To users a window is a tile.
            yield f"float16 overflowed in {self._overflows} tiles, which were computed in float32"
