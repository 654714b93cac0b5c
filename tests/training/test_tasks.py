"""The super-resolution task: losses, validation pairs, refused options and images."""

from itertools import islice

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from srgan_gp.data.image_sources import list_images
from srgan_gp.data.resampling import NAMES, downscale, to_8_bit
from srgan_gp.errors import UsageError
from srgan_gp.losses.features import Features
from srgan_gp.losses.perceptual import perceptual_loss
from srgan_gp.losses.pixel import PIXEL_LOSSES
from srgan_gp.training.distributed import Processes
from srgan_gp.training.tasks import Batch, SuperResolution, super_resolution

CPU = torch.device("cpu")


@pytest.fixture
def make_task(tiny_config, pictures):
    """Build the task of the preset `tiny`, with changes."""

    def make(validation=None, **changes):
        return SuperResolution(
            tiny_config(**changes), [str(pictures)], validation, CPU, Processes(CPU)
        )

    return make


@pytest.fixture
def shifts(monkeypatch):
    """The shifts of every perceptual loss from now on."""
    seen = []

    def record(features, output, target, shift, noise=None):
        seen.append(shift)
        return perceptual_loss(features, output, target, shift, noise)

    monkeypatch.setattr(super_resolution, "perceptual_loss", record)
    return seen


@pytest.mark.parametrize("pixel_loss", sorted(PIXEL_LOSSES))
def test_the_losses_are_the_functions_with_their_weights(
    make_task, squeeze_weights, shifts, pixel_loss
):
    task = make_task(
        perceptual_loss="squeeze", feature_weights=str(squeeze_weights), pixel_loss=pixel_loss,
        perceptual_weight=0.3,
    )  # fmt: skip
    batch = next(task.batches(8))
    target = batch.targets
    output = target + 0.1 * torch.rand(target.shape, generator=torch.Generator().manual_seed(0))
    losses = task.content_losses(output, batch)
    features = Features.load("squeeze", squeeze_weights)
    expected = {
        "pixel": PIXEL_LOSSES[pixel_loss](output, target),
        "perceptual": 0.3 * perceptual_loss(features, output, target, shifts[0]),
    }
    assert losses.keys() == expected.keys()
    for name, value in expected.items():
        # Features of another memory format are summed in another order.
        assert losses[name].item() == pytest.approx(value.item(), rel=1e-4)
        assert value > 0


def test_the_noise_of_the_perceptual_loss_depends_on_the_image_number_alone(
    make_task, squeeze_weights, monkeypatch
):
    noises = []

    def record(features, output, target, crop, noise=None):
        noises.append(noise)
        return perceptual_loss(features, output, target, crop, noise)

    monkeypatch.setattr(super_resolution, "perceptual_loss", record)
    task = make_task(
        perceptual_loss="squeeze", feature_weights=str(squeeze_weights), perceptual_noise=4.0,
        batch_size=2,
    )  # fmt: skip
    for start in (0, 2, 0):
        batch = next(task.batches(start))
        task.content_losses(batch.targets, batch)
    first, second, again = noises
    assert torch.equal(first, again)
    assert first.shape == batch.targets.shape
    for one, other in [(first, second), (first[:1], first[1:])]:
        assert (one - other).abs().mean() > 1 / 255  # no two images have the same noise
    assert first.std().item() * 255 == pytest.approx(4, rel=0.05)
    assert abs(first.mean().item()) * 255 < 0.2


def test_without_their_weights_only_the_pixels_are_compared(make_task):
    task = make_task()
    batch = next(task.batches(0))
    assert task.content_losses(batch.targets, batch).keys() == {"pixel"}


def test_the_squeeze_distance_can_choose_the_best_without_being_a_loss(
    make_task, squeeze_weights, pictures
):
    task = make_task(
        str(pictures), best_by="squeeze_distance", feature_weights=str(squeeze_weights)
    )
    batch = next(task.batches(0))
    assert task.content_losses(batch.targets, batch).keys() == {"pixel"}
    assert task.validate(task.build_generator())["squeeze_distance"] > 0


def test_another_feature_network_cannot_compute_the_squeeze_distance(make_task, pictures):
    with pytest.raises(UsageError, match="cannot be combined"):
        make_task(str(pictures), best_by="squeeze_distance", perceptual_loss="vgg19")


