"""Parts of a critic: views, window, and the balance of the generator's losses."""

import pytest
import torch
from torch import nn

from srgan_gp.losses.adversarial import generator_loss
from srgan_gp.networks import build
from srgan_gp.networks.composite_critic import CompositeCritic
from srgan_gp.training.critic.critic_parts import (
    balanced_loss,
    critic_input,
    draw_shift,
    parts_of,
)
from srgan_gp.training.distributed import Processes
from srgan_gp.training.options.config import TrainConfig
from srgan_gp.training.tasks import Batch


@pytest.fixture
def config():
    return TrainConfig(adversarial_ratio=0.4, batch_size=10)


@pytest.fixture
def critic():
    torch.manual_seed(0)
    return build("critics", "resnet_critic", width=4, stages=2, scale=4, conditional=True)


@pytest.fixture
def batch():
    rng = torch.Generator().manual_seed(0)
    low_res = torch.rand(4, 3, 4, 4, generator=rng)
    return Batch(low_res, torch.rand(4, 3, 16, 16, generator=rng), low_res, range(8, 12))


def test_a_plain_critic_has_one_part_that_scores_the_images(critic, batch):
    assert parts_of(critic) == {"image": critic}
    assert critic_input(critic, batch.targets, (0, 0)).views == {"image": batch.targets}


def test_only_a_composite_critic_has_a_window_to_move(config, critic):
    assert draw_shift(critic, config, 320) == (0, 0)
    two = TwoParts(torch.ones(3, 2, 2))
    drawn = [draw_shift(two, config, images_seen) for images_seen in range(0, 8000, 10)]
    assert {value for pair in drawn for value in pair} == set(range(two.largest_shift + 1))
    assert drawn[7] == draw_shift(two, config, 70)


class Linear(nn.Module):
    """Scores by an inner product: the gradient of a score is the weight."""

    def __init__(self, weight):
        super().__init__()
        self.weight = nn.Parameter(weight)

    def forward(self, values, condition=None):
        return (values * self.weight).sum((1, 2, 3))


class TwoParts(CompositeCritic):
    """An image critic, and another that sees the image a hundred times as large."""

    largest_shift = 2

    def __init__(self, weight):
        super().__init__()
        self.parts = nn.ModuleDict({"image": Linear(weight), "far": Linear(-weight.flip(1))})

    def views(self, images, shift=None):
        return {"image": images, "far": 100 * images}


@pytest.mark.parametrize("ratio", [0.5, 3.0])
def test_the_gradient_of_the_features_is_ratio_times_that_of_the_image_part(ratio):
    images = torch.rand(5, 3, 2, 2, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(3, 2, 2, dtype=torch.float64)
    shown = critic_input(TwoParts(weight), 2 * images, (0, 0))
    parts = parts_of(TwoParts(weight))
    losses = {name: generator_loss(part(shown.views[name])) for name, part in parts.items()}
    values = {name: loss.item() for name, loss in losses.items()}
    config = TrainConfig(feature_ratio=ratio)
    loss, notes = balanced_loss(losses, shown.images, config, Processes(torch.device("cpu")))
    loss.backward()
    expected = -2 * (weight - ratio * weight.flip(1)) / len(images)  # the norms are equal
    torch.testing.assert_close(images.grad, expected.expand_as(images), rtol=1e-6, atol=0)
    assert notes["adversarial/feature_weight"].item() == pytest.approx(ratio / 100)
    norms = [notes[f"adversarial/{side}_gradient"].item() for side in ("image", "feature")]
    expected = weight.norm().item() / 5**0.5
    assert norms == pytest.approx([expected, 100 * expected])
    assert loss.item() == pytest.approx(
        values["image"] + ratio / 100 * values["far"], rel=1e-4, abs=1e-6
    )


def test_the_detail_part_has_a_ratio_of_its_own():
    images = torch.rand(5, 3, 2, 2, dtype=torch.float64, requires_grad=True)
    image, far, detail = torch.randn(3, 3, 2, 2, dtype=torch.float64)
    weights = {"image": image, "far": 100 * far, "detail": 0.01 * detail}
    losses = {name: -(images * weight).sum() / 5 for name, weight in weights.items()}
    config = TrainConfig(feature_ratio=3.0, detail_ratio=0.5)
    loss, notes = balanced_loss(losses, images, config, Processes(torch.device("cpu")))
    loss.backward()
    directions = [part / part.norm() for part in (image, far, detail)]
    expected = -image.norm() / 5 * (directions[0] + 3 * directions[1] + 0.5 * directions[2])
    torch.testing.assert_close(images.grad, expected.expand_as(images), rtol=1e-6, atol=0)
    weight = 0.5 * image.norm() / (0.01 * detail.norm())
    assert notes["adversarial/detail_weight"].item() == pytest.approx(weight.item())
    assert notes["adversarial/detail_loss"].item() == losses["detail"].item()


def test_parts_without_a_gradient_are_not_an_error():
    images = torch.rand(2, 3, 2, 2, requires_grad=True)
    shown = critic_input(TwoParts(torch.zeros(3, 2, 2)), images, (0, 0))
    parts = parts_of(TwoParts(torch.zeros(3, 2, 2)))
    losses = {name: generator_loss(part(shown.views[name])) for name, part in parts.items()}
    loss, _ = balanced_loss(losses, shown.images, TrainConfig(), Processes(torch.device("cpu")))
    loss.backward()
    assert torch.equal(images.grad, torch.zeros_like(images))
