"""Float16 on the CPU provider, which runs the same graph and the same bindings as a GPU."""

import threading

import numpy as np
import onnx
import pytest
from PIL import Image

from srgan_gp.errors import Cancelled, ModelRefusedError, PictureError
from srgan_gp.images import Picture
from srgan_gp.inference.ort_engine import create_session
from srgan_gp.inference.precision.bound_engine import BUFFER_SETS, BoundEngine
from srgan_gp.inference.precision.float16_graph import FINITE_CHECK, to_float16
from srgan_gp.inference.runtime_types import Float16OverflowError
from srgan_gp.inference.upscaler import Upscaler


@pytest.fixture
def half(tiny_model):
    return Upscaler.load(tiny_model(), device="cpu", precision="float16")


@pytest.fixture
def exact(tiny_model):
    return Upscaler.load(tiny_model(), device="cpu")


def test_results_differ_by_one_level_at_most(half, exact, tiny_image):
    difference = np.abs(half.upscale(tiny_image).astype(int) - exact.upscale(tiny_image))
    assert difference.max() <= 1
    assert (half.report.precision, half.report.warnings) == ("float16", ())
    assert "in float16" in half.choice


@pytest.mark.parametrize("tile", [5, 7, None])
def test_tiles_differ_by_one_level_at_most(half, tiny_image, tile):
    difference = np.abs(half.upscale(tiny_image, tile=tile).astype(int) - half.upscale(tiny_image))
    assert difference.max() <= 1


def test_pixels_enter_and_leave_the_graph_as_uint8(tiny_model):
    data = to_float16(tiny_model().read_bytes(), "tiny", takes_uint8=True)
    model = onnx.load_model_from_string(data)
    kinds = [
        value.type.tensor_type.elem_type for value in (*model.graph.input, *model.graph.output)
    ]
    assert kinds == [onnx.TensorProto.UINT8, onnx.TensorProto.UINT8, onnx.TensorProto.FLOAT]
    assert model.graph.output[1].name == FINITE_CHECK
    weights = [t for t in model.graph.initializer if t.name.endswith("weight")]
    assert all(t.data_type == onnx.TensorProto.FLOAT16 for t in weights)


def test_only_pixels_are_copied(half, tiny_image, monkeypatch):
    seen = []
    run = BoundEngine.run

    def note(self, window, options):
        result = run(self, window, options)
        seen.append((window.dtype, result.dtype))
        return result

    monkeypatch.setattr(BoundEngine, "run", note)
    half.upscale(tiny_image)
    assert seen == [(np.uint8, np.uint8)]
    half.upscale(tiny_image, scale=3)  # resampled from unrounded values
    assert seen[1:] == [(np.float32, np.float32)]
    assert half.report.precision == "float16"


def test_grey_and_alpha_run_in_float16(half, exact, tiny_image):
    alpha = np.ascontiguousarray(tiny_image[..., 0])
    picture = Picture(tiny_image[..., :1].copy(), alpha=alpha)
    fast, slow = half.upscale_picture(picture), exact.upscale_picture(picture)
    assert np.abs(fast.pixels.astype(int) - slow.pixels).max() <= 1
    assert np.abs(fast.alpha.astype(int) - slow.alpha).max() <= 1


def test_16_bit_pixels_are_computed_in_float32_and_reported(half, exact, tiny_image):
    pixels = tiny_image.astype(np.uint16) * 257
    np.testing.assert_array_equal(half.upscale(pixels), exact.upscale(pixels))
    assert half.report.precision == "float32"
    assert half.report.warnings == (
        "its values have more than 8 bits, so it was computed in float32",
    )


def test_an_overflow_is_computed_in_float32_and_reported(half, exact, tiny_image, monkeypatch):
    calls = []

    def overflow(self, window, options):
        calls.append(window.shape)
        raise Float16OverflowError("overflow")

    monkeypatch.setattr(BoundEngine, "run", overflow)
    np.testing.assert_array_equal(half.upscale(tiny_image), exact.upscale(tiny_image))
    assert len(calls) == half.report.tiles == 1
    [warning] = half.report.warnings
    assert warning == "float16 overflowed in 1 tiles, which were computed in float32"


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_the_graph_finds_values_that_are_not_finite(tiny_model, value):
    # On the CPU provider float16 does not overflow, because it computes in float32.
    data = to_float16(tiny_model().read_bytes(), "tiny", takes_uint8=False)
    bound = BoundEngine(create_session(data, 1), "cpu", "tiny")
    window = np.zeros((1, 3, 12, 12), np.float32)
    assert np.isfinite(bound.run(window, None)).all()
    window[0, 1, 5, 5] = value
    with pytest.raises(Float16OverflowError):
        bound.run(window, None)


