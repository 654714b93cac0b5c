"""Body of one request, kept in an unnamed file until the app reads it."""

from pathlib import Path
from tempfile import SpooledTemporaryFile

from srgan_gp.errors import OutputError
from srgan_gp.serving.error_responses import Refusal

_BYTES_IN_MEMORY = 1 << 20
_BYTES_A_PIECE = 1 << 16


class Body:
    """Bytes that were received; on the disk when there are many.

    Args:
        folder: of the file; None: the system's. It has no name, so nothing can be left behind.
    """

    is_whole = False
    """Whether the client has sent all of it."""

    def __init__(self, folder: Path | None) -> None:
        self.size = 0
        where = None if folder is None else str(folder)
        self._file = SpooledTemporaryFile[bytes](max_size=_BYTES_IN_MEMORY, dir=where)
        self._position = 0

    @property
    def is_read(self) -> bool:
        """Whether `next_piece` gave all of it."""
        return self._position >= self.size

    def add(self, piece: bytes) -> None:
        """Take down the next bytes.

        Raises:
            Refusal: the disk is full.
        """
        self.size += len(piece)
        try:
            self._file.write(piece)
        except OSError as error:
            raise no_room() from error

    def read(self) -> bytes:
        """Give all of it."""
        self._file.seek(0)
        return self._file.read()

    def next_piece(self) -> bytes:
        """Give some bytes, from the first to the last."""
        self._file.seek(self._position)
        piece = self._file.read(_BYTES_A_PIECE)
        self._position += len(piece)
        return piece

    def drop(self) -> None:
        """Forget the bytes; a second time does nothing."""
        self._file.close()


def no_room() -> Refusal:
    """Refuse an upload for which the disk has no room."""
    return Refusal(507, OutputError.code, "The server has no room for the upload; try again later.")
