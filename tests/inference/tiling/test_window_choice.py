import math
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from srgan_gp.inference.session import Session
from srgan_gp.inference.tiling.tiles import round_up, run_tiled
from srgan_gp.inference.tiling.window_choice import (
    CPU_BUDGET,
    GPU_BUDGET,
    MAX_GPU_PIXELS,
    MAX_OVERHEAD,
    MIN_TILE,
    TileLimit,
    choose_window,
    choose_window_by_memory,
    choose_window_by_tile,
    count_computed_pixels,
    smallest_cover,
)
from srgan_gp.inference.upscaler import DEFAULT_MODEL

WEIGHTS = Path(__file__).resolve().parents[3] / "weights"
BUDGETS = pytest.mark.parametrize("on_gpu", [False, True], ids=["CPU", "GPU"])
SIDES = st.integers(1, 150)


@pytest.fixture
def info(fake_session):
    return fake_session(scale=4, overlap=27, bytes_per_pixel=1600).info


def windows_of(size, **options):
    """The windows that `run_tiled` computes for an image of this size."""
    seen = []

    def record(image):
        seen.append(image.shape[2:])
        return image

    run_tiled(
        record, lambda rows, columns: np.empty((1, 1, rows[1] - rows[0], columns[1] - columns[0])),
        lambda *_: None, size=size, scale=1, **options,
    )  # fmt: skip
    return seen


def random_sizes(count, smallest, largest, seed=0):
    return np.random.default_rng(seed).integers(smallest, largest + 1, (count, 2)).tolist()


def overhead(info, height, width, **options):
    """Computed pixels for each needed one."""
    window = choose_window_by_memory(info, height, width, **options) or (height, width)
    return count_computed_pixels((height, width), window, overlap=info.overlap) / (height * width)


def axis_costs(length, overlap, multiple):
    """Computed pixels along an axis, by the side of the windows; infinite where they keep none."""
    sides = np.arange(multiple, length + 1, multiple)
    kept = sides - 2 * round_up(overlap, multiple)
    counts = np.ceil((length - 2 * round_up(overlap, multiple)) / np.where(kept > 0, kept, 1))
    costs = np.where(kept > 0, np.maximum(counts, 1) * sides, np.inf)
    costs[-1] = length
    return sides, costs


@settings(max_examples=30, deadline=None)
@given(
    size=st.tuples(st.integers(100, 900), st.integers(100, 900)), overlap=st.integers(4, 60),
    multiple=st.sampled_from([1, 2, 4]), max_pixels=st.integers(10_000, 400_000),
)  # fmt: skip
def test_no_window_within_the_limit_computes_two_percent_less(size, overlap, multiple, max_pixels):
    size = tuple(round_up(side, multiple) for side in size)
    limit = max(max_pixels, (round_up(MIN_TILE, multiple) + 2 * round_up(overlap, multiple)) ** 2)
    heights, row_costs = axis_costs(size[0], overlap, multiple)
    widths, column_costs = axis_costs(size[1], overlap, multiple)
    fits = np.outer(heights, widths) <= limit
    fewest = np.outer(row_costs, column_costs)[fits].min()
    chosen = smallest_cover(size, max_pixels, overlap=overlap, multiple=multiple)
    assert math.prod(chosen) <= limit
    assert count_computed_pixels(size, chosen, overlap=overlap, multiple=multiple) <= 1.02 * fewest


@settings(max_examples=60, deadline=None)
@given(
    size=st.tuples(SIDES, SIDES), overlap=st.integers(0, 20), multiple=st.sampled_from([1, 2, 4]),
    max_pixels=st.integers(1, 30_000), tile=st.integers(1, 100),
)  # fmt: skip
def test_the_windows_that_run_are_those_that_were_counted(
    size, overlap, multiple, max_pixels, tile
):
    size = tuple(round_up(side, multiple) for side in size)
    options = {"overlap": overlap, "multiple": multiple}
    for window in (
        smallest_cover(size, max_pixels, **options), choose_window_by_tile(size, tile, **options)
    ):  # fmt: skip
        seen = windows_of(size, window=window, **options)
        assert set(seen) == {window}
        assert len(seen) * math.prod(window) == count_computed_pixels(size, window, **options)


@settings(max_examples=60, deadline=None)
@given(size=st.tuples(SIDES, SIDES), overlap=st.integers(0, 20), tile=st.integers(1, 100))
def test_a_window_of_tiles_needs_no_more_tiles_than_the_full_tile(size, overlap, tile):
    side = tile + 2 * overlap
    window = choose_window_by_tile(size, tile, overlap=overlap)
    assert max(window) <= side
    full = windows_of(size, window=(side, side), overlap=overlap)
    assert len(windows_of(size, window=window, overlap=overlap)) == len(full)


