"""The critic in a WGAN-GP run: its turns, what it is shown, how its parts are weighed."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from srgan_gp.data.streams import Stream, generator_of
from srgan_gp.networks.composite_critic import CompositeCritic
from srgan_gp.training.config import TrainConfig
from srgan_gp.training.processes import Processes


def is_generators_turn(config: TrainConfig, images_seen: int) -> bool:
    """Tell whether the generator takes a step on the batch that begins at `images_seen`.

    Without a critic always; with one, after the critic's warm-up and on every `critic_steps`-th
    batch. The critic takes a step on every batch.
    """
    if not config.has_critic:
        return True
    turn = images_seen // config.batch_size % config.critic_steps
    return images_seen >= config.critic_warmup_images and turn == config.critic_steps - 1


def ramped_ratio(config: TrainConfig, images_seen: int) -> float:
    """Ratio r after `images_seen` images: 0 in the critic's warm-up, then on its way up."""
    if not config.ratio_ramp_images:
        return config.adversarial_ratio if images_seen >= config.critic_warmup_images else 0.0
    ramp = (images_seen - config.critic_warmup_images) / config.ratio_ramp_images
    return config.adversarial_ratio * min(max(ramp, 0.0), 1.0)


@dataclass(frozen=True)
class Shown:
    """Images as the critic is shown them.

    Attributes:
        images: augmented, (B, 3, H, W), float32.
        views: what each part of the critic scores, by the part's name.
    """

    images: Tensor
    views: dict[str, Tensor]


def show(critic: nn.Module, images: Tensor, shift: tuple[int, int]) -> Shown:
    """Compute what each part of a critic scores, with a gradient if `images` have one.

    Args:
        critic: any; one that is no `CompositeCritic` has one part, which scores the images.
        images: augmented if they are to be, (B, 3, H, W), float32.
        shift: of the window that a composite critic's features see; see `draw_shift`.
    """
    is_composite = isinstance(critic, CompositeCritic)
    return Shown(images, critic.views(images, shift) if is_composite else {"image": images})


def parts_of(critic: nn.Module) -> dict[str, nn.Module]:
    """Return the parts of a critic by name, each (view, condition) -> (B,) scores."""
    return dict(critic.parts) if isinstance(critic, CompositeCritic) else {"image": critic}


def draw_shift(critic: nn.Module, config: TrainConfig, images_seen: int) -> tuple[int, int]:
    """Draw the shift of the batch that begins at `images_seen`; (0, 0) where nothing may move.

    Real and generated images share it, and so do all processes.
    """
    room = critic.largest_shift if isinstance(critic, CompositeCritic) else 0
    draws = generator_of(config.seed, Stream.WINDOW, images_seen)
    drawn = draws.integers(room + 1, size=2)
    return int(drawn[0]), int(drawn[1])


def balanced(
    losses: dict[str, Tensor], images: Tensor, ratio: float, processes: Processes
) -> tuple[Tensor, dict[str, Tensor]]:
    """Add up the generator's losses of a composite critic's parts, features against pixels.

    The weight of the features is chosen anew in every step, so that the norm of their gradient at
    the images, over the batch, is `ratio` times that of the image critic. Slopes of 1 in feature
    space say nothing about the slope in pixels, which differs by orders of magnitude.

    Args:
        losses: of each part by its name, scalars with a graph that leads to `images`.
        images: what the parts saw; the graphs from there to the losses are used up.
        ratio: of the gradients' norms.
        processes: those that share the batch; the norms are over all of it.

    Returns:
        A scalar with the value of the weighted sum, whose graph leads to `images`; and for the log
        each side's loss and gradient norm, and the weight.
    """
    losses = dict(losses)
    pixel_loss = losses.pop("image")
    feature_loss = torch.stack(list(losses.values())).sum()
    (pixel_gradient,) = torch.autograd.grad(pixel_loss, images)
    (feature_gradient,) = torch.autograd.grad(feature_loss, images)
    squares = [gradient.float().square().sum() for gradient in (pixel_gradient, feature_gradient)]
    pixel_norm, feature_norm = processes.sum(torch.stack(squares)).sqrt()
    weight = ratio * pixel_norm / feature_norm.clamp_min(1e-12)
    # The gradient is known: a linear function carries it, so that no graph is walked twice.
    linear = (images * (pixel_gradient + weight * feature_gradient)).sum()
    value = (pixel_loss + weight * feature_loss).detach()
    return value + linear - linear.detach(), {
        "adversarial/image_loss": pixel_loss.detach(),
        "adversarial/feature_loss": feature_loss.detach(),
        "adversarial/image_gradient": pixel_norm,
        "adversarial/feature_gradient": feature_norm,
        "adversarial/feature_weight": weight,
    }


def draw_epsilon(seed: int, numbers: range) -> Tensor:
    """Draw one epsilon a sample, a function of (seed, number of the image): (B, 1, 1, 1) in [0, 1].

    Neither a resume nor the number of processes changes it.
    """
    draws = [generator_of(seed, Stream.EPSILON, number).random() for number in numbers]
    return torch.tensor(draws, dtype=torch.float32)[:, None, None, None]


@contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """Let gradients pass through a network without collecting any for its parameters."""
    learning = [p for p in network.parameters() if p.requires_grad]  # some never do
    for parameter in learning:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in learning:
            parameter.requires_grad_(True)
