"""Quantised graphs: which convolutions, what ONNX Runtime makes of them, and exact tiling."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from srgan_gp.exporting.int8_graph import (
    WEIGHT_LEVELS,
    body_convolutions,
    observed_tensors,
    quantise,
)
from srgan_gp.exporting.onnx_graph import as_onnx
from srgan_gp.inference.ort_engine import create_session
from srgan_gp.networks import build


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    generator = build("generators", "srresnet", scale=2, width=16, blocks=7).eval()
    return as_onnx(generator)


@pytest.fixture(scope="module")
def ranges(network):
    return dict.fromkeys(observed_tensors(body_convolutions(network)), (-2.0, 2.0))


def run(model, image):
    [result] = create_session(model.SerializeToString(), 1).run(None, {"image": image})
    return result


def noise(height, width):
    return np.random.default_rng(0).random((1, 3, height, width), dtype=np.float32)


def test_the_first_and_the_last_convolution_stay_float32(network):
    weights = {part.node.input[1] for part in body_convolutions(network)}
    assert len(weights) == 15
    assert not weights & {"stem.weight", "tail.0.weight"}
    assert "merge.weight" in weights


def test_a_network_of_two_convolutions_has_no_body(onnx_models):
    model = onnx_models.convolutional([onnx_models.layer(3)])
    assert body_convolutions(model) == []
    with pytest.raises(ValueError, match="no convolution between two others"):
        quantise(model, {})


def test_the_convolution_with_the_widest_output_stays_float32(network, ranges):
    widest = body_convolutions(network)[4].output
    result = quantise(network, ranges | {widest: (-9.0, 9.0)})
    kept = [
        n.input[1] for n in result.graph.node if n.op_type == "Conv" and "rounded" not in n.input[1]
    ]
    assert kept == ["stem.weight", "body.2.first.weight", "tail.0.weight"]
    assert len(result.graph.initializer) > len(network.graph.initializer)


def test_weights_use_63_levels_so_that_sums_of_two_products_fit_16_bits(network, ranges):
    result = quantise(network, ranges)
    levels = [
        onnx.numpy_helper.to_array(t)
        for t in result.graph.initializer
        if t.data_type == onnx.TensorProto.INT8
    ]
    weights = [values for values in levels if values.ndim == 4]
    assert len(weights) == 14
    assert {int(np.abs(values).max()) for values in weights} == {WEIGHT_LEVELS}
    assert 2 * 255 * WEIGHT_LEVELS < 2**15


def test_onnx_runtime_runs_integer_convolutions(network, ranges, tmp_path):
    path = tmp_path / "optimised.onnx"
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(path)
    options.log_severity_level = 4
    positive = dict.fromkeys(ranges, (0.0, 2.0))  # as calibration finds them behind a ReLU
    data = quantise(network, positive).SerializeToString()
    onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    kinds = [node.op_type for node in onnx.load(path).graph.node]
    assert kinds.count("QLinearConv") == 14


def test_the_result_is_close_to_float32(network, ranges):
    image = noise(24, 31)
    difference = np.abs(run(network, image) - run(quantise(network, ranges), image))
    assert 0 < difference.max() < 0.1


@pytest.mark.parametrize(("top", "left"), [(0, 0), (3, 5), (7, 2)])
def test_a_window_gives_the_same_bits_as_the_whole_image(network, ranges, top, left):
    quantised, image, reach = quantise(network, ranges), noise(61, 67), 17
    whole = run(quantised, image)
    window = np.ascontiguousarray(image[:, :, top : top + 50, left : left + 53])
    part = run(quantised, window)[:, :, 2 * reach : -2 * reach, 2 * reach : -2 * reach]
    y, x = 2 * (top + reach), 2 * (left + reach)
    np.testing.assert_array_equal(part, whole[:, :, y : y + part.shape[2], x : x + part.shape[3]])


@pytest.mark.parametrize("bad", [{}, {"value": (np.nan, 1.0)}])
def test_a_range_that_is_missing_or_not_finite_is_refused(network, ranges, bad):
    name = sorted(ranges)[0]
    spoiled = {key: value for key, value in ranges.items() if key != name}
    if bad:
        spoiled[name] = bad["value"]
    with pytest.raises(ValueError, match="the range of"):
        quantise(network, spoiled)


def test_a_channel_of_zeros_has_no_infinite_scale(ranges):
    torch.manual_seed(0)
    generator = build("generators", "srresnet", scale=2, width=16, blocks=7).eval()
    torch.nn.init.zeros_(generator.body[0].first.weight)
    result = run(quantise(as_onnx(generator), ranges), noise(16, 16))
    assert np.isfinite(result).all()
