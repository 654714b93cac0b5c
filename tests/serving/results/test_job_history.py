"""The history of jobs: owners, expiry and limits."""

import gc
import threading
import time
from types import SimpleNamespace

import pytest

from srgan_gp.errors import Cancelled, PictureError
from srgan_gp.serving.jobs.job_requests import UpscaleRequest
from srgan_gp.serving.results import job_history
from srgan_gp.serving.results.job_history import HistoryEntry, JobHistory

TIMEOUT = 60


@pytest.fixture
def history(real_service):
    return JobHistory(real_service)


def finished(history, png, owner="me", name="a.png"):
    entry = history.submit(owner, UpscaleRequest(png, name), title=name)
    entry.job.wait(TIMEOUT)
    return entry


def test_a_job_is_found_by_its_owner_only(history, png):
    entry = finished(history, png)
    assert history.find("me", entry.id) is entry
    assert history.find("you", entry.id) is None
    assert (history.entries("me"), history.entries("you")) == ([entry], [])
    assert entry.result is not None


def test_a_removed_job_leaves_no_file_and_is_known_as_expired(history, png):
    entry = finished(history, png)
    folder = entry.result.path.parent
    assert folder.exists()
    history.remove(entry)
    history.remove(entry)
    assert not folder.exists()
    assert history.entries("me") == []
    assert history.has_expired("me", entry.id)
    assert not history.has_expired("you", entry.id)


def test_jobs_expire(history, png, monkeypatch):
    entry = finished(history, png)
    monkeypatch.setattr(job_history.time, "monotonic", lambda: entry.job.ended + 601)
    assert history.find("me", entry.id) is None
    assert history.has_expired("me", entry.id)


def test_a_result_that_the_sweeper_removed_has_expired(history, png):
    entry = finished(history, png)
    entry.result.path.unlink()
    assert history.entries("me") == []


@pytest.mark.parametrize("limit", ["MAX_ENTRIES", "MAX_ENTRIES_PER_OWNER"])
def test_the_oldest_jobs_make_room_for_new_ones(history, png, monkeypatch, limit):
    monkeypatch.setattr(job_history, limit, 2)
    entries = [finished(history, png, name=f"{number}.png") for number in range(4)]
    assert history.entries("me") == entries[2:]


@pytest.mark.parametrize("limit", ["MAX_BYTES", "MAX_BYTES_PER_OWNER"])
def test_the_files_of_finished_jobs_are_bounded(history, png, monkeypatch, limit):
    first = finished(history, png)
    history.entries("me")
    monkeypatch.setattr(job_history, limit, 2 * first.size)
    entries = [first, *(finished(history, png) for _ in range(3))]
    assert history.entries("me") == entries[2:]


def test_a_collection_within_a_look_up_may_end_a_holding_block(history, png, monkeypatch):
    entry = finished(history, png)

    def hold(cycle):
        with history.holding([entry]):
            yield cycle

    cycle = []
    cycle.append(hold(cycle))
    next(cycle[0])
    cycle = None  # only the collector frees the generator
    assert history._held
    prune = history._prune
    monkeypatch.setattr(history, "_prune", lambda: (gc.collect(), prune()))
    thread = threading.Thread(target=history.entries, args=["me"], daemon=True)
    thread.start()
    thread.join(TIMEOUT)
    assert not thread.is_alive(), "the thread waits for its own lock"
    assert not history._held


class CountedBytes(int):
    """A number of bytes that counts the additions."""

    additions = 0

    def __add__(self, other):
        CountedBytes.additions += 1
        return CountedBytes(int(self) + int(other))

    __radd__ = __add__


@pytest.mark.parametrize("owners", [1, 1000])
def test_the_work_of_a_look_up_grows_linearly_with_the_jobs(history, owners):
    done = SimpleNamespace(is_done=True, ended=time.monotonic(), outcome=None)
    counts = []
    for _ in range(2):
        for number in range(100):
            entry = HistoryEntry(f"owner {number % owners}", done, "a.png", size=CountedBytes(1))
            history._entries[entry.id] = entry
        CountedBytes.additions = 0
        history.entries("owner 0")
        counts.append(CountedBytes.additions)
    assert len(history._entries) == 200
    assert 0 < counts[1] <= 2 * counts[0], "twice as many jobs, twice the work"


def test_removing_a_running_job_cancels_it(history, png):
    entry = history.submit("me", UpscaleRequest(png, "a.png"), title="a.png",
                           on_progress=lambda *_: history.remove(entry))  # fmt: skip
    with pytest.raises(Cancelled):
        entry.job.wait(TIMEOUT)


def test_a_failed_job_stays_with_its_error(history):
    entry = history.submit("me", UpscaleRequest(b"no image", "a.png"), title="a.png")
    with pytest.raises(PictureError):
        entry.job.wait(TIMEOUT)
    assert history.entries("me") == [entry]
    assert entry.result is None
