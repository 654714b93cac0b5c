"""Average of two models: weights, metadata, and refusals of models that do not match."""

import re

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from srgan_gp.inference.loading.fidelity_mixing import mix


@pytest.fixture
def model(onnx_models):
    """Build a model of random weights with our metadata."""

    def build(seed=0, metadata=None, width=4, layers=((3,), (3,), (3,)), opset=18, functions=()):
        layers = [onnx_models.layer(*layer) for layer in layers]
        built = onnx_models.convolutional(layers, seed=seed, width=width)
        built.opset_import[0].version = opset
        built.functions.extend(functions)
        return onnx_models.with_metadata(built, **metadata or {})

    return build


NOTHING = helper.make_function(
    "local", "nothing", ["x"], ["y"], [helper.make_node("Identity", ["x"], ["y"])],
    [helper.make_opsetid("", 18)],
)  # fmt: skip


def weights(model):
    return {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}


def metadata(model):
    return {entry.key: entry.value for entry in model.metadata_props}


def mixed(near, far, fidelity=0.5):
    return onnx.load_model_from_string(mix(near, far, fidelity))


@pytest.mark.parametrize("fidelity", [1e-9, 0.25, 0.5, 0.9])
def test_each_weight_is_the_average_of_two(model, fidelity):
    near, far = model(0), model(1)
    found = weights(mixed(near, far, fidelity))
    assert found.keys() == weights(near).keys()
    for name, value in found.items():
        assert value.dtype == np.float32
        expected = np.average(
            [weights(near)[name], weights(far)[name]], axis=0, weights=[1 - fidelity, fidelity]
        )
        np.testing.assert_allclose(value, expected, rtol=1e-6, atol=1e-7)


def test_the_same_arguments_give_the_same_bytes_and_leave_the_models_alone(model):
    near, far = model(0), model(1)
    before = near.SerializeToString(), far.SerializeToString()
    assert mix(near, far, 0.3) == mix(near, far, 0.3) == mix(model(0), model(1), 0.3)
    assert mix(near, far, 0.3) != mix(near, far, 0.31)
    assert (near.SerializeToString(), far.SerializeToString()) == before


def test_swapping_the_models_and_the_fidelity_gives_the_same_weights(model):
    there, back = mixed(model(0), model(1), 0.25), mixed(model(1), model(0), 0.75)
    for name, value in weights(there).items():
        np.testing.assert_array_equal(value, weights(back)[name])


def test_equal_values_are_unchanged_to_the_last_bit(model, rng):
    constants = rng.standard_normal(10_000, dtype=np.float32)
    near, far = model(0), model(1)
    for one in (near, far):
        one.graph.initializer.append(numpy_helper.from_array(constants, "constants"))
        one.graph.initializer.append(numpy_helper.from_array(np.float32(4) * np.ones(()), "four"))
    for fidelity in (0.1, 0.3, 0.7):
        found = weights(mixed(near, far, fidelity))
        np.testing.assert_array_equal(found["constants"], constants)
        assert found["four"].shape == ()
        assert found["four"] == 4


@pytest.mark.parametrize(("near", "far", "larger"), [(3, 9, 9), (10, 9, 10), (3, -1, -1)])
def test_overlap_and_memory_are_the_larger_values(model, near, far, larger):
    one, other = (
        model(metadata={"overlap": str(value), "bytes_per_pixel": str(100 + value)})
        for value in (near, far)
    )
    found = metadata(mixed(one, other))
    assert found["overlap"] == str(larger)
    assert found["bytes_per_pixel"] == str(100 + max(near, far))


def test_other_metadata_come_from_the_first_model(model):
    found = metadata(mixed(model(metadata={"name": "near"}), model(metadata={"name": "far"})))
    assert found == metadata(model(metadata={"name": "near"}))


def test_a_value_missing_in_the_first_model_stays_missing(model):
    without = model(metadata={"bytes_per_pixel": None})
    assert "bytes_per_pixel" not in metadata(mixed(without, model()))
    assert "bytes_per_pixel" not in metadata(without)


def test_models_without_metadata_can_be_mixed(onnx_models):
    near, far = (onnx_models.convolutional(seed=seed) for seed in (0, 1))
    assert metadata(mixed(near, far)) == {}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"metadata": {"architecture": "other"}}, "architecture is tiny in one and other in the "),
        (
            {"metadata": {"task": "denoising"}},
            "task is super-resolution in one and denoising in the ",
        ),
        ({"metadata": {"scale": "4"}}, "scale is 2 in one and 4 in the "),
        ({"metadata": {"size_multiple": "2"}}, "size_multiple is 1 in one and 2 in the "),
        ({"metadata": {"value_range": None}}, "value_range is 0..1 in one and missing in the "),
        ({"metadata": {"overlap": "wide"}}, "'wide'"),
        ({"width": 5}, "tensor w0 is float32 (4, 3, 3, 3) in one and float32 (5, 3, 3, 3) in the "),
        ({"layers": [(3,)] * 4}, "tensor w3 is in one of them only"),
        ({"layers": [(3,), (3, 2), (3,)]}, "operations of their graphs differ"),
        ({"opset": 19}, "operations of their graphs differ"),
        ({"functions": [NOTHING]}, "operations of their graphs differ"),
    ],
)
def test_a_difference_is_named(model, changes, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        mix(model(), model(1, **changes), 0.5)
    with pytest.raises(ValueError):
        mix(model(1, **changes), model(), 0.5)


def test_integers_are_not_averaged(onnx_models):
    def model_of(sides):
        shape = numpy_helper.from_array(np.array(sides, np.int64), "shape")
        reshape = helper.make_node("Reshape", ["image", "shape"], ["upscaled"])
        return onnx_models.of_nodes([reshape], [shape])

    same = mixed(model_of([0, 3, -1, 4]), model_of([0, 3, -1, 4]))
    np.testing.assert_array_equal(weights(same)["shape"], [0, 3, -1, 4])
    with pytest.raises(ValueError, match="tensor shape of int64 has other values"):
        mix(model_of([0, 3, -1, 4]), model_of([0, 3, -1, 8]), 0.5)


def test_another_precision_is_refused(model):
    half = model()
    for tensor in half.graph.initializer:
        value = numpy_helper.to_array(tensor).astype(np.float16)
        tensor.CopyFrom(numpy_helper.from_array(value, tensor.name))
    with pytest.raises(ValueError, match=r"w0 is float32 .* and float16"):
        mix(model(), half, 0.5)
    assert {value.dtype for value in weights(mixed(half, half)).values()} == {np.dtype(np.float16)}
