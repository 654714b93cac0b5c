"""Networks that average over the eight flips and rotations of their input."""

import hashlib

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from srgan_gp.errors import ModelRefusedError
from srgan_gp.inference.loading.model_files import read_model
from srgan_gp.inference.loading.self_ensemble import self_ensemble
from srgan_gp.inference.session import Session
from srgan_gp.inference.upscaler import Upscaler

IMAGES = np.random.default_rng(0).random((2, 3, 9, 12), dtype=np.float32)
VERSIONS = [(turns, mirrored) for turns in range(4) for mirrored in (False, True)]


def turn(images, turns, mirrored):
    turned = np.rot90(images, turns, (2, 3))
    return np.ascontiguousarray(turned[..., ::-1] if mirrored else turned)


def turn_back(images, turns, mirrored):
    return np.rot90(images[..., ::-1] if mirrored else images, -turns, (2, 3))


def expected_average(session, images):
    results = [turn_back(session.run(turn(images, *each)), *each) for each in VERSIONS]
    return np.mean(results, 0)


@pytest.mark.parametrize("fidelity", [None, 0.5])
def test_the_result_is_the_mean_of_all_flips_and_rotations(partners, fidelity):
    alone = Session.open("near", device="cpu", fidelity=fidelity)
    averaging = Session.open("near", device="cpu", fidelity=fidelity, tta=True)
    result = averaging.run(IMAGES)
    assert np.abs(result - alone.run(IMAGES)).max() > 0.05
    np.testing.assert_allclose(result, expected_average(alone, IMAGES), atol=1e-6)


def test_a_turned_image_gives_the_turned_result(partners):
    averaging = Session.open("near", device="cpu", tta=True)
    result = averaging.run(IMAGES)
    for version in VERSIONS:
        turned = averaging.run(turn(IMAGES, *version))
        np.testing.assert_allclose(turn_back(turned, *version), result, atol=1e-6)


def test_tiles_give_the_result_of_the_whole_image(partners):
    upscaler = Upscaler.load("near", device="cpu", tta=True)
    image = np.random.default_rng(1).integers(0, 256, (23, 40, 3), np.uint8)
    tiled = upscaler.upscale(image, tile=8)
    assert upscaler.report.tiles > 8
    np.testing.assert_array_equal(tiled, upscaler.upscale(image, tile=None))


def test_name_and_hash_are_its_own_and_the_rest_is_that_of_the_model(partners):
    info = Session.open("near", device="cpu", tta=True).info
    plain = Session.open("near", device="cpu").info
    assert info.name == "near with TTA"
    assert info.sha256 == hashlib.sha256(read_model("near", tta=True).data).hexdigest()
    assert info.sha256 != plain.sha256
    assert (info.scale, info.overlap, info.fidelity) == (plain.scale, plain.overlap, None)
    mixed = Session.open("near", device="cpu", fidelity=0.5, tta=True).info
    assert (mixed.name, mixed.fidelity) == ("near at fidelity 0.5 (towards far) with TTA", 0.5)


def test_the_memory_estimate_counts_the_results_that_wait_for_the_sum():
    averaging = Session.open("photo-x4", device="cpu", tta=True).info.bytes_per_pixel
    alone = Session.open("photo-x4", device="cpu").info.bytes_per_pixel
    # Ten images of 3 floats: for each pixel of the input its own and 16 of the result.
    assert averaging == alone + 10 * 3 * 4 * (1 + 4 * 4)


def test_eight_copies_share_their_weights(partners):
    model = onnx.load(partners / "near.onnx")
    data = self_ensemble(model)
    assert data == self_ensemble(model)
    ensemble = onnx.load_from_string(data)
    onnx.checker.check_model(ensemble, full_check=True)
    once, eight_times = (
        sum(node.op_type == "Conv" for node in each.graph.node) for each in (model, ensemble)
    )
    assert eight_times == 8 * once > 0
    weights = [tensor for tensor in ensemble.graph.initializer if len(tensor.dims) == 4]
    assert len(weights) == sum(len(tensor.dims) == 4 for tensor in model.graph.initializer)


def graph_of(nodes, shape, **more):
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, shape)
    result = helper.make_tensor_value_info("result", TensorProto.FLOAT, shape)
    return helper.make_model(helper.make_graph(nodes, "test", [image], [result], **more))


def test_a_fixed_square_input_is_accepted_and_another_refused():
    node = helper.make_node("Identity", ["image"], ["result"])
    onnx.checker.check_model(self_ensemble(graph_of([node], (1, 3, 16, 16))), full_check=True)
    with pytest.raises(ValueError, match="fixed size that is not square"):
        self_ensemble(graph_of([node], (1, 3, 16, 24)))


def test_conditional_parts_are_refused():
    branch = helper.make_graph(
        [helper.make_node("Identity", ["image"], ["chosen"])],
        "branch",
        [],
        [helper.make_tensor_value_info("chosen", TensorProto.FLOAT, None)],
    )
    condition = helper.make_tensor("condition", TensorProto.BOOL, (), [True])
    node = helper.make_node(
        "If", ["condition"], ["result"], then_branch=branch, else_branch=branch
    )  # fmt: skip
    graph = graph_of([node], ("N", 3, "H", "W"), initializer=[condition])
    with pytest.raises(ValueError, match="conditionally or in loops"):
        self_ensemble(graph)


def test_the_message_about_a_network_that_cannot_be_turned_names_the_model(tmp_path):
    path = tmp_path / "wide.onnx"
    node = helper.make_node("Identity", ["image"], ["result"])
    onnx.save(graph_of([node], (1, 3, 16, 24)), path)
    with pytest.raises(ModelRefusedError, match=r"wide.* cannot run with TTA: its input has a"):
        read_model(path, tta=True)
