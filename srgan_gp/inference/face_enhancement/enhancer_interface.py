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
        """Return strength, model and detector, for the journal of a run (`batch.results.work`)."""
        ...

    def cancel(self) -> None:
        """End the run of the model."""
        ...

    def enhance(
        self,
        picture: Picture,
        result: Picture,
        check_cancelled: Callable[[], None] = ...,
        folder: Path | None = None,
    ) -> tuple[FaceResult, ...]:
        """Enhance the faces in the result of a picture, in place."""
        ...
