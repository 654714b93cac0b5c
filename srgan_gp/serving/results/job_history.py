"""History: the jobs of each owner with their results, until they expire or are removed.

An owner is a visitor of the page, or the address of a client of the API. A job is found by its
owner and its id together, so that a known id is of no use to anybody else.
"""

import secrets
import shutil
import threading
import time
from collections import Counter, OrderedDict
from dataclasses import dataclass, field

from srgan_gp.serving.jobs.job import Job, OnProgress, Request
from srgan_gp.serving.jobs.job_requests import Result
from srgan_gp.serving.jobs.service import Service

MAX_ENTRIES, MAX_ENTRIES_PER_OWNER = 5000, 200
MAX_BYTES, MAX_BYTES_PER_OWNER = 16 << 30, 4 << 30
"""Jobs, and bytes of their files; above a limit the oldest finished jobs of the owner, or of all,
are removed."""
_MAX_EXPIRED = 10_000


@dataclass(eq=False)
class HistoryEntry:
    """One job of an owner."""

    owner: str
    job: Job
    title: str
    """File name that the client sent, or a short description."""
    tab: str = ""
    """Tab of the page that started the job; empty for the API."""
    keep_seconds: float = 0.0
    """Seconds for which the result is kept."""
    id: str = field(default_factory=lambda: secrets.token_hex(16))
    size: int | None = None
    """Bytes of the files of the job; None while it runs."""

    @property
    def result(self) -> Result | None:
        """The result; None while the job runs, and if it failed."""
        outcome = self.job.outcome
        return outcome if isinstance(outcome, Result) else None

    @property
    def seconds_kept(self) -> float:
        """How many seconds the result is still kept."""
        age = time.monotonic() - (self.job.ended or time.monotonic())
        return max(round(self.keep_seconds - age, 1), 0.0)


class JobHistory:
    """Jobs of all owners. Thread-safe.

    Args:
        service: runs the jobs.
    """

    def __init__(self, service: Service) -> None:
        self.service = service
        self.server = secrets.token_hex(8)
        """Random name of this server, by which a page notices a restart."""
        self._lock = threading.RLock()
        self._entries: OrderedDict[str, HistoryEntry] = OrderedDict()  # by id, oldest first
        self._expired: OrderedDict[str, str] = OrderedDict()  # owner by id, of removed jobs

    def submit(
        self,
        owner: str,
        request: Request,
        *,
        title: str,
        tab: str = "",
        address: str | None = None,
        on_progress: OnProgress | None = None,
    ) -> HistoryEntry:
        """Queue a job and record it.

        Args:
            owner: visitor or client that the job belongs to.
            request: as for `Service.submit`.
            title: as for `HistoryEntry`.
            tab: as for `HistoryEntry`.
            address: as for `Service.submit`.
            on_progress: as for `Service.submit`.

        Raises:
            SrganGpError: as for `Service.submit`.
        """
        job = self.service.submit(owner, request, address=address, on_progress=on_progress)
        entry = HistoryEntry(owner, job, title, tab, self.service.settings.keep_seconds)
        with self._lock:
            self._entries[entry.id] = entry
            self._prune()
        return entry

    def entries(self, owner: str) -> list[HistoryEntry]:
        """Return the jobs of an owner, the oldest first."""
        with self._lock:
            self._prune()
            return [entry for entry in self._entries.values() if entry.owner == owner]

    def find(self, owner: str, id: str) -> HistoryEntry | None:
        """Return a job by its id; None: the owner has no such job."""
        with self._lock:
            self._prune()
            entry = self._entries.get(id)
        return entry if entry is not None and entry.owner == owner else None

    def has_expired(self, owner: str, id: str) -> bool:
        """Return whether a job of this owner was in the history earlier, and was then removed."""
        with self._lock:
            return self._expired.get(id) == owner

    def remove(self, entry: HistoryEntry) -> None:
        """Cancel a job, and remove it with its files."""
        with self._lock:
            self._drop(entry)

    def _prune(self) -> None:
        """Remove what has expired, and the oldest jobs above a limit."""
        now = time.monotonic()
        counts: Counter[str] = Counter()
        sizes: Counter[str] = Counter()
        count = size = 0  # of all owners
        for entry in reversed(list(self._entries.values())):  # the newest first
            owner = entry.owner
            self._measure(entry)
            own_size = entry.size or 0
            is_above_limit = (
                counts[owner] >= MAX_ENTRIES_PER_OWNER
                or sizes[owner] + own_size > MAX_BYTES_PER_OWNER
                or count >= MAX_ENTRIES
                or size + own_size > MAX_BYTES
            )
            if entry.job.is_done and (is_above_limit or self._is_expired(entry, now)):
                self._drop(entry)
                continue
            counts[owner] += 1
            sizes[owner] += own_size
            count, size = count + 1, size + own_size

    def _is_expired(self, entry: HistoryEntry, now: float) -> bool:
        ended = entry.job.ended
        is_old = ended is not None and now - ended > self.service.settings.keep_seconds
        return is_old or (entry.result is not None and not entry.result.path.exists())

    def _measure(self, entry: HistoryEntry) -> None:
        if entry.size is None and entry.job.is_done:
            files = entry.job.folder.rglob("*")
            entry.size = sum(path.stat().st_size for path in files if path.is_file())

    def _drop(self, entry: HistoryEntry) -> None:
        if self._entries.pop(entry.id, None) is None:
            return
        entry.job.cancel()  # has no effect on a finished job
        if entry.job.is_done:
            shutil.rmtree(entry.job.folder, ignore_errors=True)
        # Else the service removes the files when the cancelled job ends.
        self._expired[entry.id] = entry.owner
        while len(self._expired) > _MAX_EXPIRED:
            self._expired.popitem(last=False)
