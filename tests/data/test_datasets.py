import numpy as np
import pytest

from srgan_gp.data.datasets import (
    ImageCache,
    RandomCrops,
    WholeImages,
    read_ahead,
    require_sides,
)
from srgan_gp.errors import PictureError, UsageError


class Drawn:
    """An image file without a file: every pixel holds the image's number and its position."""

    def __init__(self, number, size=(20, 30)):
        self.number, self.size, self.reads = number, size, 0
        self.name = f"drawn-{number}.png"

    def shorter_side(self):
        return min(self.size)

    def read(self):
        self.reads += 1
        rows, columns = np.indices(self.size)
        return np.stack([np.full(self.size, self.number), rows, columns], -1).astype(np.uint8)


class Damaged(Drawn):
    """An image file whose header only is valid."""

    def read(self):
        raise PictureError("E_DAMAGED", f"{self.name}: the file is cut off")


def crops(count=5, seed=0, max_bytes=10**9, size=(20, 30), shrink_share=0.0):
    images = ImageCache([Drawn(n, size) for n in range(count)], max_bytes)
    return RandomCrops(images, seed, shrink_share)


def steps_between_pixels(batch):
    """How many pixels of the image lie between two neighbours of each window."""
    rows, columns = batch[:, 1].astype(int), batch[:, 2].astype(int)
    inner = np.s_[:, 2:-2, 2:-2]  # Pillow repeats the window's edge
    side = rows.shape[1] - 5
    return np.maximum(np.ptp(rows[inner], axis=(1, 2)), np.ptp(columns[inner], axis=(1, 2))) / side


def test_every_image_is_used_once_an_epoch():
    numbers = crops().indices(0, 15)
    epochs = [numbers[i : i + 5] for i in (0, 5, 10)]
    assert all(sorted(epoch) == [0, 1, 2, 3, 4] for epoch in epochs)
    assert epochs[0] != epochs[1] or epochs[1] != epochs[2]


def test_a_crop_depends_on_its_number_alone():
    straight = crops().batch(0, 12, 8)
    pieces = crops()
    late = pieces.batch(7, 5, 8)
    early = pieces.batch(0, 7, 8)
    assert np.array_equal(straight, np.concatenate([early, late]))


def test_another_seed_gives_other_crops():
    assert not np.array_equal(crops(seed=0).batch(0, 12, 8), crops(seed=1).batch(0, 12, 8))


def test_crops_are_windows_of_one_image_flipped_or_rotated():
    batch = crops().batch(0, 200, 6)
    assert batch.shape == (200, 3, 6, 6)
    turned = 0
    for number, rows, columns in batch.astype(int):
        assert len(np.unique(number)) == 1
        down, across = np.diff(rows, axis=0), np.diff(rows, axis=1)
        assert abs(down).max() + abs(across).max() == 1  # rows run along exactly one axis
        turned += abs(across).max()
        assert np.ptp(rows) == np.ptp(columns) == 5
    assert 60 < turned < 140


def test_all_eight_orientations_occur():
    seen = set()
    for _, rows, columns in crops().batch(0, 200, 2).astype(int):
        seen.add((*(np.array(rows) - rows.min()).flatten(), *(columns - columns.min()).flatten()))
    assert len(seen) == 8


def test_some_windows_are_downscaled_by_one_to_two():
    large = {"size": (100, 120), "count": 3}
    batch = crops(**large, shrink_share=0.5).batch(0, 400, 20)
    assert batch.shape == (400, 3, 20, 20)
    steps = steps_between_pixels(batch)
    shrunk = steps > 1.03
    assert 0.4 < shrunk.mean() < 0.6
    assert steps[shrunk].min() < 1.1
    assert 1.9 < steps.max() < 2.1
    assert np.quantile(steps[shrunk], 0.5) == pytest.approx(1.5, abs=0.1)
    untouched = crops(**large).batch(0, 400, 20)
    assert np.array_equal(batch[~shrunk], untouched[~shrunk])  # but for those that changed little
    assert (steps_between_pixels(untouched) == 1).all()


def test_a_downscaled_window_is_not_larger_than_its_image():
    batch = crops(size=(12, 30), shrink_share=1.0).batch(0, 100, 10)
    assert 1.1 < steps_between_pixels(batch).max() < 1.3
    assert crops(size=(10, 30), shrink_share=1.0).batch(0, 20, 10).shape == (20, 3, 10, 10)


def test_windows_reach_every_edge():
    rows = crops(size=(9, 9)).batch(0, 300, 8)[:, 1]
    assert rows.min() == 0
    assert rows.max() == 8


def test_the_whole_image_can_be_the_window():
    assert crops(size=(8, 8)).batch(0, 2, 8).shape == (2, 3, 8, 8)


def test_images_smaller_than_the_window_are_counted_and_the_first_is_named():
    files = [Drawn(1), Drawn(2, (19, 30)), Drawn(3, (30, 18))]
    require_sides(files[:1], 20)
    with pytest.raises(UsageError, match=r"2 of 3 .* below 20 pixels.*drawn-2\.png"):
        require_sides(files, 20)


def test_the_cache_keeps_what_fits():
    cache = ImageCache([Drawn(n) for n in range(3)], max_bytes=2 * 20 * 30 * 3)
    for _ in range(4):
        assert [int(cache[i][0, 0, 0]) for i in range(3)] == [0, 1, 2]
    assert [file.reads for file in cache.files] == [1, 1, 4]


def with_damaged(*numbers, count=200):
    files = [(Damaged if n in numbers else Drawn)(n) for n in range(count)]
    return ImageCache(files, max_bytes=10**9)


@pytest.mark.parametrize(
    "batch",
    [
        lambda images: RandomCrops(images, 0).batch(0, 200, 20),
        lambda images: WholeImages(images, 0).batch(0, 200),
    ],
    ids=["crops", "whole"],
)
def test_the_next_image_replaces_a_damaged_one_in_any_run(batch):
    with pytest.warns(UserWarning, match=r"drawn-199\.png: the file is cut off\. The next"):
        found = batch(with_damaged(199))
    numbers, whole = found[:, 0, 0, 0], batch(with_damaged())
    damaged = whole[:, 0, 0, 0] == 199
    assert numbers[damaged] == 0  # the set starts again
    assert np.array_equal(found[~damaged], whole[~damaged])


def test_a_damaged_image_is_reported_once_and_too_many_stop_the_run():
    one = RandomCrops(with_damaged(7), 0)
    with pytest.warns(UserWarning) as said:
        one.batch(0, 600, 8)
    assert len(said) == 1
    with pytest.warns(UserWarning), pytest.raises(PictureError, match="cut off"):
        RandomCrops(with_damaged(7, 8, 90), 0).batch(0, 200, 8)
    with pytest.raises(PictureError, match="drawn-3"):
        RandomCrops(with_damaged(3, count=99), 0).batch(0, 99, 8)


@pytest.mark.parametrize("depth", [1, 3, 50])
def test_reading_ahead_keeps_the_order(depth):
    assert list(read_ahead(lambda n: n * n, iter(range(9)), depth=depth)) == [
        n * n for n in range(9)
    ]


def test_an_error_while_reading_ahead_reaches_the_reader():
    with pytest.raises(ZeroDivisionError):
        list(read_ahead(lambda n: 1 // n, iter([1, 0])))
