import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from srgan_gp.inference.tiling import tiles

SIDES = st.integers(1, 70)


def blur_and_double(x):
    """A network of radius 1: 3x3 box blur with zero padding, then every pixel twice."""
    p = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    h, w = x.shape[2:]
    blurred = sum(p[:, :, i : i + h, j : j + w] for i in range(3) for j in range(3)) / 9
    return blurred.repeat(2, axis=2).repeat(2, axis=3).astype(np.float32)


def run_tiled(network, image, *, scale, overlap, window=None, tile=None, **options):
    """Cut windows from an array, and join the results in another one.

    `tile` is short for square windows that keep `tile` pixels a side.
    """
    height, width = image.shape[2:]
    if window is None:
        multiple = options.get("multiple", 1)
        side = tiles.round_up(tile, multiple) + 2 * tiles.round_up(overlap, multiple)
        window = (side, side)
    result = np.full((1, 3, height * scale, width * scale), np.nan, np.float32)

    def cut(rows, columns):
        assert 0 <= rows[0] < rows[1] <= height
        assert 0 <= columns[0] < columns[1] <= width
        return image[:, :, slice(*rows), slice(*columns)]

    def store(rows, columns, kept):
        place = result[:, :, slice(*rows), slice(*columns)]
        assert np.isnan(place).all()
        place[:] = kept

    tiles.run_tiled(
        network, cut, store, size=(height, width), scale=scale, window=window, overlap=overlap,
        **options,
    )  # fmt: skip
    return result


def random_image(height, width, channels=3):
    return np.random.default_rng(0).random((1, channels, height, width), dtype=np.float32)


def network(model, threads=1):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return lambda image: session.run(None, {"image": image})[0]


@pytest.fixture(scope="module", params=[1, 2], ids=["1 thread", "2 threads"])
def radius_3(request, onnx_models):
    """Three 3x3 convolutions of 16 channels, then PixelShuffle, on ONNX Runtime's CPU provider."""
    return network(onnx_models.convolutional(width=16), request.param)


@pytest.mark.parametrize("size", [(1, 1), (7, 5), (16, 16), (17, 33)])
@pytest.mark.parametrize("tile", [1, 4, 16, 64])
def test_tiles_equal_the_whole_image(size, tile):
    image = random_image(*size)
    tiled = run_tiled(blur_and_double, image, scale=2, tile=tile, overlap=1)
    np.testing.assert_array_equal(tiled, blur_and_double(image))


def test_too_little_overlap_changes_the_result():
    image = random_image(8, 8)
    tiled = run_tiled(blur_and_double, image, scale=2, tile=4, overlap=0)
    assert np.abs(tiled - blur_and_double(image)).max() > 0.01


@settings(max_examples=60, deadline=None)
@given(height=SIDES, width=SIDES, tile=st.sampled_from([1, 2, 5, 8, 16, 31, 64]))
def test_a_network_gives_the_same_bits_in_tiles(radius_3, height, width, tile):
    image = random_image(height, width)
    tiled = run_tiled(radius_3, image, scale=2, tile=tile, overlap=3)
    np.testing.assert_array_equal(tiled, radius_3(image))


@pytest.mark.parametrize("size", [(1, 300), (300, 1), (2, 211), (5, 499), (149, 3)])
def test_thin_images_give_the_same_bits_in_tiles(radius_3, size):
    image = random_image(*size)
    tiled = run_tiled(radius_3, image, scale=2, tile=20, overlap=3)
    np.testing.assert_array_equal(tiled, radius_3(image))


def test_one_pixel_less_than_the_radius_changes_the_result(radius_3):
    image = random_image(40, 40)
    tiled = run_tiled(radius_3, image, scale=2, tile=10, overlap=2)
    assert np.abs(tiled - radius_3(image)).max() > 1e-4


@settings(max_examples=60, deadline=None)
@given(height=SIDES, width=SIDES, tile=st.integers(1, 40), overlap=st.integers(0, 9))
def test_all_windows_have_one_shape_unless_the_image_is_smaller(height, width, tile, overlap):
    seen = []

    def record(image):
        seen.append(image.shape[2:])
        return image

    image = random_image(height, width)
    result = run_tiled(record, image, scale=1, tile=tile, overlap=overlap)
    side = tile + 2 * overlap
    assert set(seen) == {(min(side, height), min(side, width))}
    np.testing.assert_array_equal(result, image)


