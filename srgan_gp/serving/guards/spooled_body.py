"""Buffered body of one request, in memory or in a temporary file without a name.

`body_limits` writes the chunks that it receives, and then replays them to the inner app.
"""

from pathlib import Path
from tempfile import SpooledTemporaryFile

from srgan_gp.errors import OutputError
from srgan_gp.serving.error_responses import Refusal
from srgan_gp.serving.public_messages import NO_SPACE, write_problem

_MAX_BYTES_IN_MEMORY = 1 << 20
"""1 MiB: with more, many uploads at once take more memory; with less, more of them are written to
the disk."""
_CHUNK_BYTES = 1 << 16
"""64 KiB: the size of what `next_chunk` returns. Larger chunks take more memory, smaller ones more
calls."""


class Body:
    """Body of a request, as far as it was received; stored on the disk above 1 MiB.

    Args:
        folder: directory of the temporary file; None: the system's. The file has no name, so that
            a server that is killed does not leave it behind.
    """

    def __init__(self, folder: Path | None) -> None:
        self.is_complete = False
        """Whether the client has sent the whole body; set by `body_limits`."""
        self.size = 0
        """Bytes received so far."""
        directory = None if folder is None else str(folder)
        self._file = SpooledTemporaryFile[bytes](max_size=_MAX_BYTES_IN_MEMORY, dir=directory)
        self._position = 0  # of the next chunk to read

    @property
    def is_read(self) -> bool:
        """Whether `next_chunk` has returned all received bytes."""
        return self._position >= self.size

    def write(self, chunk: bytes) -> None:
        """Append bytes; not after the first `next_chunk`.

        Raises:
            Refusal: the bytes cannot be written to the disk.
        """
        self.size += len(chunk)
        try:
            self._file.write(chunk)
        except OSError as error:
            raise Refusal(507, OutputError.code, write_problem(error)) from error

    def read(self) -> bytes:
        """Return all received bytes, without effect on `next_chunk`."""
        self._file.seek(0)
        return self._file.read()

    def next_chunk(self) -> bytes:
        """Return the next 64 KiB or fewer; empty at the end."""
        self._file.seek(self._position)
        chunk = self._file.read(_CHUNK_BYTES)
        self._position += len(chunk)
        return chunk

    def close(self) -> None:
        """Delete the received bytes; may be called again."""
        self._file.close()


def no_space() -> Refusal:
    """Build the refusal of an upload that is larger than the free space of the disk."""
    return Refusal(507, OutputError.code, NO_SPACE)
