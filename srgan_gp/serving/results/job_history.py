"""History: the jobs of each owner with their results, until they expire or are removed.

An owner is a visitor of the page, or the address of a client of the API. A job is found by its
owner and its id together, so that a known id is of no use to anybody else.
"""

import secrets
import shutil
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from srgan_gp.serving.jobs.job import Job, OnProgress, Request
from srgan_gp.serving.jobs.job_requests import Result
from srgan_gp.serving.jobs.service import Service

MAX_ENTRIES, MAX_ENTRIES_PER_OWNER = 5000, 200
"""Limits of the number of jobs; above a limit the oldest finished jobs of the owner, or of all
owners, are removed. Higher limits take more memory and time, as each look-up visits all jobs; with
lower ones results are gone earlier."""
MAX_BYTES, MAX_BYTES_PER_OWNER = 16 << 30, 4 << 30
"""Limits of the bytes of the files of jobs, 16 GiB and 4 GiB, with the same effect. Higher limits
need a larger disk. The limits of an owner are a part of those of all, so that one owner cannot
remove the results of the others."""
_MAX_REMOVED = 10_000
"""Number of removed jobs whose ids are remembered, to answer that they are gone, not unknown. More
take more memory; with fewer, the answer is "unknown" earlier."""


@dataclass(eq=False)
class HistoryEntry:
    """One job of an owner."""

    owner: str
    """Key of a visitor, from `http.job_routes.owner_of`, or address of a client of the API."""
    job: Job
    title: str
    """File name that the client sent, or the seeds of faces."""
    tab: str = ""
    """Tab of the page that started the job; empty for the API."""
    keep_seconds: float = 0.0
    """Seconds for which the result is kept after the job has ended."""
    id: str = field(default_factory=lambda: secrets.token_hex(16))
    """Random id, 32 hexadecimal digits, by which the owner finds the job."""
    size: int | None = None
    """Bytes of the files of the job; None until the job is done."""

    @property
    def result(self) -> Result | None:
        """The result; None while the job is not done, and if it failed."""
        outcome = self.job.outcome
        return outcome if isinstance(outcome, Result) else None

    @property
    def seconds_to_expiry(self) -> float:
        """Seconds for which the result is still kept; `keep_seconds` while the job is not done."""
        now = time.monotonic()
        age = 0.0 if self.job.ended is None else now - self.job.ended
        return max(round(self.keep_seconds - age, 1), 0.0)


class JobHistory:
    """Submits jobs to the service, and keeps them for their owners. Thread-safe.

    Args:
        service: executes the jobs.
    """

    def __init__(self, service: Service) -> None:
        self.service = service
        self.server_id = secrets.token_hex(8)
        """Random name of this server, by which a page notices a restart."""
        # Re-entrant: if a generator with a `holding` block is not finished, Python ends the block
        # when it collects the generator, perhaps in a thread that holds the lock.
        self._lock = threading.RLock()
        self._entries: OrderedDict[str, HistoryEntry] = OrderedDict()  # by id, oldest first
        self._removed: OrderedDict[str, str] = OrderedDict()  # owner by id, of removed jobs
        self._held: Counter[str] = Counter()  # number of open `holding` blocks by id of the job

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
        """Queue a job, and return its entry in the history.

        Args:
            owner: key of the owner; the limit of jobs in progress counts the jobs of one owner.
            request: request of the client.
            title: file name that the client sent, or the seeds of faces.
            tab: tab of the page that starts the job; empty for the API.
            address: network address of the client; None: `owner`. The queue takes the jobs of
                different addresses in turn.
            on_progress: called with completed and total steps; may raise to end the job.

        Raises:
            BusyError: no job is accepted now.
            OutputError: the directory of the owner cannot be created.
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
        """Return the entry of a job by its id; None: the owner has no such job."""
        with self._lock:
            self._prune()
            entry = self._entries.get(id)
        return entry if entry is not None and entry.owner == owner else None

    def has_expired(self, owner: str, id: str) -> bool:
        """Return whether a job of this owner was in the history earlier, and was then removed."""
        with self._lock:
            return self._removed.get(id) == owner

    @contextmanager
    def holding(self, entries: Sequence[HistoryEntry]) -> Generator[None]:
        """Keep jobs and their files within the block, except for jobs that the owner removes."""
        ids = [entry.id for entry in entries]
        with self._lock:
            self._held.update(ids)
        for entry in entries:
            self.service.hold(entry.job.folder)
        try:
            yield
        finally:
            for entry in entries:
                self.service.release(entry.job.folder)
            with self._lock:
                self._held -= Counter(ids)

    def remove(self, entry: HistoryEntry) -> None:
        """Cancel a job, and remove it with its files."""
        with self._lock:
            self._drop(entry)

    def _prune(self) -> None:
        """Remove finished jobs that have expired or are above a limit, unless they are held."""
        now = time.monotonic()
        counts: Counter[str] = Counter()  # kept jobs by owner
        sizes: Counter[str] = Counter()  # bytes of their files by owner
        total_count = total_size = 0  # of all owners
        for entry in reversed(list(self._entries.values())):  # the newest first
            owner = entry.owner
            self._measure(entry)
            size = 0 if entry.size is None else entry.size
            is_above_limit = (
                counts[owner] >= MAX_ENTRIES_PER_OWNER
                or sizes[owner] + size > MAX_BYTES_PER_OWNER
                or total_count >= MAX_ENTRIES
                or total_size + size > MAX_BYTES
            )
            is_removable = entry.job.is_done and entry.id not in self._held
            if is_removable and (is_above_limit or self._is_expired(entry, now)):
                self._drop(entry)
                continue
            counts[owner] += 1
            sizes[owner] += size
            total_count += 1
            total_size += size

    def _is_expired(self, entry: HistoryEntry, now: float) -> bool:
        """Return whether a result is too old, or its file was removed.

        Args:
            entry: the job.
            now: time from `time.monotonic`.
        """
        ended = entry.job.ended
        is_old = ended is not None and now - ended > self.service.settings.keep_seconds
        is_file_missing = entry.result is not None and not entry.result.path.exists()
        return is_old or is_file_missing

    def _measure(self, entry: HistoryEntry) -> None:
        """Set `entry.size` when the job is done: later its files do not change."""
        if entry.size is None and entry.job.is_done:
            files = entry.job.folder.rglob("*")
            entry.size = sum(path.stat().st_size for path in files if path.is_file())

    def _drop(self, entry: HistoryEntry) -> None:
        """Remove a job with its files, and remember its id for `has_expired`."""
        if self._entries.pop(entry.id, None) is None:
            return
        entry.job.cancel()  # has no effect on a finished job
        if entry.job.is_done:
            shutil.rmtree(entry.job.folder, ignore_errors=True)
        # Otherwise the service removes the files when the cancelled job ends.
        self._removed[entry.id] = entry.owner
        while len(self._removed) > _MAX_REMOVED:
            self._removed.popitem(last=False)
