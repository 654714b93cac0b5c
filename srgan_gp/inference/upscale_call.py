"""`UpscaleCall`: one call of an upscaler, with its tiles, progress and report.

A pass runs the network over the whole image, in tiles; the colour has one, varying alpha another.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from numbers import Real
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from srgan_gp.errors import Cancelled, ModelRefusedError, PictureError
from srgan_gp.images import Picture, mapped_arrays
from srgan_gp.images.codecs.growing_picture import GrowingPicture
from srgan_gp.inference.devices import FLOAT16
from srgan_gp.inference.face_enhancement.enhancer_interface import FaceEnhancerInterface
from srgan_gp.inference.face_enhancement.face_options import FaceResult
from srgan_gp.inference.pixel_values import check_pixels
from srgan_gp.inference.precision.half_runs import HalfRuns
from srgan_gp.inference.session_interface import CancelCount, SessionInterface
from srgan_gp.inference.tiling.alpha import fill_hidden_colours
from srgan_gp.inference.tiling.network_pass import NetworkPass, NetworkPassBatch
from srgan_gp.inference.tiling.tiles import Progress, run_tiled
from srgan_gp.inference.tiling.window_choice import TileChoice, choose_window
from srgan_gp.inference.upscale_report import UpscaleReport

Array = NDArray[Any]

OnStart = Callable[[GrowingPicture], None]
"""Called with the result when its computation begins, to encode its rows as they appear."""


class UpscaleCall:
    """One call: upscales pictures of one size, and keeps the figures for its report.

    Args:
        session: runs the model.
        cancels: number of cancellations; the call ends with `Cancelled` as soon as it changes.
        cancels_before: this number when the call began.
        pictures: one or more of one size; the network computes several as a batch.
        scale: scale factor; None means the network's own.
        tile: largest side of the tiles in input pixels; "auto" or a `TileLimit`: chosen by memory;
            None: the whole image.
        on_progress: called with (tiles done, number of tiles) over the passes of colour and alpha.
        folder: folder of the temporary files of a large image; None for the system's.
        on_start: for one picture only; not called if its alpha varies, or faces are enhanced.
        faces: enhances the faces in the results; None leaves them as they are.

    Raises:
        PictureError: the result would have no pixels.
        UsageError: `tile` is a number, and the model cannot be tiled.
        TypeError: `scale` or `tile` has another type than stated.
        ValueError: `scale` or `tile` is not positive.
    """

    def __init__(
        self,
        session: SessionInterface,
        cancels: CancelCount,
        cancels_before: int,
        pictures: Sequence[Picture],
        scale: float | None,
        tile: TileChoice,
        on_progress: Progress | None,
        folder: Path | None = None,
        on_start: OnStart | None = None,
        faces: FaceEnhancerInterface | None = None,
    ) -> None:
        self._started = time.monotonic()
        self._session, self._info = session, session.info
        self._cancels, self._cancels_before = cancels, cancels_before
        self._scale = session.info.scale if scale is None else scale
        if not isinstance(cast("object", self._scale), Real) or isinstance(self._scale, bool):
            raise TypeError(f"the scale must be a number, got {self._scale!r}")
        if not (math.isfinite(self._scale) and self._scale > 0):
            raise ValueError(f"need a finite scale above 0, got {self._scale}")
        self._pictures, self._size = pictures, pictures[0].pixels.shape[:2]
        height, width = (round(side * self._scale) for side in self._size)
        if height < 1 or width < 1:
            raise PictureError(
                "E_NO_PIXELS",
                f"the result would be {width} x {height} pixels; choose a larger scale",
            )
        self._result_size, self._padded_size = (height, width), self._info.padded_size(*self._size)
        self._chosen_window = choose_window(session, tile, *self._size)
        self._on_progress, self._folder, self._faces = on_progress, folder, faces
        self._on_start = None if faces else on_start  # Faces change rows after their computation.
        self._face_results: tuple[FaceResult, ...] | None = None
        self._half = HalfRuns(session) if session.precision == FLOAT16 else None
        self._tiles = self._tiles_of_earlier_passes = self._memory_errors = 0
        self._largest_window = 0, 0

    def upscale(self) -> list[Picture]:
        """Return the upscaled pictures; colour is computed first, then alpha if it is not constant.

        Raises:
            SrganGpError, ValueError: as for `upscaler.Upscaler.upscale`.
        """
        alphas = [picture.alpha for picture in self._pictures]
        is_flat = [alpha is None or alpha.min() == alpha.max() for alpha in alphas]
        self._passes = self._passes_left = 1 if all(is_flat) else 2
        try:
            colours = [picture.pixels for picture in self._pictures]
            varying_alphas = dict[int, Array]()  # by the index of the picture
            for index, alpha in enumerate(alphas):
                if alpha is None:
                    continue
                colours[index] = fill_hidden_colours(colours[index], alpha, self._folder)
                if is_flat[index]:
                    value = alpha.flat[0]
                    alphas[index] = mapped_arrays.full(self._result_size, value, self._folder)
                else:
                    varying_alphas[index] = alpha[..., np.newaxis]
            self._first_alpha = alphas[0]  # for `on_start`, which is called if no alpha varies
            pixels = self._run_pass(colours)
            if varying_alphas:
                upscaled_alphas = self._run_pass(list(varying_alphas.values()), is_alpha=True)
                for index, upscaled in zip(varying_alphas, upscaled_alphas, strict=True):
                    alphas[index] = upscaled[..., 0]
        except MemoryError as error:
            height, width = self._size
            raise PictureError(
                "E_OUT_OF_MEMORY",
                f"there is not enough memory to upscale {width} x {height} pixels; close other "
                "programs or crop the image",
            ) from error
        results = [
            replace(picture, pixels=large, alpha=alpha)
            for picture, large, alpha in zip(self._pictures, pixels, alphas, strict=True)
        ]
        if self._faces:
            self._face_results = ()
            for picture, result in zip(self._pictures, results, strict=True):
                self._face_results += self._faces.enhance(
                    picture, result, self._check_cancelled, self._folder
                )
        return results

    def _run_pass(self, images: Sequence[Array], *, is_alpha: bool = False) -> list[Array]:
        """Upscale images (H, W, C) to (H * scale, W * scale, C), same dtypes, as one batch.

        Args:
            images: of the size of the call, each as accepted by `check_pixels`. Grey is passed to
                the network as three equal channels, and the mean of the three results is returned.
            is_alpha: whether the values are alpha; transparent and opaque areas stay exactly so.
        """
        # Only a float16 model takes uint8, and only if `choose_precision` finds images of 8 bits.
        takes_uint8 = self._half is not None and self._half.choose_precision(images)
        scale, passes = self._info.scale, list[NetworkPass]()
        for pixels in images:
            check_pixels(pixels)
            passes.append(NetworkPass(
                pixels, scale, self._result_size, is_alpha=is_alpha, folder=self._folder,
                may_be_8_bit=takes_uint8, padding=self._info.padding,
            ))  # fmt: skip
        # The rows of the colour pass are final only if no pass over alpha follows.
        if self._on_start is not None and self._passes_left == 1 and not is_alpha:
            growing = GrowingPicture.of(self._pictures[0], passes[0].result, self._first_alpha)
            passes[0].progress = growing.progress
            self._on_start(growing)
        batch = passes[0] if len(passes) == 1 else NetworkPassBatch(passes)
        if self._info.overlap is None:  # The network needs the whole image at once.
            height, width = self._padded_size  # of the input, padded as the network requires
            upscaled = self._network(batch.cut((0, height), (0, width)))
            batch.store((0, height * scale), (0, width * scale), upscaled)
            self._report_progress(done=1, total=1)
        else:
            run_tiled(
                self._network,
                batch.cut,
                batch.store,
                size=self._padded_size,
                scale=scale,
                window=self._chosen_window,
                overlap=self._info.overlap,
                multiple=self._info.size_multiple,
                on_progress=self._report_progress,
            )
        self._passes_left -= 1
        self._tiles_of_earlier_passes = self._tiles
        return [each.finish(self._check_cancelled) for each in passes]

    def report(self) -> UpscaleReport:
        """Return the report of the call, with its warnings; called after `upscale`."""
        warnings = list(self._half.warnings()) if self._half else []
        if self._scale > self._info.scale:
            warnings.append(
                f"the model upscales x{self._info.scale}; the rest up to x{self._scale:g} is "
                "Lanczos resampling and adds no detail"
            )
        if not self._info.has_exact_tiles and self._tiles > self._passes:  # several in a pass
            advice = "which are approximate with this model; --tile none computes it at once"
            warnings.append(f"it was computed in {self._tiles} tiles, {advice}")
        if self._memory_errors:
            warnings.append(
                "memory ran out; smaller tiles were used, which does not change the result"
            )
        return UpscaleReport(
            model=self._info.name,
            fidelity=self._info.fidelity,
            provider=self._session.provider,
            device=self._session.device,
            precision=self._half.precision if self._half else self._session.precision,
            scale=self._scale,
            network_scale=self._info.scale,
            tiles=self._tiles,
            window=self._largest_window,
            seconds=time.monotonic() - self._started,
            warnings=tuple(warnings),
            faces=self._face_results,
        )

    def _network(self, window: Array) -> Array:
        """Run the network on a window (N, 3, h, w), and check the result."""
        self._check_cancelled()
        try:
            upscaled = self._half.run(window) if self._half else self._session.run(window)
        except MemoryError:
            self._memory_errors += 1
            raise
        self._check_cancelled()  # again: `cancel` may have been called too late to end the run
        count, channels, height, width = window.shape
        if upscaled.shape != (count, channels, height * self._info.scale, width * self._info.scale):
            raise ModelRefusedError(
                f"The model {self._info.name} has scale {self._info.scale} in its metadata, but "
                f"turns {window.shape} into {upscaled.shape}. Export it again."
            )
        if not np.isfinite(upscaled).all():
            raise PictureError(
                "E_MODEL_OUTPUT",
                f"the model {self._info.name} returned values that are not finite for this image",
            )
        self._tiles += 1
        self._largest_window = max(self._largest_window, (height, width), key=math.prod)
        return upscaled

    def _check_cancelled(self) -> None:
        if self._cancels.number != self._cancels_before:
            raise Cancelled(f"The run of {self._info.name} was cancelled.")

    def _report_progress(self, done: int, total: int) -> None:
        """Report the tiles of this pass over all passes, which have about as many tiles each."""
        if self._on_progress:
            earlier = self._tiles_of_earlier_passes
            self._on_progress(earlier + done, earlier + total * self._passes_left)
