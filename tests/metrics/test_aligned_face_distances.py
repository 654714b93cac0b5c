import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from srgan_gp.data.aligned_faces import read_faces
from srgan_gp.data.image_sources import list_all_images, list_images
from srgan_gp.errors import ModelRefusedError, arguments_as_options
from srgan_gp.metrics.aligned_face_distances import (
    YUNET_MAPS,
    AlignedFaceDistances,
    YunetFeatures,
    downscaled_pixels,
    hog_descriptors,
    principal_axes,
)
from srgan_gp.metrics.feature_distances import frechet_distance

SHARED = Path(os.environ.get("SRGAN_GP_SHARED", Path(__file__).parents[3] / "shared"))


class Brightness:
    """A network whose three maps are the channels of its input, 4 x 4, or what `change` makes."""

    def __init__(self, change=lambda maps: maps):
        self.change = change
        self.inputs = []

    def run(self, names, inputs):
        assert names == list(YUNET_MAPS)
        self.inputs.append(inputs["input"])
        blocks = inputs["input"].reshape(-1, 3, 4, 32, 4, 32).mean((3, 5))
        return [self.change(blocks)] * 3


def flat(*colours):
    """Make one-coloured images, (N, 32, 32, 3)."""
    return np.array(colours, np.uint8)[:, None, None].repeat(32, 1).repeat(32, 2)


def test_the_frechet_distance_of_scaled_and_shifted_points_is_known(rng):
    # x and a x + b, per axis: (m + b - a m ... )^2 + (a - 1)^2 var, whatever the sizes are.
    for count in (5, 40):
        points = rng.normal(size=(count, 10))
        scaled = 3 * points
        expected = np.square(2 * points.mean(0)).sum() + 4 * points.var(0, ddof=1).sum()
        assert frechet_distance(points, scaled) == pytest.approx(expected)
        assert frechet_distance(points, points + 2) == pytest.approx(4 * 10)


def test_the_network_sees_bgr_at_128_pixels_and_each_half_has_a_mean_of_its_own():
    session = Brightness()
    faces = flat([10, 20, 30])
    faces[:, 16:] = [50, 60, 70]
    found = YunetFeatures(session, "0" * 64).features(faces)
    assert session.inputs[0].shape == (1, 3, 128, 128)
    assert session.inputs[0].dtype == np.float32
    assert found.shape == (1, 18)
    # Bicubic interpolation overshoots beside the edge, by as much on either side.
    np.testing.assert_allclose(found[0, :6], [30, 20, 10, 70, 60, 50], atol=1)
    np.testing.assert_array_equal(found[0, :6], found[0, 6:12])


def test_channels_are_divided_by_their_deviation(rng):
    real, other = (flat(*rng.integers(0, 256, (30, 3))) for _ in range(2))
    one, tenfold = (
        AlignedFaceDistances(real, YunetFeatures(Brightness(lambda maps, f=f: maps * f), ""))
        for f in (1, 10)
    )
    found = one.distances(other)["fd_yunet"]
    assert found > 0.01
    assert tenfold.distances(other)["fd_yunet"] == pytest.approx(found, rel=1e-4)


def test_a_channel_that_is_constant_on_real_faces_does_not_dominate_the_distance(rng):
    real = flat(*rng.integers(0, 200, (50, 3)))
    odd = real.copy()
    odd[0] = 255

    def rare(maps):  # the last channel answers to white images alone
        return np.concatenate([maps[:, :2], 1e-2 * (maps[:, 2:] > 250)], axis=1)

    network = YunetFeatures(Brightness(rare), "")
    literal = AlignedFaceDistances(real, network, min_deviation=0).distances(odd)["fd_yunet"]
    floored = AlignedFaceDistances(real, network).distances(odd)["fd_yunet"]
    assert literal > 1e5
    assert floored < 1


def test_sets_of_the_same_faces_have_no_distance_whatever_their_order(rng, waves):
    real = waves(rng, 20)
    measure = AlignedFaceDistances(real, YunetFeatures(Brightness(), ""))
    found = measure.distances(real[::-1])
    assert list(found) == ["fd_yunet", "fd_hog", "fd_pca"]
    assert found == pytest.approx(dict.fromkeys(found, 0), abs=1e-6)


def test_brighter_faces_move_the_components_and_not_the_gradients(rng, waves):
    faces = waves(rng, 20) // 2
    found = AlignedFaceDistances(faces, None).distances(faces + np.uint8(51))
    # 0.2 in each of 768 values; the components span all that varies, not all of the shift.
    assert 0 < found["fd_pca"] <= 0.2**2 * 768 + 1e-6
    assert found["fd_hog"] == pytest.approx(0, abs=1e-6)


