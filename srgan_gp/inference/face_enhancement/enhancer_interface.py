"""Interface of the enhancement of faces that `Upscaler` uses.

This module imports only what an upscaler without faces needs too; `face_enhancer` imports more.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from srgan_gp.images import Picture
from srgan_gp.inference.face_enhancement.face_options import FaceResult


class FaceEnhancerInterface(Protocol):
    """Interface that `Upscaler` needs; `face_enhancer.FaceEnhancer` implements and describes it."""

    def sharing(self) -> "FaceEnhancerInterface":
        """Return another enhancer with the same networks, for use by another thread."""
        ...

    def work_options(self) -> dict[str, object]:
        """Return strength, model and detector, by name, as values for JSON.

        A run keeps them in its journal, to recognise results that are up to date.
        """
        ...

    def cancel(self) -> None:
        """End the call of `enhance` in another thread soon; it then raises `Cancelled`."""
        ...

    def enhance(
        self,
        picture: Picture,
        result: Picture,
        check_cancelled: Callable[[], None] = ...,
        folder: Path | None = None,
    ) -> tuple[FaceResult, ...]:
        """Enhance the faces in a result, in place.

        Args:
            picture: the photo.
            result: the same photo upscaled; its pixels are changed.
            check_cancelled: called between the steps; an exception in it ends the call.
            folder: folder of a temporary file for a large photo; None: the system's.

        Returns:
            What was done to each face.
        """
        ...
