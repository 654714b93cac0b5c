"""`EarlyEncoding`: encodes the rows of a result while the network computes the next ones.

The result is a `GrowingPicture`: an image that the network fills from top to bottom. The encoder
runs in a thread of its own and waits for rows that are not computed yet. It writes a staged file: a
complete file under a hidden name, which `batch.plan_runner` renames later.
"""

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import BinaryIO

from srgan_gp.batch.engines.engine_interface import UpscaleSettings
from srgan_gp.images import Picture, encode_image
from srgan_gp.images.codecs.growing_picture import GrowingPicture
from srgan_gp.images.formats import FORMATS
from srgan_gp.system.files import Staged, remove_staged, write_staged

EARLY_SUFFIXES = frozenset(
    suffix for format in FORMATS.values() if format.reads_rows for suffix in format.suffixes
)
"""Suffixes of the formats that are encoded row by row, such as `.png`; in lower case."""

EncodedFile = tuple[Staged, tuple[str, ...]]
"""A staged file, and the warnings of its encoder."""


class EarlyEncoding:
    """Encodes one result while it is computed. Call `run` once, then `finish` once.

    Args:
        target: path of the result, for `write_staged`; its suffix is one of `EARLY_SUFFIXES`.
        settings: options of the run.
    """

    def __init__(self, target: Path, settings: UpscaleSettings) -> None:
        self._target, self._settings = target, settings
        self._thread: threading.Thread | None = None
        self._growing_result: GrowingPicture | None = None
        self._encoded: EncodedFile | None = None
        self._error: BaseException | None = None

    def run(
        self,
        upscale: Callable[..., Picture],
        picture: Picture,
        on_tiles: Callable[[int, int], None] | None,
    ) -> Picture:
        """Upscale an image, and encode the rows of the result that are computed already.

        Args:
            upscale: `Upscaler.upscale_picture` with all options but the callbacks `on_progress` and
                `on_start`, which are passed here.
            picture: the image to upscale.
            on_tiles: called after each tile with (tiles done, tiles in all).

        Returns:
            The complete result. Pass it to `finish`, which returns the file.

        Raises:
            SrganGpError: as for `upscaler.Upscaler.upscale_picture`.
            BaseException: an error of the encoding thread, which stops the network.
        """

        def on_progress(done: int, total: int) -> None:
            self._raise_encoding_error()  # An error raised here stops the network.
            if on_tiles is not None:
                on_tiles(done, total)

        try:
            return upscale(picture, on_progress=on_progress, on_start=self._start_encoding)
        except BaseException:
            self._cancel()
            raise

    def finish(self, result: Picture) -> EncodedFile:
        """Wait for the end of the encoding, and return the staged file and the warnings.

        Args:
            result: return value of `run`. It is encoded here if `upscale` did not start the
                encoding, as for an image with varying alpha.

        Raises:
            PictureError: as for `encode_image`.
            OutputError: the file cannot be written.
        """
        if self._thread is None:
            return self._write_file(result)
        self._thread.join()
        self._raise_encoding_error()
        assert self._encoded is not None  # There was no error.
        return self._encoded

    def _start_encoding(self, growing_result: GrowingPicture) -> None:
        """Start the thread; `upscale_picture` calls this before it computes the first row."""
        self._growing_result = growing_result
        # A daemon, so that a thread that cannot be interrupted does not block the exit.
        self._thread = threading.Thread(target=self._encode, name="encode", daemon=True)
        self._thread.start()

    def _raise_encoding_error(self) -> None:
        """Raise the error of the encoding thread, if it has failed."""
        if self._error is not None:
            raise self._error

    def _cancel(self) -> None:
        """End the encoding after an error of `upscale`, and remove the staged file."""
        if self._growing_result is not None and self._thread is not None:
            self._growing_result.progress.cancel()  # raises `Cancelled` where the encoder waits
            self._thread.join()
        if self._encoded is not None:
            staged, _warnings = self._encoded
            remove_staged(staged)

    def _encode(self) -> None:
        """Body of the thread: store the staged file, or the error, for the thread of `run`."""
        assert self._growing_result is not None  # `_start_encoding` sets it.
        try:
            self._encoded = self._write_file(self._growing_result)
        except BaseException as error:
            self._error = error

    def _write_file(self, picture: Picture) -> EncodedFile:
        """Encode an image into a staged file; the image may be a `GrowingPicture`."""
        write: Callable[[BinaryIO], tuple[str, ...]] = partial(
            encode_image,
            picture,
            format=self._target.suffix,
            quality=self._settings.quality,
            strip_metadata=self._settings.strip_metadata,
        )
        return write_staged(self._target, write)