def test_windows_start_and_end_at_multiples():
    """A network that subsamples by 4 is only shift-equivariant in steps of 4."""

    def every_fourth(x):
        assert x.shape[2] % 4 == 0 and x.shape[3] % 4 == 0
        return x[:, :, ::4, ::4].repeat(4, axis=2).repeat(4, axis=3)

    image = random_image(52, 84)
    tiled = run_tiled(every_fourth, image, scale=1, tile=10, overlap=3, multiple=4)
    np.testing.assert_array_equal(tiled, every_fourth(image))


def test_progress_counts_every_tile():
    reports = []
    run_tiled(
        blur_and_double, random_image(20, 30), scale=2, tile=8, overlap=1,
        on_progress=lambda done, total: reports.append((done, total)),
    )  # fmt: skip
    assert reports == [(i + 1, len(reports)) for i in range(len(reports))]
    assert len(reports) == 3 * 4


def test_an_exception_of_the_progress_callback_ends_the_run():
    def cancel(done, total):
        if done == 2:
            raise KeyboardInterrupt

    calls = []

    def counted(image):
        calls.append(1)
        return blur_and_double(image)

    with pytest.raises(KeyboardInterrupt):
        run_tiled(counted, random_image(30, 30), scale=2, tile=8, overlap=1, on_progress=cancel)
    assert len(calls) == 2


class RunsOutOfMemory:
    """Raises MemoryError at given calls, and for windows above a number of pixels."""

    def __init__(self, at=(), above=10**9):
        self.at, self.above, self.calls, self.failures = at, above, 0, 0

    def __call__(self, image):
        self.calls += 1
        if self.calls in self.at or image.shape[2] * image.shape[3] > self.above:
            self.failures += 1
            raise MemoryError
        return blur_and_double(image)


@pytest.mark.parametrize("call", range(1, 13))
def test_running_out_of_memory_at_any_tile_changes_nothing(call):
    image, limited = random_image(20, 30), RunsOutOfMemory(at=(call,))
    tiled = run_tiled(limited, image, scale=2, tile=8, overlap=1)
    assert limited.failures == 1
    np.testing.assert_array_equal(tiled, blur_and_double(image))


def test_finished_tiles_are_not_repeated_after_running_out_of_memory():
    reports, limited = [], RunsOutOfMemory(at=(7,))
    run_tiled(
        limited, random_image(20, 30), scale=2, tile=8, overlap=1,
        on_progress=lambda done, total: reports.append(done),
    )  # fmt: skip
    assert reports == list(range(1, len(reports) + 1))
    assert limited.calls == len(reports) + 1


@pytest.mark.parametrize("above", [300, 100, 50, 9])
def test_windows_shrink_until_they_fit(above):
    image, limited = random_image(40, 33), RunsOutOfMemory(above=above)
    tiled = run_tiled(limited, image, scale=2, tile=32, overlap=1)
    np.testing.assert_array_equal(tiled, blur_and_double(image))


def test_the_smallest_window_keeps_one_pixel():
    sizes = []

    def limited(image):
        sizes.append(image.shape[2:])
        raise MemoryError

    with pytest.raises(MemoryError, match="7 x 7"):
        run_tiled(limited, random_image(40, 40), scale=2, tile=32, overlap=3)
    assert sizes[-1] == (7, 7)


@settings(max_examples=60, deadline=None)
@given(size=st.tuples(SIDES, SIDES), window=st.tuples(st.integers(7, 80), st.integers(7, 80)))
def test_rectangular_windows_give_the_same_bits(radius_3, size, window):
    image = random_image(*size)
    tiled = run_tiled(radius_3, image, scale=2, window=window, overlap=3)
    np.testing.assert_array_equal(tiled, radius_3(image))


def test_a_window_keeps_a_pixel_and_an_overlap_is_not_negative():
    image = random_image(4, 9)
    with pytest.raises(ValueError, match="keep no pixels"):
        run_tiled(blur_and_double, image, scale=2, window=(4, 2), overlap=1)
    with pytest.raises(ValueError, match="0 or more"):
        run_tiled(blur_and_double, image, scale=2, window=(4, 2), overlap=-1)


def test_sides_must_be_multiples():
    with pytest.raises(ValueError, match="multiples of 4"):
        run_tiled(blur_and_double, random_image(6, 8), scale=2, tile=4, overlap=1, multiple=4)


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("size", [(1, 1), (64, 65), (233, 301), (600, 601)])
def test_a_network_of_48_channels_gives_the_same_bits_in_tiles(threads, size, onnx_models):
    layers = [onnx_models.layer(3)] * 27
    deep = network(onnx_models.convolutional(layers, scale=4, width=48), threads)
    image = random_image(*size)
    whole = deep(image)
    for tile in (61, 128, 333):
        tiled = run_tiled(deep, image, scale=4, tile=tile, overlap=27)
        np.testing.assert_array_equal(tiled, whole)
