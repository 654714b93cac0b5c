"""Temporary files of a server: one directory per client, removed by age and at shutdown.

The directories of the clients are below one directory of the server. That directory has a lock
file, which is locked while the server runs. A server that starts removes the directories whose lock
file is not locked: their servers were killed. A directory without a lock file is kept.
"""

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
from srgan_gp.system.write_errors import convert_write_errors

_PREFIX = "srgan-gp-app-"  # of the name of a server's directory
_LOCK = "lock"  # name of the lock file in it
_MAX_SECONDS_BETWEEN_SWEEPS = 30  # longer keeps old files longer, shorter lists folders more often
_MIN_FREE_BYTES = 1 << 26  # 64 MiB for jobs in progress; with less, no new job is accepted


class TemporaryFiles:
    """Owns the directory of a server, and removes old files in it by a thread. Thread-safe.

    Args:
        root: parent directory; None: the system's directory for temporary files.
        keep_seconds: seconds for which a file is kept after it was last written.

    Raises:
        OutputError: no directory can be created there.
    """

    server_folder: Path
    """Directory of the server, accessible to its user only."""

    uploads: Path
    """Directory of uploads; always exists, and old files in it are removed."""

    def __init__(self, root: Path | None, keep_seconds: float) -> None:
        root = root or Path(tempfile.gettempdir())
        remove_leftovers(root)
        try:
            self.server_folder, self._lock_file = _locked_folder(root.resolve())
            self.uploads = self.server_folder / secrets.token_hex(16)
            self.uploads.mkdir(mode=0o700)
        except OSError as error:
            reason = error.strerror or str(error)
            raise OutputError(f"Temporary files cannot be created in {root}: {reason}.") from error
        self._keep_seconds = keep_seconds
        self._guard = threading.Lock()  # for the two attributes below
        self._folders: dict[str, Path] = {}  # by client
        self._held: Counter[Path] = Counter()  # how often each path is held
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sweep_periodically, daemon=True)
        self._thread.start()

    def folder(self, client: str) -> Path:
        """Return a client's directory, and create it if it is missing.

        The name has 128 random bits. After the removal of a directory by age, the client gets
        another one.

        Raises:
            OutputError: the directory cannot be created.
        """
        with self._guard:
            folder = self._folders.setdefault(client, self.server_folder / secrets.token_hex(16))
            with convert_write_errors(folder):
                self._restore()
                folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def hold(self, *paths: Path) -> None:
        """Protect paths, and all files below them, from removal by age until they are released.

        A path that is held several times has to be released as often.
        """
        with self._guard:
            self._held.update(paths)

    def release(self, *paths: Path) -> None:
        """End one protection of each path."""
        with self._guard:
            self._held -= Counter(paths)  # drops the paths whose number becomes 0

    def no_space_reason(self) -> str | None:
        """Return why no file can be stored, such as a full disk; None: files can be stored."""
        try:
            with self._guard:
                self._restore()
            free_bytes = shutil.disk_usage(self.server_folder).free
        except OSError:
            return "the directory for temporary files is missing"
        return "the disk is full" if free_bytes < _MIN_FREE_BYTES else None

    def sweep(self, now: float | None = None) -> None:
        """Remove files and directories older than `keep_seconds` that are not held.

        Args:
            now: time in seconds since the epoch; None: the current time.
        """
        now = time.time() if now is None else now
        with self._guard:
            with suppress(OSError):
                self._restore()
                # New times keep system services from deleting these as old temporary files.
                for path in (self.server_folder, self.uploads, self.server_folder / _LOCK):
                    os.utime(path)
            for entry in _entries(self.server_folder):
                if entry.name != _LOCK:
                    self._remove_old(entry, now)
            removed = [client for client, folder in self._folders.items() if not folder.exists()]
            for client in removed:
                del self._folders[client]

    def close(self) -> None:
        """End the thread, and remove the directory of the server."""
        self._ended.set()
        self._thread.join()
        self._lock_file.close()  # Windows cannot remove an open file
        _remove(self.server_folder)

    def _restore(self) -> None:
        """Recreate the server's directory, its lock file and `uploads` if they were removed.

        Raises:
            OSError: a directory or the lock file cannot be created, or another user owns a file of
                the directory's name.
        """
        lock = self.server_folder / _LOCK
        if lock.exists() and self.uploads.is_dir():
            return
        with suppress(FileExistsError):
            self.server_folder.mkdir(mode=0o700)
        if not _is_ours(self.server_folder):
            raise PermissionError(f"{self.server_folder} belongs to another user")
        if not lock.exists():
            self._lock_file.close()
            self._lock_file = _open_lock(lock)
            try_lock(self._lock_file)  # succeeds, because the file is new
        self.uploads.mkdir(mode=0o700, exist_ok=True)

    def _remove_old(self, path: Path, now: float) -> None:
        """Remove a file or a directory tree, except for parts that are recent or held."""
        if path in self._held:
            return
        with suppress(OSError):  # what cannot be removed is tried again by the next sweep
            age = now - path.lstat().st_mtime
            if age < 0:  # The clock was set back.
                os.utime(path, (now, now), follow_symlinks=False)
            is_old = age > self._keep_seconds
            if path.is_dir() and not path.is_symlink():
                for entry in _entries(path):
                    self._remove_old(entry, now)
                # A held path may not be written yet: its empty directory is kept for it.
                contains_held_path = any(path in held.parents for held in self._held)
                if is_old and not contains_held_path and path != self.uploads:
                    path.rmdir()  # fails if files are left in it, as intended
            elif is_old:
                path.unlink()

    def _sweep_periodically(self) -> None:
        """Sweep until `close` is called; the loop of the thread."""
        # A file is removed at most a quarter of `keep_seconds` too late.
        seconds = min(_MAX_SECONDS_BETWEEN_SWEEPS, self._keep_seconds / 4)
        while not self._ended.wait(seconds):
            self.sweep()


