"""Thread engine: same results as one thread, overlapping steps, and an end within seconds."""

import gc
import threading
import time
import weakref

import numpy as np
import pytest
from PIL import Image

from srgan_gp.batch.engines import thread_engine
from srgan_gp.batch.engines.engine_interface import UpscaleSettings
from srgan_gp.batch.engines.thread_engine import ThreadEngine
from srgan_gp.batch.naming.plan import UpscaleJob
from srgan_gp.batch.one_image import upscale_file
from srgan_gp.errors import Cancelled, DeviceError, OutputError, PictureError
from srgan_gp.inference.upscaler import Upscaler
from srgan_gp.system.files import commit, remove_staged

PATIENCE = 60  # seconds; only a test that fails waits so long


@pytest.fixture
def start():
    """Start an engine with upscalers over sessions; it is closed at the end of the test."""
    engines = []

    def make(*sessions, **options):
        engine = ThreadEngine(
            [Upscaler(session) for session in sessions], UpscaleSettings(), **options
        )
        engines.append(engine)
        return engine

    yield make
    for engine in engines:
        engine.close()


def take(engine):
    result = engine.take(PATIENCE)
    assert result is not None, "there is no result"
    return result


def run(engine, jobs):
    for job in jobs:
        engine.submit(job)
    return {result.job: result for result in (take(engine) for _ in jobs)}


def left_threads():
    return [thread for thread in threading.enumerate() if thread.name == "upscale"]


@pytest.mark.parametrize("upscalers", [1, 2])
def test_results_equal_those_of_a_loop(start, fake_session, jobs, upscalers):
    results = run(start(*[fake_session() for _ in range(upscalers)]), jobs)
    assert set(results) == set(jobs)
    for job in jobs:
        alone = upscale_file(job, Upscaler(fake_session()), UpscaleSettings())
        together = results[job]
        assert together.input_sha256 == alone.input_sha256
        assert together.staged.sha256 == alone.staged.sha256
        assert together.facts.result_size == alone.facts.result_size
        remove_staged(alone.staged)
        commit(together.staged)
        with Image.open(job.source) as small, Image.open(job.target) as large:
            assert (np.asarray(large)[::2, ::2] == np.asarray(small)).all()


def test_decoding_and_encoding_overlap_with_the_network(start, fake_session, jobs, monkeypatch):
    others = {"decode": threading.Event(), "encode": threading.Event()}

    def noted(step, name, at):
        def noted_step(item, *rest):
            result = step(item, *rest)
            if (item if name == "decode" else item.decoded.job) == at:
                others[name].set()
            return result

        return noted_step

    # While the network processes the second image, the first is encoded and the third decoded.
    monkeypatch.setattr(thread_engine, "decode", noted(thread_engine.decode, "decode", jobs[2]))
    monkeypatch.setattr(thread_engine, "encode", noted(thread_engine.encode, "encode", jobs[0]))
    height = [4 + number for number in range(6)]

    def wait_for_the_others(images):
        if images.shape[2] == height[1]:
            assert others["decode"].wait(PATIENCE), "the third image was not decoded meanwhile"
            assert others["encode"].wait(PATIENCE), "the first image was not encoded meanwhile"
        return images.repeat(2, axis=2).repeat(2, axis=3)

    results = run(start(fake_session(wait_for_the_others)), jobs[:3])
    assert [results[job].error for job in jobs[:3]] == [None] * 3


@pytest.mark.parametrize(
    ("error", "code"), [(MemoryError(), "E_OUT_OF_MEMORY"), (ZeroDivisionError(), "E_INTERNAL")]
)
def test_an_error_of_one_image_is_its_result(
    start, fake_session, jobs, raising_at_black, error, code
):
    results = run(start(fake_session(raising_at_black(error))), jobs)
    assert [results[job].error and results[job].error.code for job in jobs] == [
        None, None, code, None, None, None,
    ]  # fmt: skip


def test_an_image_that_cannot_be_read_or_written_is_a_result_too(start, fake_session, jobs):
    jobs[0].source.write_bytes(b"not an image")
    missing = UpscaleJob(jobs[1].source, jobs[1].target.parent / "none" / "a.png", None)
    results = run(start(fake_session()), [jobs[0], missing, jobs[2]])
    assert results[jobs[0]].error.code == "E_NOT_AN_IMAGE"
    assert results[missing].error.code == "E_OUTPUT"
    assert results[jobs[2]].error is None


def test_a_gpu_that_fails_is_raised(start, fake_session, jobs, raising_at_black):
    engine = start(fake_session(raising_at_black(DeviceError("The GPU failed."))))
    engine.submit(jobs[2])
    with pytest.raises(DeviceError):
        take(engine)


def test_a_full_disk_is_raised(start, fake_session, jobs, monkeypatch):
    def full_disk(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full_disk)
    engine = start(fake_session())
    engine.submit(jobs[0])
    with pytest.raises(OutputError, match="disk is full"):
        take(engine)


