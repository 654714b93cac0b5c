"""Bands are processed in several threads, in order and only a few ahead."""

import threading

import pytest

from srgan_gp.images.codecs import band_threads
from srgan_gp.images.codecs.band_threads import map_bands


@pytest.fixture(params=[1, 2, 5])
def threads(request, monkeypatch):
    monkeypatch.setattr(band_threads, "_cpus", lambda: request.param)
    return request.param


@pytest.mark.parametrize("count", [0, 1, 2, 3, 40])
@pytest.mark.usefixtures("threads")
def test_results_have_the_order_of_the_bands(count):
    assert list(map_bands(lambda band: band * 10, range(count))) == [
        band * 10 for band in range(count)
    ]


def test_few_bands_are_taken_ahead(threads):
    taken = []

    def bands():
        for number in range(100):
            taken.append(number)
            yield number

    for number in map_bands(lambda band: band, bands()):
        assert len(taken) <= number + 1 + max(threads, 3)


def test_bands_are_processed_at_the_same_time(monkeypatch):
    monkeypatch.setattr(band_threads, "_cpus", lambda: 3)
    barrier = threading.Barrier(3)
    assert len(set(map_bands(lambda _: barrier.wait(30), range(3)))) == 3


def test_a_small_image_starts_no_thread():
    used = set(map_bands(lambda _: threading.get_ident(), range(2)))
    assert used == {threading.get_ident()}


@pytest.mark.usefixtures("threads")
def test_an_error_ends_all_threads():
    before = threading.active_count()

    def fail(band):
        if band == 4:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(map_bands(fail, range(50)))
    assert threading.active_count() == before


@pytest.mark.usefixtures("threads")
def test_closing_ends_all_threads():
    before = threading.active_count()
    results = map_bands(lambda band: band, range(50))
    assert next(results) == 0
    results.close()
    assert threading.active_count() == before