def test_the_shifted_inputs_show_the_same_scene_moved(make_task):
    task = make_task(equivariance_weight=1.0, low_res="matlab")
    for batch in islice(task.batches(0), 4):
        rows, columns = batch.shifted.rows, batch.shifted.columns
        assert 1 <= min(rows, columns) <= max(rows, columns) <= 3
        moved = batch.targets.roll((-rows, -columns), (2, 3))
        pooled = F.avg_pool2d(moved, moved.shape[-1] // batch.inputs.shape[-1])
        there, here = batch.shifted.inputs[..., 2:-2, 2:-2], batch.inputs[..., 2:-2, 2:-2]
        pooled = pooled[..., 2:-2, 2:-2]
        assert (there - pooled).abs().mean() < (here - pooled).abs().mean()


def test_the_shift_is_another_at_each_step_and_the_same_in_every_process(
    make_task, squeeze_weights, shifts
):
    task = make_task(perceptual_loss="squeeze", feature_weights=str(squeeze_weights))
    patch = torch.rand(1, 3, 20, 20)  # of which a shift leaves at least 17 pixels: 0 to 3

    def see(first_number):
        batch = Batch(patch, patch, None, range(first_number, first_number + 1))
        task.content_losses(patch, batch)
        return shifts[-1]

    each = [see(4 * step) for step in range(24)]
    assert {row for row, _ in each} == {column for _, column in each} == set(range(4))
    assert len(set(each)) > 8  # of 16
    assert [see(4 * step + 2) for step in range(24)] == each  # the second half of a batch of 4


def test_the_validation_pairs_do_not_depend_on_the_runs_seed(make_task, pictures):
    tasks = [
        make_task(str(pictures), low_res="mixture", clean_share=0.0, seed=seed) for seed in (0, 5)
    ]
    first, other = (task.validation_batch() for task in tasks)
    assert torch.equal(first.inputs, other.inputs)
    assert torch.equal(first.targets, other.targets)
    trained, other = (next(task.batches(0)) for task in tasks)
    assert not torch.equal(trained.inputs, other.inputs)


def test_the_share_of_clean_pictures_reaches_the_draw(make_task, pictures):
    def only_made_smaller(clean_share):
        task = make_task(str(pictures), low_res="mixture", clean_share=clean_share)
        return [
            any(torch.equal(low_res, plain) for plain in ways)
            for low_res, ways in zip(task.validation_batch().inputs, plain_middles, strict=True)
        ]

    plain_middles = []
    for file in list_images(pictures):
        whole = torch.from_numpy(file.read()).permute(2, 0, 1)[None].float()
        low_res = to_8_bit(downscale(whole.repeat(5, 1, 1, 1), 4, np.arange(len(NAMES)))) / 255
        plain_middles.append(low_res[..., 4:12, 5:13])  # 8 x 8 in the middle of 16 x 18
    assert only_made_smaller(1.0) == [True] * 4
    assert not all(only_made_smaller(0.0))


def test_patches_too_small_for_the_features_are_refused_before_these_are_loaded(
    make_task, monkeypatch
):
    monkeypatch.setattr(Features, "load", lambda *_: 1 / 0)
    for network, patch, least in [("squeeze", 4, 17), ("vgg19", 3, 16)]:
        with pytest.raises(UsageError, match=f"at least {least} pixels, not {4 * patch}; use"):
            make_task(perceptual_loss=network, patch_sizes=(8, patch), patch_starts=(0.0, 0.5))


@pytest.mark.parametrize(("low_res", "least"), [("matlab", 12), ("mixture", 20)])
def test_validation_images_too_small_to_be_degraded_are_named(make_task, tmp_path, low_res, least):
    Image.new("RGB", (least, 40), (90, 80, 70)).save(tmp_path / "enough.png")
    make_task(str(tmp_path), low_res=low_res, clean_share=0.0)
    Image.new("RGB", (40, least - 1)).save(tmp_path / "low.png")
    with pytest.raises(UsageError, match=rf"1 of 2 .* below {least} pixels.*low\.png"):
        make_task(str(tmp_path), low_res=low_res)
