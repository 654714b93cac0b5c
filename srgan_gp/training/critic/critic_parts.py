"""Parts of a critic: the view of an image that each part scores, and the balance of their losses.

A view is the input of a part: the image itself, or a feature map of it. Only a
`networks.composite_critic.CompositeCritic` has several parts; any other critic is its own and only
part, `image`. `training.steps` uses these functions, so that it need not tell the two apart.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from srgan_gp.data.streams import Stream, generator_of
from srgan_gp.networks.composite_critic import CompositeCritic
from srgan_gp.training.distributed import Processes
from srgan_gp.training.options.config import TrainConfig


@dataclass(frozen=True)
class CriticInput:
    """Images and their views.

    Attributes:
        images: (B, 3, H, W), float32, RGB around [0, 1], augmented if the run augments.
        views: the tensor that each part of the critic scores, (B, ...), by name of the part.
    """

    images: Tensor
    views: dict[str, Tensor]


def critic_input(critic: nn.Module, images: Tensor, shift: tuple[int, int]) -> CriticInput:
    """Compute the view that each part of a critic scores; differentiable.

    Args:
        critic: any critic.
        images: (B, 3, H, W), float32, RGB around [0, 1], augmented if the run augments.
        shift: result of `draw_shift` for the batch.
    """
    if isinstance(critic, CompositeCritic):
        return CriticInput(images, critic.views(images, shift))
    return CriticInput(images, {"image": images})


def parts_of(critic: nn.Module) -> dict[str, nn.Module]:
    """Return the parts of a critic by name, each (view, condition) -> (B,) scores."""
    if isinstance(critic, CompositeCritic):
        return dict(critic.parts)
    return {"image": critic}


def draw_shift(critic: nn.Module, config: TrainConfig, images_seen: int) -> tuple[int, int]:
    """Draw the shift of the window that feature maps are computed from; see `CompositeCritic`.

    Real and generated images of a batch share it, and so do all processes.

    Args:
        critic: any critic.
        config: options of the run; `seed` determines the draws.
        images_seen: images seen before the batch.

    Returns:
        (down, right) in pixels; (0, 0) for a critic without such a window.
    """
    largest = critic.largest_shift if isinstance(critic, CompositeCritic) else 0
    random = generator_of(config.seed, Stream.WINDOW, images_seen)
    down, right = random.integers(largest + 1, size=2)
    return int(down), int(right)


def balanced_loss(
    losses: dict[str, Tensor], images: Tensor, ratio: float, processes: Processes
) -> tuple[Tensor, dict[str, Tensor]]:
    """Combine the generator's losses of a critic's parts: image + weight * sum of the others.

    The weight is chosen in every step, so that the gradient of the second term at the images has
    `ratio` times the norm of the gradient of the first term, over the batch. Unweighted gradients
    would differ by orders of magnitude: the penalties limit the gradients with respect to the
    features, not to the pixels.

    Args:
        losses: loss of each part by name, scalars with a graph that leads to `images`. The part
            `image` scores the image itself, all others score features.
        images: `CriticInput.images`, from which the views were computed.
        ratio: requested ratio of the two gradient norms.
        processes: processes that share the batch; the norms are over the whole batch.

    Returns:
        The combined loss, a scalar with a graph to `images`; and log values `adversarial/...`:
        losses, gradient norms and weight. For a critic with a single part: the loss of this part,
        unchanged, and no log values.
    """
    if len(losses) == 1:
        return losses["image"], {}
    image_loss = losses["image"]
    feature_loss = torch.stack([losses[name] for name in losses if name != "image"]).sum()
    # These two calls free the graphs from the losses to `images`.
    (image_gradient,) = torch.autograd.grad(image_loss, images)
    (feature_gradient,) = torch.autograd.grad(feature_loss, images)
    squares = [image_gradient.float().square().sum(), feature_gradient.float().square().sum()]
    image_norm, feature_norm = processes.sum(torch.stack(squares)).sqrt()
    weight = ratio * image_norm / feature_norm.clamp_min(1e-12)  # avoids a division by 0
    # The loss has the value of the weighted sum, and the known gradient by a linear function of
    # `images`, so that no second backward pass through the critic is needed.
    value = (image_loss + weight * feature_loss).detach()
    linear = (images * (image_gradient + weight * feature_gradient)).sum()
    loss = value + linear - linear.detach()
    return loss, {
        "adversarial/image_loss": image_loss.detach(),
        "adversarial/feature_loss": feature_loss.detach(),
        "adversarial/image_gradient": image_norm,
        "adversarial/feature_gradient": feature_norm,
        "adversarial/feature_weight": weight,
    }