def test_closing_ends_the_network_at_once_and_leaves_no_file(
    start, fake_session, jobs, tmp_path, monkeypatch
):
    monkeypatch.setattr(thread_engine, "SECONDS_TO_END", PATIENCE)
    begun, cancelled = threading.Event(), threading.Event()

    def run_until_cancelled(images):
        if images.shape[2] == 4 and not begun.is_set():
            return images.repeat(2, axis=2).repeat(2, axis=3)
        begun.set()
        assert cancelled.wait(PATIENCE)
        raise Cancelled("ended")

    session = fake_session(run_until_cancelled)
    session.cancel = cancelled.set
    engine = start(session)
    for job in jobs:
        engine.submit(job)
    assert begun.wait(PATIENCE)
    engine.close()
    assert cancelled.is_set()  # Nothing else lets the network continue.
    assert left_threads() == []
    assert list((tmp_path / "out").iterdir()) == []


def test_a_thread_that_cannot_be_interrupted_does_not_delay_the_end(
    start, fake_session, jobs, tmp_path, monkeypatch
):
    monkeypatch.setattr(thread_engine, "SECONDS_TO_END", 0.2)
    is_encoding, may_end = threading.Event(), threading.Event()
    encode = thread_engine.encode

    def slow_encode(*arguments):
        is_encoding.set()
        assert may_end.wait(PATIENCE)
        return encode(*arguments)

    monkeypatch.setattr(thread_engine, "encode", slow_encode)
    engine = start(fake_session())
    engine.submit(jobs[0])
    assert is_encoding.wait(PATIENCE)
    engine.close()
    assert left_threads()  # It was not waited for.
    may_end.set()
    deadline = time.monotonic() + PATIENCE
    while left_threads():
        assert time.monotonic() < deadline, "a thread never ended"
        time.sleep(0.01)
    assert list((tmp_path / "out").iterdir()) == []


def test_an_idle_engine_has_no_result_and_can_be_closed_twice(start, fake_session, monkeypatch):
    monkeypatch.setattr(thread_engine, "SECONDS_TO_END", PATIENCE)
    engine = start(fake_session())
    assert engine.take(0.01) is None
    engine.close()
    engine.close()
    assert left_threads() == []


def test_images_that_exceed_the_memory_run_one_at_a_time(start, fake_session, jobs, monkeypatch):
    monkeypatch.setattr(thread_engine, "PIXEL_MEMORY", 1)
    results = run(start(fake_session()), jobs)
    assert [results[job].error for job in jobs] == [None] * 6


def test_tiles_are_reported_with_their_job(start, fake_session, jobs):
    reported = []
    engine = start(fake_session())
    engine.on_tiles = lambda *values: reported.append(values)
    run(engine, jobs[:1])
    assert reported == [(jobs[0], 0, 1, 0), (jobs[0], 1, 1, 0)]


def test_an_animation_is_enlarged_frame_by_frame(start, fake_session, tmp_path, rng):
    frames = [Image.fromarray(rng.integers(0, 256, (5, 7, 3), np.uint8)) for _ in range(3)]
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:], duration=40)
    (tmp_path / "out").mkdir()
    job = UpscaleJob(tmp_path / "a.png", tmp_path / "out" / "a.png", None)
    engine, reported = start(fake_session()), []
    engine.on_tiles = lambda job, done, total, seconds: reported.append((done, total))
    result = run(engine, [job])[job]
    assert reported == [(0, 3), (1, 3), (2, 3), (3, 3)]  # so that the progress never falls
    assert (result.facts.frames, result.facts.tiles) == (3, 3)
    assert result.facts.result_size == (14, 10)
    commit(result.staged)
    with Image.open(job.target) as image:
        assert (image.n_frames, image.size) == (3, (14, 10))


class _Pixels:
    """Stands for the arrays of an image: it can be referenced weakly."""


def test_a_waiting_thread_keeps_no_pixels_of_a_failed_image(start, fake_session, jobs, monkeypatch):
    pixels = []

    def fail(job, *_):
        held = _Pixels()
        pixels.append(weakref.ref(held))
        raise PictureError("E_DAMAGED", "the file is damaged")

    monkeypatch.setattr(thread_engine, "decode", fail)
    engine = start(fake_session())
    engine.submit(jobs[0])
    assert take(engine).error is not None  # dropped at once, and its traceback with it
    deadline = time.monotonic() + PATIENCE
    while pixels[0]() is not None and time.monotonic() < deadline:
        gc.collect()
        time.sleep(0.01)
    assert pixels[0]() is None


def test_jobs_submitted_by_many_threads_stay_within_the_capacity(start, fake_session, jobs):
    engine = start(fake_session())
    callers = [
        threading.Thread(target=engine.submit, args=(job,)) for job in jobs for _ in range(20)
    ]
    before = len(left_threads())
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(left_threads()) - before <= engine.capacity


def test_a_photo_of_640_by_480_pixels_is_large():
    """It takes up to 20 seconds on a slow core; its progress must move before its only tile."""
    assert thread_engine.LARGE_PIXELS < 640 * 480


@pytest.mark.parametrize(("device", "is_expected"), [("cpu", True), ("cuda:0", False)])
def test_the_time_of_a_large_image_is_estimated_before_its_first_tile(
    start, fake_session, jobs, monkeypatch, device, is_expected
):
    monkeypatch.setattr(thread_engine, "LARGE_PIXELS", 1)
    session = fake_session()
    session.device = device
    engine, calls = start(session), []
    engine.on_tiles = lambda *call: calls.append(call)
    run(engine, jobs[:1])
    assert [call[:3] for call in calls] == [(jobs[0], 0, 1), (jobs[0], 1, 1)]
    assert (calls[0][3] > 0) is is_expected
    assert calls[1][3] == 0
