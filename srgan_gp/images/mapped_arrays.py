"""Large arrays in memory-mapped temporary files, whose memory the system can take back.

Images, alpha channels and conversions of more than `LARGE_BYTES` are stored in such arrays, so that
an image may be larger than the memory.
"""

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
"""256 MiB. Larger arrays are mapped to a file, and converted in bands of rows. With a larger limit
more arrays need memory; with a smaller one more of them are written to the disk."""

_FILLED_ROWS = 1 << 10  # rows filled at a time by `full`, before their memory is released
_ZERO_BYTES = 1 << 20  # written at a time if the system cannot reserve disk space


class _Mapped(mmap.mmap):
    """A memory map made by `empty`.

    `release_memory` acts on these maps only: on others, such as private maps, it would lose
    changes.
    """


def is_large(array: Array) -> bool:
    """Return whether an array is larger than `LARGE_BYTES`."""
    return array.nbytes > LARGE_BYTES


def folder_of(file: BinaryIO) -> Path | None:
    """Return the folder of an open file; None for a file without a name, such as `io.BytesIO`."""
    name: object = getattr(file, "name", None)
    return Path(name).parent if isinstance(name, str | Path) else None


def empty(shape: tuple[int, ...], dtype: DTypeLike, folder: Path | None = None) -> Array:
    """Create an uninitialised array, as `numpy.empty` does.

    An array of more than `LARGE_BYTES` is mapped to an unnamed temporary file, which is freed with
    the array or at the end of the process. Its disk space is reserved here, so that a disk that
    fills up later does not affect it.

    Args:
        shape: shape of the array.
        dtype: type of its values.
        folder: folder of the file; if it is None or has not enough space, the system's temporary
            folder (`$TMPDIR`) is used.

    Returns:
        An array of this shape and dtype.

    Raises:
        PictureError: E_DISK_FULL if no folder has enough space.
        MemoryError: a small array does not fit into memory.
    """
    size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
    if size <= LARGE_BYTES:
        return np.empty(shape, dtype)
    folders = [Path(tempfile.gettempdir())]
    if folder is not None:
        folders.insert(0, folder)  # tried first
    for candidate in folders:
        # After an error, for example if a folder cannot be written, the next one is tried.
        with suppress(OSError), tempfile.TemporaryFile(dir=candidate) as file:
            # Checked first, because `_reserve` may fill the disk before it fails.
            if shutil.disk_usage(candidate).free >= size:
                _reserve(file, size)
                return np.ndarray(shape, dtype, _Mapped(file.fileno(), size))
    raise PictureError(
        "E_DISK_FULL",
        f"it needs a temporary file of {size / 1e9:,.1f} GB, and there is no room in "
        f"{' or '.join(map(str, folders))}; free some space or set TMPDIR to another folder",
    )


def full(shape: tuple[int, int], value: np.generic, folder: Path | None = None) -> Array:
    """Create an array (H, W) of one value, as `numpy.full` does; storage and errors as in `empty`.

    The dtype is that of `value`.
    """
    array = empty(shape, value.dtype, folder)
    for top in range(0, shape[0], _FILLED_ROWS):
        array[top : top + _FILLED_ROWS] = value
        release_memory(array)
    return array


def release_memory(array: Array) -> None:
    """Release the resident memory of a mapped array; its values are kept in the file.

    The next access reads them back. On other arrays the function has no effect.

    Args:
        array: any array; if it is a view of a mapped array, the whole mapped array is released.
    """
    owner: Any = array
    while isinstance(owner, np.ndarray):  # from a view to the array it belongs to, then to the map
        owner = cast("Any", owner.base)
    if isinstance(owner, _Mapped) and hasattr(owner, "madvise"):  # Windows has no `madvise`
        owner.madvise(mmap.MADV_DONTNEED)


def _reserve(file: IO[bytes], size: int) -> None:
    """Reserve `size` bytes on disk; OSError if there is no room.

    Without reserved space, a disk that fills up later would kill the process when it writes to the
    map.
    """
    if hasattr(os, "posix_fallocate"):  # missing on Windows and macOS
        os.posix_fallocate(file.fileno(), 0, size)
        return
    for start in range(0, size, _ZERO_BYTES):
        file.write(bytes(min(_ZERO_BYTES, size - start)))
    file.flush()
