"""`unshuffle_resnet` as an ONNX model: tiles that start at multiples of its blocks."""

import numpy as np
import onnx
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from srgan_gp.exporting import graph_metadata
from srgan_gp.exporting.onnx_graph import as_onnx
from srgan_gp.inference.upscaler import Upscaler
from srgan_gp.networks import build
from srgan_gp.training.options.config import TrainConfig

STEPS = pytest.mark.parametrize("step", [2, 4])


def write(folder, generator):
    """Export a generator with what the runtime measures of it; give the path."""
    model = as_onnx(generator.eval())
    graph_metadata.add_metadata(model, generator, TrainConfig(), {"name": "blocks"})
    path = folder / "blocks.onnx"
    path.write_bytes(model.SerializeToString())
    return path


@pytest.fixture(scope="module")
def networks():
    """Networks by their step."""
    torch.manual_seed(0)
    arguments = {"width": 8, "blocks": 1}
    return {
        step: build("generators", "unshuffle_resnet", unshuffle=step, **arguments)
        for step in (2, 4)
    }


@pytest.fixture(scope="module")
def models(networks, tmp_path_factory):
    """Paths of their models by their step."""
    return {
        step: write(tmp_path_factory.mktemp("models"), network)
        for step, network in networks.items()
    }


@STEPS
def test_the_model_says_how_far_it_sees_and_where_tiles_may_start(models, step):
    metadata = {prop.key: prop.value for prop in onnx.load(models[step]).metadata_props}
    assert metadata["size_multiple"] == str(step)
    radius = 5  # in blocks: stem 1, one residual block 2, merge 1, tail 1
    assert metadata["overlap"] == str((radius + 1) * step - 1)
    assert int(metadata["bytes_per_pixel"]) < 3000


@STEPS
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_tiles_equal_the_whole_image_bit_for_bit(models, step, data):
    height, width = data.draw(st.tuples(st.integers(1, 90), st.integers(1, 90)))
    tile = data.draw(st.sampled_from([1, 3, 8, 17, 32]))
    threads = data.draw(st.sampled_from([1, 2]))
    upscaler = Upscaler.load(models[step], device="cpu", threads=threads)
    pixels = np.random.default_rng(height * 97 + width).random((height, width, 3), np.float32)
    whole = upscaler.upscale(pixels, tile=None)
    assert whole.shape == (4 * height, 4 * width, 3)
    np.testing.assert_array_equal(upscaler.upscale(pixels, tile=tile), whole)


@STEPS
def test_the_runtime_gives_what_the_network_gives_for_sides_that_are_no_multiple(
    networks, models, step
):
    pixels = np.random.default_rng(0).random((13, 19, 3), np.float32)
    with torch.no_grad():
        expected = networks[step](torch.from_numpy(pixels.transpose(2, 0, 1)[None]))[0]
    found = Upscaler.load(models[step], device="cpu").upscale(pixels)
    assert np.abs(found - expected.clamp(0, 1).numpy().transpose(1, 2, 0)).max() < 1e-5


def test_weights_that_hide_the_blocks_do_not_hide_the_step(tmp_path):
    network = build("generators", "unshuffle_resnet", width=8, blocks=1)
    torch.nn.init.zeros_(network.tail[0].weight)
    metadata = {p.key: p.value for p in onnx.load(write(tmp_path, network)).metadata_props}
    assert metadata["size_multiple"] == "2"
    assert metadata["overlap"] == "11"
