from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from srgan_gp.data.augmentations import BRIGHTNESS, GREY, KINDS, Draws, augment, draw_augmentations

NEUTRAL = {"saturation": 1.0, "contrast": 1.0, "cut_row": 0.5, "cut_column": 0.5}


def draws_of(count=1, **values):
    """Draws without augmentation except `values`, the same for every image."""
    found = {f.name: NEUTRAL.get(f.name, 0.0) for f in fields(Draws)} | values
    return Draws(**{name: np.full(count, value, np.float32) for name, value in found.items()})


def noise(count=1, side=8, dtype=torch.float32):
    rng = torch.Generator().manual_seed(0)
    return torch.rand(count, 3, side, side, generator=rng, dtype=dtype)


def test_without_a_kind_or_a_probability_images_are_unchanged():
    images = noise(4)
    for kinds, probability in (((), 1.0), (KINDS, 0.0)):
        assert torch.equal(
            augment(images, draw_augmentations(0, range(4), kinds, probability)), images
        )


def test_all_images_are_augmented_at_probability_1():
    images = noise(32, side=64)
    for kind in KINDS:
        changed = augment(images, draw_augmentations(0, range(32), [kind], 1.0)) != images
        assert changed.flatten(1).any(1).sum() >= 31  # a move may round to no pixel


def test_the_kinds_are_independent_with_their_probability():
    draws = draw_augmentations(0, range(4000), KINDS, 0.3)
    happens = np.stack([draws.brightness != 0, draws.down != 0, draws.cut_side != 0])
    assert happens.mean(axis=1) == pytest.approx([0.3] * 3, abs=0.03)
    assert np.corrcoef(happens) == pytest.approx(np.eye(3), abs=0.06)


def test_a_higher_probability_keeps_the_augmentations_of_a_lower_one():
    weak, strong = (draw_augmentations(0, range(200), KINDS, p) for p in (0.2, 0.7))
    chosen = weak.brightness != 0
    assert 0 < chosen.sum() < (strong.brightness != 0).sum()
    assert (weak.contrast[chosen] == strong.contrast[chosen]).all()


def test_a_draw_is_made_of_seed_substream_and_number_alone():
    whole, part = (
        draw_augmentations(5, range(20), KINDS, 1.0),
        draw_augmentations(5, range(8, 12), ["colour"], 1.0),
    )
    assert (whole.saturation[8:12] == part.saturation).all()
    assert (part.down == 0).all()
    for other in (
        draw_augmentations(6, range(20), KINDS, 1.0),
        draw_augmentations(5, range(20), KINDS, 1.0, substream=1),
    ):
        assert (whole.saturation != other.saturation).all()


def test_draws_fill_the_published_ranges():
    draws = draw_augmentations(0, range(4000), KINDS, 1.0)
    limits = {"brightness": (-0.25, 0.25), "saturation": (0, 2), "contrast": (0.5, 1.5)}
    limits |= {"down": (-1 / 8, 1 / 8), "right": (-1 / 8, 1 / 8), "cut_row": (0, 1)}
    for name, (least, most) in limits.items():
        found = getattr(draws, name)
        assert found.min() == pytest.approx(least, abs=0.01)
        assert found.max() == pytest.approx(most, abs=0.01)
        assert found.mean() == pytest.approx((least + most) / 2, abs=0.03)


def test_brightness_is_added_and_not_clipped():
    found = augment(noise() + 0.9, draws_of(brightness=BRIGHTNESS))
    torch.testing.assert_close(found, noise() + 0.9 + BRIGHTNESS)


def test_without_saturation_an_image_is_its_grey():
    found = augment(noise(), draws_of(saturation=0.0))
    torch.testing.assert_close(found, noise().mean(1, keepdim=True).expand(1, 3, 8, 8))


def test_contrast_scales_the_deviation_and_keeps_the_mean():
    found = augment(noise(), draws_of(contrast=1.5))
    assert found.mean().item() == pytest.approx(noise().mean().item(), abs=1e-6)
    assert found.std().item() == pytest.approx(1.5 * noise().std().item(), rel=1e-5)


@pytest.mark.parametrize(("down", "right"), [(1, 0), (0, -1), (-1, 1), (2, 2)])
def test_a_translation_is_a_roll_with_grey_at_the_edge(down, right):
    found = augment(noise(), draws_of(down=down / 8, right=right / 8))
    expected = noise().roll((down, right), (2, 3))
    expected[:, :, slice(0, down) if down >= 0 else slice(down, None)] = GREY
    expected[..., slice(0, right) if right >= 0 else slice(right, None)] = GREY
    assert torch.equal(found, expected)


@pytest.mark.parametrize(
    ("centre", "rows"),
    [(0.0, slice(0, 2)), (0.5, slice(2, 6)), (0.999, slice(5, 8)), (1.0, slice(6, 8))],
)
def test_the_square_is_half_a_side_around_its_centre(centre, rows):
    found = augment(noise(), draws_of(cut_row=centre, cut_column=0.5, cut_side=0.5))
    expected = noise()
    expected[:, :, rows, 2:6] = GREY
    assert torch.equal(found, expected)


def test_a_side_that_is_not_a_multiple_of_8_is_translated_by_whole_pixels():
    images = noise(side=5)
    found = augment(images, draws_of(down=0.125, cut_side=0.5))
    assert set(found.unique().tolist()) <= set(images.unique().tolist()) | {GREY}


def test_each_image_has_its_own_draw():
    images, draws = noise(6), draw_augmentations(0, range(6), KINDS, 0.7)
    whole = augment(images, draws)
    for i in range(6):
        mine = Draws(*(getattr(draws, f.name)[i : i + 1] for f in fields(Draws)))
        torch.testing.assert_close(augment(images[i : i + 1], mine)[0], whole[i])


def test_the_gradient_is_that_of_finite_differences():
    images = noise(3, side=4, dtype=torch.float64).requires_grad_()
    draws = replace(
        draw_augmentations(0, range(3), KINDS, 1.0), cut_side=np.full(3, 0.25, np.float32)
    )
    assert torch.autograd.gradcheck(lambda images: augment(images, draws), images)
    assert torch.autograd.gradgradcheck(lambda images: augment(images, draws), images)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_dtype_and_shape_stay(dtype):
    images = noise(2).to(dtype)[..., :6]
    found = augment(images, draw_augmentations(0, range(2), KINDS, 1.0))
    assert found.dtype == dtype
    assert found.shape == (2, 3, 8, 6)
