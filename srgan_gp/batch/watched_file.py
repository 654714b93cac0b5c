"""`write_watched`: calls a function before each write to a file, such as a cancellation check.

The server uses this function, so that a client can cancel the encoding of a large image.
"""

from collections.abc import Callable
from typing import Any, BinaryIO, cast


def write_watched(
    write: Callable[[BinaryIO], tuple[str, ...]], on_write: Callable[[], None], file: BinaryIO
) -> tuple[str, ...]:
    """Write to a file, and call a function before each write.

    Args:
        write: encodes an image into a file, and returns the warnings of the encoder.
        on_write: called before each write; its exceptions end the encoding.
        file: an open file.

    Returns:
        The return value of `write`.
    """
    # The cast: type checkers do not see the methods that `__getattr__` returns.
    return write(cast("BinaryIO", _WatchedFile(file, on_write)))


class _WatchedFile:
    """A file that calls a function before each write; other methods are those of the given file."""

    def __init__(self, file: BinaryIO, on_write: Callable[[], None]) -> None:
        self._file, self._on_write = file, on_write

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._file, name)

    def write(self, data: bytes) -> int:
        self._on_write()
        return self._file.write(data)
