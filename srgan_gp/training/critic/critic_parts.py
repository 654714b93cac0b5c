"""Parts of a critic: the view of an image that each part scores, and the balance of their losses.

A view is the input of a part: the image itself, or a feature map of it. Only a
`networks.composite_critic.CompositeCritic` has several parts; any other critic is its own and only
part, `image`. `training.steps` uses these functions, so that it need not tell the two apart.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from srgan_gp.data.streams import Stream, generator_of
from srgan_gp.networks.composite_critic import DETAIL, CompositeCritic
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
    losses: dict[str, Tensor], images: Tensor, config: TrainConfig, processes: Processes
) -> tuple[Tensor, dict[str, Tensor]]:
    """Combine the generator's losses of a critic's parts: image + sum of weighted others.

    The others are two terms: the sum of the feature parts, and the detail part, if there is one.
    The weight of a term is chosen in every step, so that its gradient at the images has the norm of
    the gradient of the image part, over the batch, times the option `feature_ratio` or
    `detail_ratio`. Unweighted gradients would differ by orders of magnitude: the penalties limit
    the gradients with respect to the views, not to the pixels.

    Args:
        losses: loss of each part by name, scalars with a graph that leads to `images`. The part
            `image` scores the image itself, `detail` its detail, and all others score features.
        images: `CriticInput.images`, from which the views were computed.
        config: options of the run with the ratios.
        processes: processes that share the batch; the norms are over the whole batch.

    Returns:
        The combined loss, a scalar with a graph to `images`; and log values `adversarial/...`:
        losses, gradient norms and weights. For a critic with a single part: the loss of this part,
        unchanged, and no log values.
    """
    if len(losses) == 1:
        return losses["image"], {}
    features = [losses[name] for name in losses if name not in ("image", DETAIL)]
    terms = {"image": losses["image"], "feature": torch.stack(features).sum()}
    wanted = {"image": 1.0, "feature": config.feature_ratio}
    if DETAIL in losses:
        terms[DETAIL], wanted[DETAIL] = losses[DETAIL], config.detail_ratio
    # Each call frees the graph from a term to `images`.
    gradients = {name: torch.autograd.grad(term, images)[0] for name, term in terms.items()}
    squares = [gradient.float().square().sum() for gradient in gradients.values()]
    norms = dict(zip(terms, processes.sum(torch.stack(squares)).sqrt(), strict=True))
    # `clamp_min` avoids a division by 0.
    weights = {name: wanted[name] * norms["image"] / norms[name].clamp_min(1e-12) for name in terms}
    weights["image"] = torch.ones_like(norms["image"])
    # The loss has the value of the weighted sum, and the known gradient by a linear function of
    # `images`, so that no second backward pass through the critic is needed.
    value = torch.stack([weights[name] * terms[name] for name in terms]).sum().detach()
    gradient = torch.stack([weights[name] * gradients[name] for name in terms]).sum(0)
    linear = (images * gradient).sum()
    log_values = {f"adversarial/{name}_loss": term.detach() for name, term in terms.items()}
    log_values |= {f"adversarial/{name}_gradient": norm for name, norm in norms.items()}
    others = [name for name in terms if name != "image"]
    log_values |= {f"adversarial/{name}_weight": weights[name] for name in others}
    return value + linear - linear.detach(), log_values
