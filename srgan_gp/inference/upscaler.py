"""`Upscaler`: upscales RGB arrays and `Picture`s, reports progress, can be cancelled."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srgan_gp.errors import PictureError
from srgan_gp.images import Picture, mapped_arrays
from srgan_gp.inference.session_interface import SessionInterface, describe_choice, require_task
from srgan_gp.inference.tiling.alpha import fill_hidden_colours
from srgan_gp.inference.tiling.memory_estimate import CPU_BUDGET
from srgan_gp.inference.tiling.tiles import Progress
from srgan_gp.inference.upscale_call import TileChoice, UpscaleCall
from srgan_gp.inference.upscale_report import UpscaleReport

Array = NDArray[Any]

DEFAULT_MODEL = "photo-x4"


class Upscaler:
    """Upscales images with one model. `Upscaler.load` opens a model by name or path.

    Args:
        session: runs the model.

    Raises:
        ModelRefusedError: the model is not for super-resolution.
    """

    report: UpscaleReport | None
    """Report of the last completed call; None before the first."""

    def __init__(self, session: SessionInterface) -> None:
        require_task(session, "super-resolution", "upscaling")
        self._session = session
        self._call: UpscaleCall | None = None
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
        """Load a model by its name, or any `.onnx` file by its path.

        Args:
            model: a name that `list_models` knows, or a path.
            device: `auto`, `cpu`, `cuda` or `cuda:N`.
            threads: CPU threads; None means one for each CPU this process may use.
            fidelity: weight, 0 to 1, of the partner that the model's card names; the weights of the
                two networks are averaged. None runs the model as it is.

        Raises:
            ModelRefusedError: the model is unknown or damaged, has other inputs or outputs than
                needed, or cannot be averaged with its partner.
            DeviceError: the requested GPU cannot be used.
            UsageError: `device` is unknown, `fidelity` or `threads` is out of range, or the model
                has no fidelity partner.
        """
        # Imported here, so that tests with a fake session need no ONNX Runtime.
        from srgan_gp.inference.session import Session

        return cls(Session.open(model, device=device, threads=threads, fidelity=fidelity))

    def sharing(self) -> "Upscaler":
        """Return another upscaler of the same loaded model, for use by another thread.

        An upscaler runs one call at a time. `cancel` of one ends the calls of all that share the
        model.
        """
        return Upscaler(self._session)

    def network_memory(self, height: int, width: int) -> int:
        """Estimate the bytes of main memory that the network needs for an image of this size."""
        if self._session.device != "cpu":
            return 0
        return min(height * width * self._session.info.bytes_per_pixel, CPU_BUDGET)

    @property
    def name(self) -> str:
        """Name of the model; for an average of two, both names and the fidelity."""
        return self._session.info.name

    @property
    def fidelity(self) -> float | None:
        """Weight of the fidelity partner, 0 to 1; None where the model runs as it is."""
        return self._session.info.fidelity

    @property
    def scale(self) -> int:
        """Scale factor of the network."""
        return self._session.info.scale

    @property
    def sha256(self) -> str:
        """SHA-256 of the ONNX bytes that run, in hex; an average of two models has its own."""
        return self._session.info.sha256

    @property
    def choice(self) -> str:
        """One line: model, device, provider, and why `auto` chose the device."""
        return describe_choice(self._session)

    def cancel(self) -> None:
        """End the current call with the exception `Cancelled`. Thread-safe.

        The network stops at its next operation; a tile that starts at the same moment is completed
        first. Without a call in progress nothing happens. The upscaler can be used again.
        """
        call = self._call
        if call is not None:
            call.cancel()

    def upscale(
        self,
        pixels: Array,
        *,
        scale: float | None = None,
        tile: TileChoice = "auto",
        on_progress: Progress | None = None,
        scratch_folder: Path | None = None,
    ) -> Array:
        """Upscale an RGB image.

        Args:
            pixels: (H, W, 3), uint8, uint16, or float32 in [0, 1].
            scale: scale factor; None means the network's own. Other factors are reached by Lanczos
                resampling of the network's result.
            tile: side of the tiles in input pixels; None for the whole image at once; "auto"
                chooses by the memory needed. The result does not depend on it.
            on_progress: called with (tiles done, number of tiles). An exception in it ends the
                call.
            scratch_folder: folder of the unnamed temporary file that holds a result of more than
                256 MB; where it is None or full, the system's temporary folder is used.

        Returns:
            (round(H * scale), round(W * scale), 3), dtype of `pixels`.

        Raises:
            PictureError: the result has no pixels or is not finite, or there is not enough memory
                or disk space.
            ModelRefusedError: the model does not accept this size, or its result has another size
                than its metadata states.
            UsageError: `tile` is a number, and the model cannot be tiled.
            ValueError: `pixels` is not as above, or `scale` or `tile` is not positive.
            Cancelled: `cancel` was called during the call.
        """
        if pixels.ndim != 3 or pixels.shape[2] != 3:
            raise ValueError(f"need pixels of shape (H, W, 3), got {pixels.shape}")
        size = pixels.shape[:2]
        call = UpscaleCall(self._session, size, scale, tile, 1, on_progress, scratch_folder)
        with self._running(call):
            result = call.upscale(pixels)
        self.report = call.report()
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
        """Upscale a picture: colour or grey, alpha, and metadata.

        Grey stays grey. Alpha is upscaled by the network as well. Colours of fully transparent
        pixels do not affect visible ones, and areas that are fully opaque or fully transparent stay
        exactly so.

        Args:
            picture: ICC profile, EXIF and other metadata are copied to the result.
            scale: as for `upscale`.
            tile: as for `upscale`.
            on_progress: as for `upscale`; counts the tiles of colour and alpha together.
            scratch_folder: as for `upscale`; the folder of the output file is a good choice.

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
        call = UpscaleCall(self._session, size, scale, tile, passes, on_progress, scratch_folder)
        with self._running(call):
            visible = picture.pixels
            if alpha is not None:
                visible = fill_hidden_colours(visible, alpha, scratch_folder)
            pixels = call.upscale(visible)
            if alpha is not None and passes == 2:
                alpha = call.upscale(alpha[..., np.newaxis], is_alpha=True)[..., 0]
            elif alpha is not None:
                alpha = mapped_arrays.full(pixels.shape[:2], alpha.flat[0], scratch_folder)
        self.report = call.report()
        return replace(picture, pixels=pixels, alpha=alpha)

    @contextmanager
    def _running(self, call: UpscaleCall) -> Generator[None]:
        """Make `call` the one that `cancel` ends, and convert a MemoryError."""
        self._call = call
        try:
            yield
        except MemoryError as error:
            height, width = call.size
            raise PictureError(
                "E_OUT_OF_MEMORY",
                f"there is not enough memory to upscale {width} x {height} pixels; close other "
                "programs or crop the image",
            ) from error
        finally:
            self._call = None
