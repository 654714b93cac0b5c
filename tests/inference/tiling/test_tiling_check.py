import numpy as np
import pytest

from srgan_gp.inference.tiling.tiling_check import OFFSETS, compare_tiles, uneven_image


def blur(image):
    """Mean of three columns and three rows, radius 1."""
    padded = np.pad(image, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
    height, width = image.shape[2:]
    parts = [padded[:, :, y : y + height, x : x + width] for y in range(3) for x in range(3)]
    return (sum(parts) / 9).astype(np.float32)


def group_norm(image):
    return blur((image - image.mean()) / image.std())


def attention(image):
    """Channel attention: a factor that depends on the mean of the whole image."""
    return blur(image) * (1 + 0.01 * image.mean(axis=(2, 3), keepdims=True))


def position(image):
    """A network with an embedding of the absolute position."""
    columns = np.arange(image.shape[3], dtype=np.float32)
    return blur(image) + 1e-3 * np.sin(columns)


def windows(image):
    """Mean of each window of 4 x 4 pixels, aligned to the upper left corner."""
    height, width = image.shape[2:]
    padded = np.pad(image, ((0, 0), (0, 0), (0, -height % 4), (0, -width % 4)), mode="edge")
    blocks = padded.reshape(1, 3, padded.shape[2] // 4, 4, padded.shape[3] // 4, 4)
    means = np.broadcast_to(blocks.mean(axis=(3, 5), keepdims=True), blocks.shape)
    return means.reshape(padded.shape)[:, :, :height, :width].astype(np.float32)


def test_tiles_of_a_local_network_are_exact():
    assert compare_tiles(blur, 1, 1).is_exact


def test_too_small_an_overlap_is_found():
    assert not compare_tiles(blur, 1, 0).is_exact


@pytest.mark.parametrize("network", [group_norm, attention, position, windows])
def test_a_network_that_depends_on_more_than_its_surroundings_is_not_exact(network):
    found = compare_tiles(network, 1, 8)
    assert not found.is_exact and found.largest > 1e-4


def test_windows_are_exact_at_offsets_that_are_multiples_of_them():
    assert compare_tiles(windows, 1, 4, multiple=4).is_exact
    assert not compare_tiles(windows, 1, 4, multiple=2).is_exact


def test_values_that_are_not_finite_do_not_count_as_equal():
    assert not compare_tiles(lambda image: image * np.float32("nan"), 1, 1).is_exact


@pytest.mark.parametrize(("multiple", "odd"), [(1, 1), (8, 8)])
def test_twenty_offsets_are_compared_half_of_them_along_each_axis(multiple, odd):
    sizes = []

    def record(image):
        sizes.append(image.shape[2:])
        return image

    compare_tiles(record, 1, 3, multiple=multiple)
    assert len(sizes) == OFFSETS + 2 == 22
    assert len({size for size in sizes if size[0] > size[1]}) == 2
    assert len({size for size in sizes if size[1] > size[0]}) == 2


def test_the_parts_of_the_image_have_different_means():
    image = uneven_image(32, 400)
    means = [image[..., start : start + 100].mean(axis=(2, 3)) for start in (0, 100, 200, 300)]
    assert np.ptp(np.stack(means), axis=0).min() > 0.1
    assert image.min() >= 0 and image.max() <= 1
