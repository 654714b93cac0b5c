"""Temporary files of a server: per client, removed by age and at the end."""

import os
import secrets
import shutil
import stat
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import IO

from srgan_gp.errors import OutputError
from srgan_gp.system.file_locks import try_lock
from srgan_gp.system.write_errors import errors_about

_PREFIX = "srgan-gp-app-"
_LOCK = "lock"
_MOST_SECONDS_BETWEEN = 30
_LEAST_FREE_BYTES = 1 << 26


class TemporaryFiles:
    """Owns one folder for as long as a server runs.

    Args:
        root: where the folder is made; None: the system's folder for temporary files.
        keep_seconds: how long a file is kept after it was last written.

    Raises:
        OutputError: no folder can be made there.
    """

    run_folder: Path
    """The server's own; only this user can look into it."""

    uploads: Path
    """For what clients send: emptied by age, and always there."""

    def __init__(self, root: Path | None, keep_seconds: float) -> None:
        root = root or Path(tempfile.gettempdir())
        remove_leftovers(root)
        try:
            self.run_folder, self._lock_file = _locked_folder(root.resolve())
            self.uploads = self.run_folder / secrets.token_hex(16)
            self.uploads.mkdir(mode=0o700)
        except OSError as error:
            reason = error.strerror or str(error)
            raise OutputError(f"No temporary files can be made in {root}: {reason}.") from error
        self._keep_seconds = keep_seconds
        self._guard = threading.Lock()
        self._folders: dict[str, Path] = {}
        self._in_use: Counter[Path] = Counter()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def folder(self, client: str) -> Path:
        """Give a client's folder; its name is 128 random bits, and another one once it is gone.

        Raises:
            OutputError: it cannot be made.
        """
        with self._guard:
            folder = self._folders.setdefault(client, self.run_folder / secrets.token_hex(16))
            with errors_about(folder):
                self._restore()
                folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def hold(self, *paths: Path) -> None:
        """Remove nothing at or below these paths until they are released, however old it is."""
        with self._guard:
            self._in_use.update(paths)

    def release(self, *paths: Path) -> None:
        """Let these paths be removed when they are old; each was held."""
        with self._guard:
            self._in_use -= Counter(paths)

    def why_no_room(self) -> str | None:
        """Say why no file can be kept, such as that the disk is full; None: one can."""
        try:
            with self._guard:
                self._restore()
            free_bytes = shutil.disk_usage(self.run_folder).free
        except OSError:
            return "the folder for temporary files is gone"
        return "the disk is full" if free_bytes < _LEAST_FREE_BYTES else None

    def sweep(self, now: float | None = None) -> None:
        """Remove what is older than `keep_seconds`.

        Args:
            now: seconds since the epoch; None: the present.
        """
        now = time.time() if now is None else now
        with self._guard:
            with suppress(OSError):
                self._restore()
                # Cleaners of the system remove what nobody has touched for days.
                for path in (self.run_folder, self.uploads, self.run_folder / _LOCK):
                    os.utime(path)
            for entry in _entries(self.run_folder):
                if entry.name != _LOCK:
                    self._sweep(entry, now)
            gone = [client for client, folder in self._folders.items() if not folder.exists()]
            for client in gone:
                del self._folders[client]

    def close(self) -> None:
        """Remove everything."""
        self._ended.set()
        self._thread.join()
        self._lock_file.close()
        _remove(self.run_folder)

    def _restore(self) -> None:
        """Make the folder anew, under its name, where somebody has removed it.

        Raises:
            OSError: it cannot be made, or another user has made one of that name.
        """
        lock = self.run_folder / _LOCK
        if lock.exists() and self.uploads.is_dir():
            return
        with suppress(FileExistsError):
            self.run_folder.mkdir(mode=0o700)
        if not _is_ours(self.run_folder):
            raise PermissionError(f"{self.run_folder} belongs to another user")
        if not lock.exists():
            self._lock_file.close()
            self._lock_file = _open_lock(lock)
            try_lock(self._lock_file)
        self.uploads.mkdir(mode=0o700, exist_ok=True)

    def _sweep(self, path: Path, now: float) -> None:
        """Remove a file or, with what is in it, a folder, as far as it is old and not in use."""
        if path in self._in_use:
            return
        with suppress(OSError):
            age = now - path.lstat().st_mtime
            if age < 0:  # The clock was put back; it is not to be kept for so much longer.
                os.utime(path, (now, now), follow_symlinks=False)
            is_old = age > self._keep_seconds
            if path.is_dir() and not path.is_symlink():
                for entry in _entries(path):
                    self._sweep(entry, now)
                is_needed = any(path in used.parents for used in self._in_use)
                if is_old and not is_needed and path != self.uploads:
                    path.rmdir()  # fails where something is left, and that is right
            elif is_old:
                path.unlink()

    def _watch(self) -> None:
        while not self._ended.wait(min(_MOST_SECONDS_BETWEEN, self._keep_seconds / 4)):
            self.sweep()


def remove_leftovers(root: Path) -> int:
    """Remove the folders of servers that were killed; says how many.

    One whose server lives is locked and stays, and so does what belongs to another user.
    """
    count = 0
    for folder in _entries(root):
        if folder.name.startswith(_PREFIX):
            count += _remove_if_left(folder)
    return count


def _remove_if_left(folder: Path) -> bool:
    with suppress(OSError):
        if not _is_ours(folder):
            return False
        with (folder / _LOCK).open("rb") as file:
            if try_lock(file):
                _remove(folder)
                return True
    return False


def _is_ours(folder: Path) -> bool:
    """Say whether it is a folder, no link to one, and of this user."""
    status = folder.lstat()
    owner = getattr(os, "getuid", lambda: status.st_uid)()
    return stat.S_ISDIR(status.st_mode) and status.st_uid == owner


def _remove(folder: Path) -> None:
    """Remove a server's folder, its lock last: what a kill leaves must be known as a leftover."""
    for entry in _entries(folder):
        if entry.name != _LOCK:
            shutil.rmtree(entry, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


def _locked_folder(root: Path) -> tuple[Path, IO[bytes]]:
    """Make a folder with a lock that lasts as long as the open file."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=root))
        lock = folder / _LOCK
        file = _open_lock(lock)
        if try_lock(file) and lock.exists():
            return folder, file
        file.close()  # Another server that starts now took it for a leftover.


def _open_lock(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b", buffering=0)


def _entries(folder: Path) -> list[Path]:
    with suppress(OSError):
        return list(folder.iterdir())
    return []