def test_a_result_that_is_not_finite_in_float32_either_is_an_error(half, tiny_image, monkeypatch):
    def run(window, half=None):
        if half:
            raise Float16OverflowError("overflow")
        return np.full((1, 3, 24, 34), np.nan, np.float32)

    monkeypatch.setattr(half._session, "run", run)
    with pytest.raises(PictureError, match="not finite"):
        half.upscale(tiny_image)


class CountingEngine:
    """An engine that counts its bindings and fails once it is told to."""

    def __init__(self, data):
        self.engine, self.bindings, self.error = create_session(data, 1), 0, None

    def __getattr__(self, name):
        return getattr(self.engine, name)

    def io_binding(self):
        self.bindings += 1
        return self.engine.io_binding()

    def run_with_iobinding(self, binding, options):
        if self.error:
            raise self.error
        return self.engine.run_with_iobinding(binding, options)


@pytest.fixture
def counting(tiny_model):
    return CountingEngine(to_float16(tiny_model().read_bytes(), "tiny", takes_uint8=True))


def test_buffers_are_kept_while_the_shape_stays(counting, rng):
    bound = BoundEngine(counting, "cpu", "tiny")
    windows = [rng.integers(0, 256, (1, 3, 8, 9), dtype=np.uint8) for _ in range(6)]
    results = [bound.run(window, None) for window in windows]
    assert counting.bindings == BUFFER_SETS == 2
    again = [bound.run(window, None) for window in windows]
    assert all(np.array_equal(a, b) for a, b in zip(results, again, strict=True))
    assert counting.bindings == 2
    bound.run(windows[0][..., :5], None)
    assert counting.bindings == 3


def test_threads_do_not_share_buffers(counting, rng):
    bound = BoundEngine(counting, "cpu", "tiny")
    windows = [rng.integers(0, 256, (1, 3, 16, 16), dtype=np.uint8) for _ in range(8)]
    alone = [bound.run(window, None) for window in windows]
    together = [None] * len(windows)

    def work(index):
        together[index] = bound.run(windows[index], None)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(len(windows))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))


@pytest.mark.parametrize(
    ("error", "kind"),
    [(RuntimeError("CUDA failure 2: out of memory"), MemoryError), (MemoryError(), MemoryError),
     (RuntimeError("Got invalid dimensions"), ModelRefusedError)],
)  # fmt: skip
def test_errors_become_ours_and_the_buffers_are_freed(counting, error, kind, rng):
    bound = BoundEngine(counting, "cpu", "tiny")
    window = rng.integers(0, 256, (1, 3, 8, 9), dtype=np.uint8)
    counting.error = error
    for _ in range(BUFFER_SETS + 1):  # a set that is not returned would block the third call
        with pytest.raises(kind):
            bound.run(window, None)
    counting.error = None
    assert bound.run(window, None).shape == (1, 3, 16, 18)


def test_a_run_can_be_cancelled(half, tiny_image, monkeypatch):
    def cancelled(self, window, options):
        half.cancel()
        raise ModelRefusedError("terminated")

    monkeypatch.setattr(BoundEngine, "run", cancelled)
    with pytest.raises(Cancelled):
        half.upscale(tiny_image)


def test_a_model_that_cannot_be_converted_is_refused(tiny_model, monkeypatch):
    from onnxruntime.transformers import float16

    def fail(model, **options):
        raise ValueError("no")

    monkeypatch.setattr(float16, "convert_float_to_float16", fail)
    with pytest.raises(ModelRefusedError, match=r"converted to float16: no\. Use the precision"):
        to_float16(tiny_model().read_bytes(), "tiny", takes_uint8=True)


def test_the_command_line_reports_float16(tiny_model, tmp_path, capsys):
    from srgan_gp.cli import main

    source = tmp_path / "in.png"
    Image.effect_noise((16, 12), 40).convert("RGB").save(source)
    arguments = ["upscale", str(source), "-n", str(tiny_model()), "--precision", "float16"]
    assert main([*arguments, "--device", "cpu", "-o", str(tmp_path / "out.png")]) == 0
    printed = capsys.readouterr()
    assert "float16" in printed.out + printed.err