def remove_leftovers(root: Path) -> int:
    """Remove the directories of killed servers, and return the number of removed ones.

    Directories that a running server has locked, or that belong to another user, are kept.

    Args:
        root: parent directory of the directories of servers.
    """
    count = 0
    for folder in _entries(root):
        if folder.name.startswith(_PREFIX):
            count += _remove_if_unlocked(folder)
    return count


def _remove_if_unlocked(folder: Path) -> bool:
    """Remove the directory of a killed server, and return whether it was removed."""
    with suppress(OSError):  # such as a directory without a lock file, which is kept
        if not _is_ours(folder):
            return False
        with (folder / _LOCK).open("rb") as file:
            if try_lock(file):
                _remove(folder)
                return True
    return False


def _is_ours(folder: Path) -> bool:
    """Return whether a path is a directory of this user, and not a link."""
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode):
        return False
    # Windows has no user ids, and a temporary directory for each user.
    return not hasattr(os, "getuid") or status.st_uid == os.getuid()


def _remove(folder: Path) -> None:
    """Remove a server's directory, its lock file last.

    If the removal is interrupted, the lock file is left, by which `remove_leftovers` recognises the
    directory.
    """
    for entry in _entries(folder):
        if entry.name != _LOCK:
            shutil.rmtree(entry, ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


def _locked_folder(root: Path) -> tuple[Path, IO[bytes]]:
    """Create the directory of a server, and lock it.

    Returns:
        The directory, and its lock file, which is locked for as long as the file is open.
    """
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=root))
        lock = folder / _LOCK
        file = _open_lock(lock)
        if try_lock(file) and lock.exists():
            return folder, file
        file.close()  # Another server that is starting has removed it as a leftover: try again.


def _open_lock(path: Path) -> IO[bytes]:
    """Open a lock file, and create it for this user only if it is missing."""
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b", buffering=0)


def _entries(folder: Path) -> list[Path]:
    """Return the files and directories in a directory; none if it cannot be read."""
    with suppress(OSError):
        return list(folder.iterdir())
    return []
