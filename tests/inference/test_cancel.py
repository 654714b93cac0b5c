"""Cancellation from another thread, during a run, and use of the upscaler afterwards."""

import pickle
import signal
import threading
import time

import numpy as np
import pytest

from srgan_gp.errors import Cancelled, SrganGpError
from srgan_gp.images import mapped_arrays
from srgan_gp.inference.session import Session
from srgan_gp.inference.tiling import lanczos
from srgan_gp.inference.upscaler import Upscaler

PIXELS = np.zeros((40, 40, 3), np.uint8)


def double(images):
    return images.repeat(2, axis=2).repeat(2, axis=3)


@pytest.fixture
def slow_model(tiny_model, onnx_models):
    """A model whose run over one large image takes many operations and seconds."""
    layers = [onnx_models.layer(3)] * 60
    return tiny_model("slow", onnx_models.convolutional(layers, width=32), overlap="60")


def cancel_during_run(session, cancel):
    """Call `cancel` from another thread as soon as the session is in a run."""

    def wait():
        while not session._running:
            time.sleep(0.001)
        time.sleep(0.01)
        cancel()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def test_a_run_is_stopped_and_the_next_one_is_complete(slow_model):
    session = Session.open(slow_model, device="cpu", threads=1)
    upscaler = Upscaler(session)
    small = upscaler.upscale(PIXELS)
    thread = cancel_during_run(session, upscaler.cancel)
    started = time.process_time()  # of all threads; the network has its own
    with pytest.raises(Cancelled):
        upscaler.upscale(np.zeros((700, 700, 3), np.uint8), tile=None)
    assert time.process_time() - started < 2  # the whole run takes 5 or more
    thread.join()
    np.testing.assert_array_equal(upscaler.upscale(PIXELS), small)


def test_ctrl_c_in_the_main_thread_ends_a_run(slow_model):
    session = Session.open(slow_model, device="cpu", threads=1)
    upscaler = Upscaler(session)
    small = upscaler.upscale(PIXELS)
    main = threading.main_thread().ident
    thread = cancel_during_run(session, lambda: signal.pthread_kill(main, signal.SIGINT))
    started = time.process_time()
    with pytest.raises(KeyboardInterrupt):
        upscaler.upscale(np.zeros((700, 700, 3), np.uint8), tile=None)
    assert time.process_time() - started < 2  # the whole run takes 5 or more
    thread.join()
    assert not session._running
    np.testing.assert_array_equal(upscaler.upscale(PIXELS), small)


def test_no_tile_starts_after_the_current_one(fake_session):
    tiles = []

    def cancelled_at_the_third(images):
        tiles.append(images.shape)
        if len(tiles) == 3:
            upscaler.cancel()
        return double(images)

    upscaler = Upscaler(fake_session(cancelled_at_the_third))
    with pytest.raises(Cancelled):
        upscaler.upscale(PIXELS, tile=8)
    assert len(tiles) == 3
    assert upscaler.report is None
    np.testing.assert_array_equal(
        upscaler.upscale(PIXELS, tile=8), PIXELS.repeat(2, 0).repeat(2, 1)
    )


def test_cancelling_between_two_tiles_ends_the_call(fake_session):
    upscaler = Upscaler(fake_session())

    def cancel_at_two(done, total):
        if done == 2:
            upscaler.cancel()

    with pytest.raises(Cancelled):
        upscaler.upscale(PIXELS, tile=8, on_progress=cancel_at_two)


def test_cancelling_ends_resampling_before_the_next_band(fake_session, monkeypatch):
    resized, bands = lanczos._resize, []

    def cancelled_at_the_third(*arguments):
        bands.append(arguments)
        if len(bands) == 3:
            upscaler.cancel()
        return resized(*arguments)

    monkeypatch.setattr(mapped_arrays, "LARGE_BYTES", 100)
    monkeypatch.setattr(lanczos, "BAND_VALUES", 300)
    monkeypatch.setattr(lanczos, "_resize", cancelled_at_the_third)
    upscaler = Upscaler(fake_session(double))
    with pytest.raises(Cancelled):
        upscaler.upscale(PIXELS, scale=3)
    assert len(bands) == 3


def test_cancelling_without_a_call_does_not_affect_the_next_one(tiny_model):
    upscaler = Upscaler.load(tiny_model(), device="cpu")
    upscaler.cancel()
    assert upscaler.upscale(PIXELS).shape == (80, 80, 3)


def test_a_failure_is_not_reported_as_cancelled(tiny_model):
    session = Session.open(tiny_model(), device="cpu")
    with pytest.raises(SrganGpError) as caught:
        session.run(np.zeros((1, 5, 4, 4), np.float32))
    assert not isinstance(caught.value, Cancelled)


def test_cancelling_one_ends_the_calls_of_all_upscalers_of_a_model(slow_model):
    session = Session.open(slow_model, device="cpu", threads=1)
    one = Upscaler(session)
    other = one.sharing()
    ends = []

    def upscale(upscaler):
        with pytest.raises(Cancelled):
            upscaler.upscale(np.zeros((700, 700, 3), np.uint8), tile=None)
        ends.append(upscaler)

    threads = [threading.Thread(target=upscale, args=(upscaler,)) for upscaler in (one, other)]
    for thread in threads:
        thread.start()
    while len(session._running) < 2:
        time.sleep(0.001)
    one.cancel()
    for thread in threads:
        thread.join()
    assert set(ends) == {one, other}


def test_an_upscaler_without_a_call_cancels_those_of_others(fake_session):
    working = Upscaler(fake_session())
    idle = working.sharing().sharing()

    def cancel_at_two(done, total):
        if done == 2:
            idle.cancel()

    with pytest.raises(Cancelled):
        working.upscale(PIXELS, tile=8, on_progress=cancel_at_two)


def test_cancelling_between_two_images_of_a_list_ends_the_call(fake_session):
    upscaler = Upscaler(fake_session())
    numbers = []

    def cancel(done, total):
        numbers.append(done)
        upscaler.cancel()

    with pytest.raises(Cancelled):
        upscaler.upscale([PIXELS, PIXELS[:8]], on_progress=cancel)
    assert numbers == [1]


def test_an_upscaler_is_not_pickled(fake_session):
    upscaler = Upscaler(fake_session())
    with pytest.raises(TypeError, match="Upscaler objects cannot be pickled or copied"):
        pickle.dumps(upscaler.upscale)
