"""Reading of a set in which some images may be damaged: they are skipped and recorded."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from srgan_gp.data.datasets import require_sides
from srgan_gp.data.image_sources import ImageFile
from srgan_gp.errors import PictureError


@dataclass(frozen=True)
class SkippedImage:
    """An image that could not be read, and is in no score.

    Attributes:
        name: its name, as `ImageFile.name`.
        code: code of the error, such as `E_DAMAGED`.
        message: what is wrong, for the user, without the name.
    """

    name: str
    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.name}: {self.message}"


class SkippingReader:
    """Reads images, and records those that cannot be read, each once."""

    def __init__(self) -> None:
        self._skipped: dict[ImageFile, SkippedImage] = {}

    @property
    def skipped(self) -> tuple[SkippedImage, ...]:
        """The images that could not be read so far."""
        return tuple(self._skipped.values())

    def read(self, file: ImageFile) -> np.ndarray | None:
        """Decode an image as `ImageFile.read` does; None: it cannot be read, and is skipped."""
        if file in self._skipped:
            return None
        try:
            return file.read()
        except PictureError as error:
            message = str(error).removeprefix(f"{file.name}: ")
            self._skipped[file] = SkippedImage(file.name, error.code, message)
            return None

    def count_readable(self, files: Sequence[ImageFile]) -> int:
        """Count the images without those that could not be read so far."""
        return sum(file not in self._skipped for file in files)

    def require_sides(self, files: Sequence[ImageFile], size: int) -> None:
        """Check the sides as `datasets.require_sides` does, of the images that can be read.

        Raises:
            UsageError: some images are smaller than `size` x `size` pixels.
        """
        readable = [file for file in files if file not in self._skipped]
        try:
            require_sides(readable, size)
        except PictureError:  # A header is damaged: record all such images, and check the others.
            require_sides([file for file in readable if self._has_header(file)], size)

    def require_some(self, files: Sequence[ImageFile], place: str) -> None:
        """Check that at least one image can be read.

        Args:
            files: all images; those that cannot be read were tried before.
            place: their place, for the message.

        Raises:
            PictureError: none can be read; it has the code of the first.
        """
        if not self.count_readable(files):
            first = self._skipped[files[0]]
            raise PictureError(first.code, f"No image in {place} can be read; the first is {first}")

    def _has_header(self, file: ImageFile) -> bool:
        """Return whether the header of an image can be read."""
        try:
            file.shorter_side()
        except PictureError:
            # Decoding records the reason, which is more exact than that of the header.
            self.read(file)
            return False
        return True


def require_all_read(skipped: Sequence[SkippedImage]) -> None:
    """Check that no image was skipped, for scores that are published.

    Raises:
        PictureError: the first image that was skipped.
    """
    if skipped:
        raise PictureError(skipped[0].code, str(skipped[0]))
