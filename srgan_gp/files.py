"""The only writer of files in the package: a file under its final name is always whole."""

import errno
import os
import secrets
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from srgan_gp.errors import OutputError

_REASONS = {
    errno.ENOSPC: "the disk is full; free some space or choose another folder",
    errno.EDQUOT: "the disk quota is used up; free some space or choose another folder",
    errno.EFBIG: "the file would be larger than this system allows; choose a smaller scale",
    errno.EACCES: "there is no permission; choose a folder you may write to",
    errno.EPERM: "there is no permission; choose a folder you may write to",
    errno.EROFS: "the disk is read-only; choose another folder",
    errno.ENOENT: "its folder does not exist; create it first",
    errno.ENOTDIR: "a part of the path is a file, not a folder",
    errno.EISDIR: "there is a folder of that name",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
}
_KEPT_NAME_LENGTH = 40  # 40 characters of 4 bytes, a token and two dots stay below 255 bytes


def is_folder(path: Path) -> bool:
    """Say whether a folder is there; False also where that cannot be found out.

    `Path.is_dir` raises OSError for a name too long or a parent without permission.
    """
    return os.path.isdir(path)  # noqa: PTH112


def is_file(path: Path) -> bool:
    """Say whether a regular file is there; False also where that cannot be found out."""
    return os.path.isfile(path)  # noqa: PTH113


@contextmanager
def atomic_write(path: Path) -> Generator[BinaryIO, None, None]:
    """Open a file to be written in full, or not at all.

    The bytes go to a hidden file `.NAME.TOKEN.part` in the same folder. When the block ends they
    are flushed to the disk and the file takes its final name in one step. When the block raises,
    the hidden file is removed and whatever was under the final name is untouched. A symbolic link
    is followed.

    Args:
        path: the final name; its folder must exist.

    Yields:
        A binary file, open for writing.

    Raises:
        OutputError: the file cannot be written; any OSError raised inside the block counts as that.
    """
    target = Path(os.path.realpath(path))
    partial = target.with_name(f".{target.name[:_KEPT_NAME_LENGTH]}.{secrets.token_hex(4)}.part")
    try:
        if target.exists() and not target.is_file():
            # Replacing a device or a pipe by a file would be a surprise.
            raise OutputError(f"cannot write {path}: it exists and is not a regular file")
        with _removed_on_error(partial), partial.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            _copy_permissions(target, partial)
            file.close()  # Windows cannot rename an open file.
            partial.replace(target)
    except OSError as error:
        reason = _REASONS.get(error.errno or 0, error.strerror or str(error))
        raise OutputError(f"cannot write {path}: {reason}") from error
    _flush_folder(target.parent)


def atomic_write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path`, in full or not at all; errors as in `atomic_write`."""
    with atomic_write(path) as file:
        file.write(data)


@contextmanager
def _removed_on_error(partial: Path) -> Generator[None, None, None]:
    try:
        yield
    except BaseException:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        raise


def _copy_permissions(target: Path, partial: Path) -> None:
    """Give the new file the permissions of the file it replaces."""
    with suppress(OSError):
        partial.chmod(target.stat().st_mode & 0o777)


def _flush_folder(folder: Path) -> None:
    """Make the rename itself survive a power cut, where the system can (Windows cannot)."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
