"""`Upscaler`: upscales images and reports how."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan_gp.images import Picture, mapped_arrays
from srgan_gp.inference.session_interface import SessionInterface, describe_choice, require_task
from srgan_gp.inference.tiling.alpha import fill_hidden_colours
from srgan_gp.inference.tiling.memory_estimate import CPU_BUDGET
from srgan_gp.inference.tiling.tiles import Progress
from srgan_gp.inference.upscale_call import TileChoice, UpscaleCall, memory_for
from srgan_gp.inference.upscale_report import UpscaleReport

Array = NDArray[Any]

DEFAULT_MODEL = "photo-x4"


class Upscaler:
    """Enlarges pictures with one model; `Upscaler.load` makes one.

    Args:
        session: runs the model; a fake one does in tests.

    Raises:
        ModelRefusedError: the model is not for super-resolution.
    """

    report: UpscaleReport | None
    """About the last call that came to its end."""

    def __init__(self, session: SessionInterface) -> None:
        require_task(session, "super-resolution", "upscaling")
        self._session = session
        self._job: UpscaleCall | None = None
        self.report = None

    @classmethod
    def load(
        cls,
        model: str | Path = DEFAULT_MODEL,
        *,
        device: str = "auto",
        threads: int | None = None,
        fidelity: float | None = None,
    ) -> "Upscaler":
        """Load a model by its name, or your own `.onnx` by its path.

        Args:
            model: a name that `list_models` knows, or a path.
            device: `auto`, `cpu`, `cuda` or `cuda:N`.
            threads: CPU threads; None means one for each CPU this process may use.
            fidelity: between the model, 0, and the partner that its card names, 1; the weights of
                the two are averaged. None takes the model as it is.

        Raises:
            ModelRefusedError: the model is unknown, damaged or breaks the contract, or cannot be
                mixed with its partner.
            DeviceError: the GPU asked for cannot be used.
            UsageError: there is no such device or fidelity, or the model has no partner.
        """
        # Imported here, so that tests with a fake session do not need ONNX Runtime.
        from srgan_gp.inference.session import Session

        return cls(Session.open(model, device=device, threads=threads, fidelity=fidelity))

    def sharing(self) -> "Upscaler":
        """Give another upscaler over the same loaded model, for another thread.

        Each is used by one thread at a time; to cancel one ends the calls of all.
        """
        return Upscaler(self._session)

    def network_memory(self, height: int, width: int) -> int:
        """Estimate the bytes of main memory that a run takes, for a picture of this size."""
        if self._session.device != "cpu":
            return 0
        return min(height * width * self._session.info.bytes_per_pixel, CPU_BUDGET)

    @property
    def name(self) -> str:
        """Name of the model; of a mixture, both names and the fidelity."""
        return self._session.info.name

    @property
    def fidelity(self) -> float | None:
        """Share of the fidelity partner in the weights; None where none was asked for."""
        return self._session.info.fidelity

    @property
    def scale(self) -> int:
        """Enlargement of both sides by the model itself."""
        return self._session.info.scale

    @property
    def sha256(self) -> str:
        """SHA-256 of the ONNX bytes that run, in hex; a mixture of two models has its own."""
        return self._session.info.sha256

    @property
    def choice(self) -> str:
        """What runs on what, and why, in one line."""
        return describe_choice(self._session)

    def cancel(self) -> None:
        """End the call under way with `Cancelled`, an `Exception`; from any thread.

        The network stops at its next operation; a tile that begins at this very moment is run to
        its end. Without a call under way nothing happens. The upscaler can be used again.
        """
        job = self._job
        if job is not None:
            job.cancel()

    def upscale(
        self,
        pixels: Array,
        *,
        scale: float | None = None,
        tile: TileChoice = "auto",
        on_progress: Progress | None = None,
        scratch_folder: Path | None = None,
    ) -> Array:
        """Enlarge an RGB picture.

        Args:
            pixels: (H, W, 3), uint8, uint16, or float32 in [0, 1].
            scale: enlargement of both sides; None means the model's own. Any other one is reached
                by Lanczos resampling of the model's result.
            tile: side of the tiles in input pixels; None for the whole picture at once; "auto"
                chooses by the memory needed. The result does not depend on it.
            on_progress: called with (tiles done, tiles in all). What it raises ends the call.
            scratch_folder: a result of more than 256 MB lives in an unnamed temporary file here or,
                where this is None or full, in the system's temporary folder.

        Returns:
            (round(H * scale), round(W * scale), 3), dtype of `pixels`.

        Raises:
            PictureError: the result has no pixels or is not finite, or memory or the room for a
                temporary file does not suffice.
            ModelRefusedError: the model cannot take this size, or does not keep what it says.
            UsageError: `tile` is a number, and the model can only see whole pictures.
            ValueError: `pixels` is not as above, or `scale` or `tile` is not positive.
            Cancelled: `cancel` was called meanwhile.
        """
        if pixels.ndim != 3 or pixels.shape[2] != 3:
            raise ValueError(f"need pixels of shape (H, W, 3), got {pixels.shape}")
        size = pixels.shape[:2]
        job = UpscaleCall(self._session, size, scale, tile, 1, on_progress, scratch_folder)
        with self._under_way(job), memory_for(size):
            result = job.enlarge(pixels)
        self.report = job.report()
        return result

    def upscale_picture(
        self,
        picture: Picture,
        *,
        scale: float | None = None,
        tile: TileChoice = "auto",
        on_progress: Progress | None = None,
        scratch_folder: Path | None = None,
    ) -> Picture:
        """Enlarge a picture with everything it carries.

        Grey stays grey. Alpha goes through the model as well; colours that it hides do not bleed
        into visible ones, and what was fully opaque or transparent stays exactly so.

        Args:
            picture: any; profile, EXIF and the rest are carried over.
            scale: as for `upscale`.
            tile: as for `upscale`.
            on_progress: as for `upscale`; counts the tiles of colours and alpha together.
            scratch_folder: as for `upscale`; the folder of the file to be written is a good one.

        Raises:
            PictureError: as for `upscale`.
            ModelRefusedError: as for `upscale`.
            UsageError: as for `upscale`.
            Cancelled: as for `upscale`.
        """
        size, alpha = picture.pixels.shape[:2], picture.alpha
        if alpha is None or alpha.min() == alpha.max():
            passes = 1
        else:
            passes = 2
        job = UpscaleCall(self._session, size, scale, tile, passes, on_progress, scratch_folder)
        with self._under_way(job), memory_for(size):
            visible = picture.pixels
            if alpha is not None:
                visible = fill_hidden_colours(visible, alpha, scratch_folder)
            pixels = job.enlarge(visible)
            if alpha is not None and passes == 2:
                alpha = job.enlarge(alpha[..., np.newaxis], is_alpha=True)[..., 0]
            elif alpha is not None:
                alpha = mapped_arrays.full(pixels.shape[:2], alpha.flat[0], scratch_folder)
        self.report = job.report()
        return replace(picture, pixels=pixels, alpha=alpha)

    @contextmanager
    def _under_way(self, job: UpscaleCall) -> Generator[None]:
        self._job = job
        try:
            yield
        finally:
            self._job = None
