"""Temporary files of a server: each client's apart, removed by age, and all of them in the end."""

import os
import secrets
import shutil
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import IO

from srgan_gp.errors import OutputError
from srgan_gp.file_locks import try_lock

_PREFIX = "srgan-gp-app-"
_LOCK = "lock"
_MOST_SECONDS_BETWEEN = 30
_LEAST_FREE_BYTES = 1 << 26


class Janitor:
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
            self.run_folder, self._lock_file = _locked_folder(root)
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
        """Give a client's folder; its name is 128 random bits, and another one once it is gone."""
        with self._guard:
            folder = self._folders.setdefault(client, self.run_folder / secrets.token_hex(16))
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
        """Say that the disk is full; None: it is not."""
        with suppress(OSError):
            if shutil.disk_usage(self.run_folder).free < _LEAST_FREE_BYTES:
                return "the disk is full"
        return None

    def sweep(self, now: float | None = None) -> None:
        """Remove what is older than `keep_seconds`.

        Args:
            now: seconds since the epoch; None: the present.
        """
        oldest = (time.time() if now is None else now) - self._keep_seconds
        with self._guard:
            for entry in _entries(self.run_folder):
                if entry.name != _LOCK:
                    self._sweep(entry, oldest)
            gone = [client for client, folder in self._folders.items() if not folder.exists()]
            for client in gone:
                del self._folders[client]

    def close(self) -> None:
        """Remove everything."""
        self._ended.set()
        self._thread.join()
        self._lock_file.close()
        shutil.rmtree(self.run_folder, ignore_errors=True)

    def _sweep(self, path: Path, oldest: float) -> None:
        """Remove a file or, with what is in it, a folder, as far as it is old and not in use."""
        if path in self._in_use:
            return
        with suppress(OSError):
            is_old = path.lstat().st_mtime < oldest
            if path.is_dir() and not path.is_symlink():
                for entry in _entries(path):
                    self._sweep(entry, oldest)
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
        owner = getattr(os, "getuid", lambda: folder.lstat().st_uid)()
        if folder.is_symlink() or folder.lstat().st_uid != owner:
            return False
        with (folder / _LOCK).open("rb") as file:
            if try_lock(file):
                shutil.rmtree(folder, ignore_errors=True)
                return True
    return False


def _locked_folder(root: Path) -> tuple[Path, IO[bytes]]:
    """Make a folder with a lock that lasts as long as the open file."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=root))
        lock = folder / _LOCK
        file = os.fdopen(os.open(lock, os.O_RDWR | os.O_CREAT, 0o600), "r+b", buffering=0)
        if try_lock(file) and lock.exists():
            return folder, file
        file.close()  # Another server that starts now took it for a leftover.


def _entries(folder: Path) -> list[Path]:
    with suppress(OSError):
        return list(folder.iterdir())
    return []
