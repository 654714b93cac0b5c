import pytest
import torch

from srgan_gp.losses.sharpening import sharpen


def edge(height):
    """A vertical edge between two grey areas, softened over three pixels."""
    image = torch.full((1, 3, 24, 24), 0.5 - height / 2)
    image[..., 11] = 0.5 - height / 4
    image[..., 12] = 0.5 + height / 4
    image[..., 13:] = 0.5 + height / 2
    return image


def test_an_edge_gets_steeper_and_overshoots():
    image = edge(0.4)
    result = sharpen(image, 0.5)
    assert (result[..., 12] - result[..., 11]).min() > (image[..., 12] - image[..., 11]).max()
    assert result.max() > image.max()
    assert result.min() < image.min()


def test_flat_areas_and_faint_structure_keep_their_values():
    faint = edge(0.02)
    assert torch.equal(sharpen(faint, 0.5), faint)
    strong = sharpen(edge(0.4), 0.5)
    assert torch.equal(strong[..., :2], edge(0.4)[..., :2])


def test_an_amount_of_zero_changes_nothing():
    image = torch.rand(1, 3, 16, 16)
    assert sharpen(image, 0.0) is image


@pytest.mark.parametrize("amount", [0.5, 4.0])
def test_values_stay_in_range(amount):
    result = sharpen(edge(1.0), amount)
    assert (result.min(), result.max()) == (0, 1)
