import numpy as np
import onnxruntime
import pytest

from srgan_gp.errors import ModelRefusedError
from srgan_gp.inference.tiling.receptive_field import measure_multiple, measure_overlap


def network(model):
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return lambda image: session.run(None, {"image": np.ascontiguousarray(image)})[0]


# Sum over layers of (kernel - 1) / 2 * dilation / (enlargement so far), rounded up.
@pytest.mark.parametrize(
    ("kernels", "after", "scale", "radius"),
    [
        ([(3, 1)] * 3, [], 2, 3),
        ([(3, 1)], [], 4, 1),
        ([(1, 1)], [], 3, 0),
        ([(5, 1), (3, 1)], [], 2, 3),
        ([(3, 4), (3, 1)], [], 2, 5),
        ([(9, 1)], [(9, 1)], 4, 5),
        ([(3, 1)], [(3, 1)], 2, 2),
        ([(3, 1)] * 100, [], 2, 100),
    ],
    ids=str,
)
def test_the_radius_is_the_sum_over_layers(onnx_models, kernels, after, scale, radius):
    layers, tail = ([onnx_models.layer(*pair) for pair in pairs] for pairs in (kernels, after))
    model = onnx_models.convolutional(layers, scale=scale, after=tail)
    assert measure_overlap(network(model), scale) == radius


@pytest.mark.parametrize(("offset", "radius"), [(-3, 3), (0, 0), (5, 5)])
@pytest.mark.parametrize("axis", [2, 3])
def test_each_direction_counts(offset, radius, axis):
    assert measure_overlap(lambda image: np.roll(image, offset, axis), 1) == radius


def test_zero_weights_count_as_well(onnx_models):
    from onnx import helper, numpy_helper

    kernel = np.zeros((3, 3, 7, 7), np.float32)
    kernel[:, :, 3, 3] = 1
    conv = helper.make_node("Conv", ["image", "w"], ["upscaled"], pads=[3] * 4)
    model = onnx_models.of_nodes([conv], [numpy_helper.from_array(kernel, "w")])
    assert measure_overlap(network(model), 1) == 3


def test_a_network_with_instance_norm_is_global(onnx_models):
    from onnx import helper, numpy_helper

    ones = numpy_helper.from_array(np.ones(3, np.float32), "ones")
    norm = helper.make_node("InstanceNormalization", ["image", "ones", "ones"], ["upscaled"])
    assert measure_overlap(network(onnx_models.of_nodes([norm], [ones])), 1) is None


def test_a_plain_network_can_be_shifted_by_one_pixel(onnx_models):
    assert measure_multiple(network(onnx_models.convolutional()), 2, 3) == 1


def in_blocks_of_4(image):
    """Each pixel becomes the mean of its 4x4 block: sides must be multiples of 4."""
    if image.shape[2] % 4 or image.shape[3] % 4:
        raise ModelRefusedError("sides must be multiples of 4")
    n, c, h, w = image.shape
    means = image.reshape(n, c, h // 4, 4, w // 4, 4).mean(axis=(3, 5))
    return means.repeat(4, axis=2).repeat(4, axis=3)


def test_the_multiple_of_a_network_that_subsamples():
    assert measure_multiple(in_blocks_of_4, 1, 3) == 4
    assert measure_overlap(in_blocks_of_4, 1, multiple=4) == 3


def test_padding_inside_the_network_does_not_hide_the_multiple():
    """Accepts any size, but its blocks start at the corner of the image."""

    def padded(image):
        h, w = image.shape[2:]
        even = np.pad(image, ((0, 0), (0, 0), (0, -h % 4), (0, -w % 4)), mode="edge")
        return in_blocks_of_4(even)[:, :, :h, :w]

    assert measure_multiple(padded, 1, 3) == 4


def test_a_network_that_depends_on_the_position_has_no_multiple():
    def brighter_to_the_right(image):
        return image + np.linspace(0, 1, image.shape[3], dtype=np.float32)

    assert measure_multiple(brighter_to_the_right, 1, 0) is None
