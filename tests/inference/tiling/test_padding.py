import numpy as np
import pytest
import torch
from spandrel import SizeRequirements

from srgan_gp.inference.loading.model_info import ModelInfo, read_metadata
from srgan_gp.inference.tiling.network_pass import padded_part


@pytest.mark.parametrize("size", [(5, 7), (1, 9), (3, 1), (16, 16), (17, 15)])
@pytest.mark.parametrize("multiple", [1, 4, 8])
def test_reflection_is_that_of_spandrel(size, multiple, rng):
    from spandrel.__helpers.size_req import pad_tensor

    image = rng.random((*size, 3), dtype=np.float32)
    needs = SizeRequirements(minimum=16, multiple_of=multiple)
    tensor = torch.from_numpy(image.transpose(2, 0, 1)[np.newaxis].copy())
    expected = pad_tensor(tensor, needs)[1][0].numpy().transpose(1, 2, 0)
    rows, columns = ((0, side) for side in expected.shape[:2])
    assert np.array_equal(padded_part(image, rows, columns, "reflect"), expected)


def test_a_part_is_that_of_the_padded_image(rng):
    image = rng.random((9, 11, 3), dtype=np.float32)
    for padding in ("reflect", "edge"):
        whole = padded_part(image, (0, 16), (0, 16), padding)
        assert np.array_equal(padded_part(image, (3, 13), (5, 16), padding), whole[3:13, 5:16])


def test_edge_pixels_are_repeated(rng):
    image = rng.random((4, 5, 3), dtype=np.float32)
    expected = np.pad(image, ((0, 4), (0, 3), (0, 0)), mode="edge")
    assert np.array_equal(padded_part(image, (0, 8), (0, 8), "edge"), expected)


def test_an_image_is_padded_to_the_minimum_and_the_multiple():
    info = ModelInfo("a", "super-resolution", 2, 1, 4, "metadata", size_minimum=16)
    assert info.padded_size(3, 18) == (16, 20)


def test_the_metadata_of_imported_models_are_read():
    metadata = {
        "srgan_gp_version": "0", "task": "super-resolution", "scale": "2", "overlap": "-1",
        "size_multiple": "1", "approximate_overlap": "32", "size_minimum": "16",
        "padding": "reflect",
    }  # fmt: skip
    info = read_metadata(metadata, "a", "")
    assert (info.overlap, info.has_exact_tiles) == (32, False)
    assert (info.size_minimum, info.padding) == (16, "reflect")
    assert "approximate" in info.tiling_note
