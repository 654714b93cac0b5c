"""Large arrays in a temporary file, whose memory the system can take back."""

import mmap
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

import numpy as np
from numpy.typing import DTypeLike

from srgan_gp.errors import PictureError
from srgan_gp.images.picture import Array

LARGE_BYTES = 1 << 28
"""Arrays of more bytes than this live in a file, and pictures of more are written by rows."""

_ROWS = 1 << 10  # filled at a time
_ZEROS = 1 << 20  # bytes written at a time where a file system cannot reserve room


class _Mapped(mmap.mmap):
    """The memory of an array of ours; others' maps may be private and must not be released."""


def is_large(array: Array) -> bool:
    """Say whether an array of this size lives in a file, in memory or not."""
    return array.nbytes > LARGE_BYTES


def folder_of(file: BinaryIO) -> Path | None:
    """Give the folder of an open file; None where it has no name, as in memory."""
    name: object = getattr(file, "name", None)
    return Path(name).parent if isinstance(name, str | Path) else None


def empty(shape: tuple[int, ...], dtype: DTypeLike, folder: Path | None = None) -> Array:
    """Make an array whose values are arbitrary, as `numpy.empty` does.

    Above `LARGE_BYTES` it lives in a file without a name, which ends with the array or with the
    process, however that ends. Its room on the disk is reserved here: a disk that fills up later
    cannot harm it.

    Args:
        shape: of the array.
        dtype: of its values.
        folder: where the file shall be; the system's temporary folder (`$TMPDIR`) is used where
            this one is None or has no room.

    Raises:
        PictureError: E_DISK_FULL; no folder has room for it.
        MemoryError: it is small, and does not fit into memory.
    """
    size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
    if size <= LARGE_BYTES:
        return np.empty(shape, dtype)
    folders = [Path(tempfile.gettempdir())]
    if folder is not None:
        folders.insert(0, folder)
    for candidate in folders:
        with suppress(OSError), tempfile.TemporaryFile(dir=candidate) as file:
            if shutil.disk_usage(candidate).free >= size:
                _reserve(file, size)
                return np.ndarray(shape, dtype, _Mapped(file.fileno(), size))
    raise PictureError(
        "E_DISK_FULL",
        f"it needs {size / 1e9:.1f} GB for a temporary file, and there is no room in "
        f"{' or '.join(map(str, folders))}; free some space or let TMPDIR name another folder",
    )


def full(shape: tuple[int, int], value: np.generic, folder: Path | None = None) -> Array:
    """Make an array of one value as `numpy.full` does; where it lives and errors as in `empty`."""
    array = empty(shape, value.dtype, folder)
    for top in range(0, shape[0], _ROWS):
        array[top : top + _ROWS] = value
        release(array)
    return array


def release(array: Array) -> None:
    """Give the memory of an array that `empty` made in a file back; its values stay as they are.

    Reading or writing it afterwards is slower once, and right. Nothing happens to other arrays.
    """
    owner: Any = array
    while isinstance(owner, np.ndarray):
        owner = cast("Any", owner.base)
    if isinstance(owner, _Mapped) and hasattr(owner, "madvise"):
        owner.madvise(mmap.MADV_DONTNEED)


def _reserve(file: IO[bytes], size: int) -> None:
    """Make a file of `size` bytes that are on the disk: writing into a hole can kill a process."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, size)
        return
    for start in range(0, size, _ZEROS):
        file.write(bytes(min(_ZEROS, size - start)))
    file.flush()
