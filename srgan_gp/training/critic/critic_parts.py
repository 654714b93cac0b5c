"""Parts of a critic: the view that each part scores, and the balance of their losses."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from srgan_gp.data.streams import Stream, generator_of
from srgan_gp.networks.composite_critic import CompositeCritic
from srgan_gp.training.distributed import Processes
from srgan_gp.training.options.config import TrainConfig


@dataclass(frozen=True)
class CriticInput:
    """Images as the critic gets them.

    Attributes:
        images: augmented, (B, 3, H, W), float32.
        views: the tensor that each part of the critic scores, by the part's name.
    """

    images: Tensor
    views: dict[str, Tensor]


def critic_input(critic: nn.Module, images: Tensor, shift: tuple[int, int]) -> CriticInput:
    """Compute the view that each part of a critic scores, with a gradient if `images` have one.

    Args:
        critic: any critic; one that is not a `CompositeCritic` has one part, which scores the
            images themselves.
        images: augmented where augmentation is on, (B, 3, H, W), float32.
        shift: shift of the window that a composite critic's features see; see `draw_shift`.
    """
    is_composite = isinstance(critic, CompositeCritic)
    return CriticInput(images, critic.views(images, shift) if is_composite else {"image": images})


def parts_of(critic: nn.Module) -> dict[str, nn.Module]:
    """Return the parts of a critic by name, each (view, condition) -> (B,) scores."""
    return dict(critic.parts) if isinstance(critic, CompositeCritic) else {"image": critic}


def draw_shift(critic: nn.Module, config: TrainConfig, images_seen: int) -> tuple[int, int]:
    """Draw the shift of the batch that begins at `images_seen`.

    Real and generated images share it, and so do all processes.

    Returns:
        (down, right) in pixels; (0, 0) for a critic that is not a `CompositeCritic`.
    """
    room = critic.largest_shift if isinstance(critic, CompositeCritic) else 0
    generator = generator_of(config.seed, Stream.WINDOW, images_seen)
    down, right = generator.integers(room + 1, size=2)
    return int(down), int(right)


def balanced_loss(
    losses: dict[str, Tensor], images: Tensor, ratio: float, processes: Processes
) -> tuple[Tensor, dict[str, Tensor]]:
    """Combine the generator's losses of a critic's parts; that of a single part is unchanged.

    The weight of the feature parts is chosen in every step, so that the norm of their gradient at
    the images, over the batch, is `ratio` times that of the image part. Gradient norms of 1 in
    feature space do not fix the gradient norm in pixels, which differs by orders of magnitude.

    Args:
        losses: loss of each part by its name, scalars with a graph that leads to `images`. One part
            is called `image`; the others score features.
        images: the input of the views; the graphs from there to the losses are freed.
        ratio: requested ratio of the two gradient norms.
        processes: processes that share the batch; the norms are over all of it.

    Returns:
        A scalar with the value of the weighted sum, whose graph leads to `images`; and for the log,
        with more than one part, each side's loss and gradient norm, and the weight.
    """
    if len(losses) == 1:
        return losses["image"], {}
    losses = dict(losses)
    pixel_loss = losses.pop("image")
    feature_loss = torch.stack(list(losses.values())).sum()
    (pixel_gradient,) = torch.autograd.grad(pixel_loss, images)
    (feature_gradient,) = torch.autograd.grad(feature_loss, images)
    squares = [gradient.float().square().sum() for gradient in (pixel_gradient, feature_gradient)]
    pixel_norm, feature_norm = processes.sum(torch.stack(squares)).sqrt()
    weight = ratio * pixel_norm / feature_norm.clamp_min(1e-12)  # avoids a division by 0
    # A linear function of `images` with the known gradient, so that no graph is walked twice.
    linear = (images * (pixel_gradient + weight * feature_gradient)).sum()
    value = (pixel_loss + weight * feature_loss).detach()
    return value + linear - linear.detach(), {
        "adversarial/image_loss": pixel_loss.detach(),
        "adversarial/feature_loss": feature_loss.detach(),
        "adversarial/image_gradient": pixel_norm,
        "adversarial/feature_gradient": feature_norm,
        "adversarial/feature_weight": weight,
    }