def test_components_are_orthonormal_and_hold_all_the_variance_of_few_faces(rng, waves):
    points = downscaled_pixels(waves(rng, 10))
    axes = principal_axes(points)
    assert axes.shape == (768, 9)
    np.testing.assert_allclose(axes.T @ axes, np.eye(9), atol=1e-9)
    assert (points @ axes).var(0).sum() == pytest.approx(points.var(0).sum())


def test_large_faces_have_as_many_gradients_as_those_of_64_pixels(rng):
    faces = rng.integers(0, 256, (2, 160, 160, 3), np.uint8)
    assert hog_descriptors(faces).shape == (2, 7 * 7 * 4 * 9)


def test_tiny_faces_have_no_gradients_and_no_components():
    faces = np.zeros((3, 8, 8, 3), np.uint8)
    assert AlignedFaceDistances(faces, None).distances(faces) == {}


def identity_network(*names):
    nodes = [helper.make_node("Mul", ["input", "one"], [name]) for name in names]
    shape = ["N", 3, "H", "W"]
    graph = helper.make_graph(
        nodes,
        "maps",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(names[0], TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(np.float32(2), "one")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def test_inner_maps_of_a_network_file_are_read(tmp_path):
    file = tmp_path / "network.onnx"
    onnx.save(identity_network("scores", *YUNET_MAPS), file)
    maps = YunetFeatures.load(file)
    assert len(maps.sha256) == 64
    found = maps.features(flat([1, 2, 3], [4, 5, 6]))
    np.testing.assert_array_equal(found, [[6, 4, 2] * 6, [12, 10, 8] * 6])


@pytest.mark.parametrize("content", ["text", "other maps", "missing"])
def test_a_file_that_is_not_yunet_is_refused_in_one_line(tmp_path, content):
    file = tmp_path / "network.onnx"
    if content == "text":
        file.write_bytes(b"this is not a network")
    elif content == "other maps":
        onnx.save(identity_network("scores"), file)
    with pytest.raises(ModelRefusedError, match=r"network\.onnx") as caught:
        YunetFeatures.load(file)
    assert "\n" not in str(caught.value)
    assert "--" not in str(caught.value)


@pytest.mark.parametrize(
    ("argument", "verb", "advice"),
    [
        ("detector", "evaluate", "model zoo, or pass --detector none."),
        ("face_detector", "train", "model zoo, or pass --face-detector none."),
        ("face_detector", "finetune", "model zoo, or pass --set face_detector=none."),
        ("detector", None, "model zoo, or pass 'none' as `detector`."),
        ("", "", "model zoo."),
    ],
)
def test_a_file_without_the_maps_is_refused_with_the_option_of_the_verb(
    tmp_path, argument, verb, advice
):
    onnx.save(identity_network("scores"), tmp_path / "network.onnx")
    with pytest.raises(ModelRefusedError) as caught:
        YunetFeatures.load(tmp_path / "network.onnx", argument)
    message = str(caught.value)  # as it is in Python, if there is no verb
    assert (message if verb is None else arguments_as_options(message, verb)).endswith(advice)


@pytest.mark.shared
def test_real_faces_have_the_distances_that_were_measured_without_this_code():
    """By the trial script `faces_judge.py`: 1,024 training faces against all validation faces."""
    data = SHARED / "data"
    validation = read_faces(list_images(data / "faces_loose64_val.zip"), 64)
    places = [str(data / f"faces_loose64_train-{n}.zip") for n in range(2)]
    files = list_all_images(places)
    order = np.random.default_rng(0).permutation(len(files))
    sets = [read_faces([files[i] for i in order[n : n + 1024]], 64) for n in (0, 1024)]
    network = YunetFeatures.load(SHARED / "models" / "face_detection_yunet.onnx")
    literal = AlignedFaceDistances(validation, network, min_deviation=0)
    found = literal.distances(sets[0])
    assert found == pytest.approx({"fd_yunet": 30.7, "fd_hog": 2.44, "fd_pca": 0.66}, rel=0.01)
    # One face of the second set activates a channel that is 0 on every validation face.
    assert literal.distances(sets[1])["fd_yunet"] > 7000
    floored = AlignedFaceDistances(validation, network)
    one, other = (floored.distances(faces)["fd_yunet"] for faces in sets)
    assert one == pytest.approx(other, rel=0.05)