@pytest.mark.parametrize("path", sorted(WEIGHTS.glob("*-x4*.onnx")), ids=lambda path: path.stem)
def test_the_shipped_models_compute_few_pixels_twice(path):
    info = Session.open(path, device="cpu").info
    for height in range(512, 12_000_000 // 512, 97):
        for width in range(512, 12_000_000 // height + 1, 193):
            assert overhead(info, height, width, on_gpu=False) <= 1.12, (height, width)


@BUDGETS
def test_an_overlap_of_28_costs_at_most_an_eighth(fake_session, on_gpu):
    info = fake_session(overlap=28, bytes_per_pixel=800).info
    for height, width in random_sizes(1000, 512, 4000):
        if height * width <= 12_000_000:
            assert overhead(info, height, width, on_gpu=on_gpu) <= 1.12, (height, width)


@BUDGETS
@pytest.mark.parametrize("size", [(900, 900), (3000, 4000), (100, 50_000), (10_000, 10_000)])
def test_windows_fit_the_budget(info, size, on_gpu):
    window = choose_window_by_memory(info, *size, on_gpu=on_gpu) or size
    assert math.prod(window) * 1600 <= (GPU_BUDGET if on_gpu else CPU_BUDGET)
    assert math.prod(window) <= MAX_GPU_PIXELS or not on_gpu


def test_an_image_that_fits_is_not_tiled(info):
    side = math.isqrt(CPU_BUDGET // 1600)
    assert choose_window_by_memory(info, side, side, on_gpu=False) is None
    assert choose_window_by_memory(info, side + 1, side + 1, on_gpu=False) is not None


def test_a_limit_of_pixels_is_kept_where_it_costs_little(info):
    window = choose_window_by_memory(info, 3000, 4000, on_gpu=False, pixel_limit=500_000)
    assert math.prod(window) <= 500_000
    assert overhead(info, 3000, 4000, on_gpu=False, pixel_limit=500_000) <= MAX_OVERHEAD
    assert choose_window_by_memory(info, 100, 100, on_gpu=False, pixel_limit=20_000) is None


def test_a_limit_of_pixels_is_exceeded_where_it_would_cost_much(info):
    for limit in (1, 10_000, 100_000):
        window = choose_window_by_memory(info, 3000, 4000, on_gpu=False, pixel_limit=limit)
        assert overhead(info, 3000, 4000, on_gpu=False, pixel_limit=limit) <= MAX_OVERHEAD
        assert 300_000 < math.prod(window) <= CPU_BUDGET // 1600


def test_a_limit_of_pixels_never_exceeds_the_budget(fake_session):
    info = fake_session(overlap=300, bytes_per_pixel=1600).info
    for limit in (1, 10**9):
        window = choose_window_by_memory(info, 5000, 5000, on_gpu=False, pixel_limit=limit)
        assert window == choose_window_by_memory(info, 5000, 5000, on_gpu=False)


def test_a_large_overlap_still_leaves_pixels_to_keep(fake_session):
    info = fake_session(overlap=350, bytes_per_pixel=50_000).info
    window = choose_window_by_memory(info, 2000, 2000, on_gpu=False)
    assert min(window) > 700
    assert math.prod(window) <= (MIN_TILE + 700) ** 2


def test_windows_of_a_model_with_a_size_multiple_are_multiples(fake_session):
    info = fake_session(overlap=27, size_multiple=4, bytes_per_pixel=1600).info
    window = choose_window_by_memory(info, 1501, 2003, on_gpu=False)
    assert [side % 4 for side in window] == [0, 0]


def test_a_global_model_is_never_tiled(fake_session):
    info = fake_session(overlap=None).info
    assert choose_window_by_memory(info, 10_000, 10_000, on_gpu=True, pixel_limit=1) is None


def check_bits(network, info, sizes, on_gpu):
    """Compare tiles with the whole image; return the number of images that were tiled."""
    tiled = 0
    for height, width in sizes:
        image = np.random.default_rng(height).random((1, 3, height, width), dtype=np.float32)
        whole = network(image)
        window = choose_window_by_memory(info, height, width, on_gpu=on_gpu)
        if window is None:
            continue
        tiled += 1
        joined = np.full_like(whole, np.nan)

        def cut(rows, columns, image=image):
            return image[:, :, slice(*rows), slice(*columns)]

        def store(rows, columns, part, joined=joined):
            joined[:, :, slice(*rows), slice(*columns)] = part

        run_tiled(
            network, cut, store, size=(height, width), scale=info.scale, window=window,
            overlap=info.overlap,
        )  # fmt: skip
        np.testing.assert_array_equal(joined, whole, err_msg=f"{height} x {width}")
    return tiled


@BUDGETS
def test_the_chosen_windows_give_the_same_bits(fake_session, onnx_models, on_gpu):
    model = onnx_models.convolutional(width=16)
    engine = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    info = fake_session(scale=2, overlap=3, bytes_per_pixel=CPU_BUDGET // 8000).info
    sizes = random_sizes(20, 60, 260)
    assert check_bits(lambda x: engine.run(None, {"image": x})[0], info, sizes, on_gpu) > 10


@pytest.mark.slow
@BUDGETS
def test_a_shipped_model_gives_the_same_bits_for_200_sizes(fake_session, on_gpu):
    session = Session.open(DEFAULT_MODEL, device="cpu", threads=1)
    overlap = session.info.overlap
    info = fake_session(scale=4, overlap=overlap, bytes_per_pixel=CPU_BUDGET // 15_000).info
    sizes = random_sizes(200, 120, 280)
    assert check_bits(session.run, info, sizes, on_gpu) > 90


def test_a_limit_makes_smaller_tiles_than_the_memory_needs(fake_session):
    session = fake_session(scale=4, overlap=27, bytes_per_pixel=1600)
    by_memory = choose_window(session, "auto", 900, 1200)
    limited = choose_window(session, TileLimit(300_000), 900, 1200)
    assert math.prod(limited) < math.prod(by_memory)
    assert limited == choose_window_by_memory(
        session.info, 900, 1200, on_gpu=False, pixel_limit=300_000
    )
    assert choose_window(session, None, 900, 1200) == (900, 1200)


def test_approximate_tiles_are_not_used_for_a_report_of_progress(fake_session):
    session = fake_session(overlap=32, has_exact_tiles=False, bytes_per_pixel=100)
    assert choose_window(session, TileLimit(300_000), 900, 1200) == (900, 1200)
    assert choose_window(session, 100, 900, 1200) != (900, 1200)
