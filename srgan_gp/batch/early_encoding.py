"""`EarlyEncoding`: encodes the rows of a result while the network computes the next ones."""

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import BinaryIO

from srgan_gp.batch.engines.engine_interface import UpscaleSettings
from srgan_gp.images import Picture, encode_image
from srgan_gp.images.codecs.growing_picture import GrowingPicture
from srgan_gp.images.formats import FORMATS
from srgan_gp.system.files import Staged, drop, write_staged

EARLY_SUFFIXES = frozenset(
    suffix for row in FORMATS.values() if row.reads_rows for suffix in row.suffixes
)
"""Suffixes of the formats that are encoded row by row."""

Written = tuple[Staged, tuple[str, ...]]
"""A staged file, and the warnings of its encoder."""


class EarlyEncoding:
    """Encodes one result in a thread of its own, from the start of the network's last pass.

    Args:
        target: path of the result, for `write_staged`; its suffix is one of `EARLY_SUFFIXES`.
        settings: options of the run.
    """

    def __init__(self, target: Path, settings: UpscaleSettings) -> None:
        self._target, self._settings = target, settings
        self._thread: threading.Thread | None = None
        self._growing: GrowingPicture | None = None
        self._written: Written | None = None
        self._error: BaseException | None = None

    def run(
        self,
        upscale: Callable[..., Picture],
        content: Picture,
        on_tiles: Callable[[int, int], None] | None,
    ) -> Picture:
        """Upscale an image, and encode the result meanwhile; `finish` returns the file.

        Args:
            upscale: `Upscaler.upscale_picture`, with its options.
            content: the image.
            on_tiles: called after each tile with (tiles done, tiles in all).

        Raises:
            SrganGpError: as for `upscaler.Upscaler.upscale_picture`; or an error of the encoding,
                which stops the network.
        """

        def on_progress(done: int, total: int) -> None:
            self._check()  # The network stops if the encoding has failed.
            if on_tiles is not None:
                on_tiles(done, total)

        try:
            return upscale(content, on_progress=on_progress, on_start=self._begin)
        except BaseException:
            self._cancel()
            raise

    def finish(self, picture: Picture) -> Written:
        """Wait for the end of the encoding, and return the file.

        Args:
            picture: the complete result; encoded here if the thread was not started.

        Raises:
            PictureError: as for `encode_image`.
            OutputError: the file cannot be written.
        """
        if self._thread is None:
            return self._write(picture)
        self._thread.join()
        self._check()
        assert self._written is not None  # There was no error.
        return self._written

    def _begin(self, picture: GrowingPicture) -> None:
        self._growing = picture
        # A daemon, so that a thread that cannot be interrupted does not block the exit.
        self._thread = threading.Thread(target=self._encode, name="encode", daemon=True)
        self._thread.start()

    def _check(self) -> None:
        if self._error is not None:
            raise self._error

    def _cancel(self) -> None:
        """End the encoding, and remove its file."""
        if self._growing is not None and self._thread is not None:
            self._growing.progress.cancel()
            self._thread.join()
        if self._written is not None:
            drop(self._written[0])

    def _encode(self) -> None:
        assert self._growing is not None  # `_begin` sets it.
        try:
            self._written = self._write(self._growing)
        except BaseException as error:
            self._error = error

    def _write(self, picture: Picture) -> Written:
        write: Callable[[BinaryIO], tuple[str, ...]] = partial(
            encode_image,
            picture,
            format=self._target.suffix,
            quality=self._settings.quality,
            strip_metadata=self._settings.strip_metadata,
        )
        return write_staged(self._target, write)
