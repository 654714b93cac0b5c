from srgan_gp.inference.loading.model_info import UNKNOWN_BYTES_PER_PIXEL
from srgan_gp.inference.tiling.memory_estimate import estimate_bytes_per_pixel


def test_the_estimate_is_twice_the_tensors_alive_at_once(onnx_models):
    """Two 3x3 convolutions of 4 channels, one of 12, PixelShuffle(2), one copy of the result."""
    model = onnx_models.convolutional()
    # At the shuffle: 12 channels in, 3 channels of 2x2 pixels out. 4 bytes each, twice.
    assert estimate_bytes_per_pixel(model) == 2 * 4 * (12 + 12)


def test_a_model_of_unknown_shapes_gets_the_default(onnx_models):
    from onnx import helper

    node = helper.make_node("Compress", ["image", "condition"], ["upscaled"])
    model = onnx_models.of_nodes([node])
    assert estimate_bytes_per_pixel(model) == UNKNOWN_BYTES_PER_PIXEL
