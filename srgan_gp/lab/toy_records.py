"""Records of a toy critic: estimate, gradient norms, value surface, layer gradients, weights."""

import torch
from torch import Tensor, nn

from srgan_gp.losses.gradient_penalties import gradient_at

SURFACE_SIDE = 64
SURFACE_EXTENT = 2.0
"""The value surface is sampled on [-SURFACE_EXTENT, SURFACE_EXTENT] squared."""
MAX_WEIGHTS = 20_000
"""Weights that a histogram is made of; of a larger critic, every n-th."""
TOO_STEEP = 2.0


@torch.no_grad()
def estimate(critic: nn.Module, real: Tensor, fake: Tensor) -> float:
    """Critic estimate: mean score of real minus mean score of generated points."""
    return float(critic(real).mean() - critic(fake).mean())


def critic_records(
    critic: nn.Module, real: Tensor, fake: Tensor, draws: torch.Generator
) -> dict[str, float]:
    """Measure gradient norms between real and generated points.

    Args:
        critic: (N, 2) -> (N,).
        real: (N, 2).
        fake: (N, 2).
        draws: draws the positions.

    Returns:
        `norm`, their mean, and `steep_share`, the share above 2.
    """
    points = torch.lerp(fake, real, torch.rand(len(real), 1, generator=draws))
    norms = gradient_at(critic, points).detach().norm(dim=1)
    return {"norm": float(norms.mean()), "steep_share": float((norms > TOO_STEEP).float().mean())}


def describe_critic(critic: nn.Module, real: Tensor) -> dict[str, list[float]]:
    """Describe a trained critic for the figures.

    Args:
        critic: (N, 2) -> (N,).
        real: points at which the gradients of its layers are measured, (N, 2).

    Returns:
        `surface`: scores on a grid of `SURFACE_SIDE` squared points, by rows of y.
        `layer_gradients`: norm of the gradient of the score at the output of each linear layer,
        mean over the points, from the first layer to the last but one.
        `weights`: weights of all linear layers, without biases.
    """
    axis = torch.linspace(-SURFACE_EXTENT, SURFACE_EXTENT, SURFACE_SIDE)
    grid = torch.cartesian_prod(axis, axis).flip(1)  # x varies fastest
    with torch.no_grad():
        surface = critic(grid)
    weights = torch.cat([layer.weight.detach().flatten() for layer in _linear_layers(critic)])
    return {
        "surface": surface.tolist(),
        "layer_gradients": layer_gradients(critic, real),
        "weights": weights[:: -(-len(weights) // MAX_WEIGHTS)].tolist(),
    }


def layer_gradients(critic: nn.Module, points: Tensor) -> list[float]:
    """Norm of the gradient of the score at the output of each linear layer but the last.

    Source:
        Gulrajani et al. 2017, arXiv:1704.00028, figure 1b.
    """
    outputs: list[Tensor] = []

    def keep(_: nn.Module, __: tuple[Tensor, ...], output: Tensor) -> None:
        outputs.append(output)

    hooks = [layer.register_forward_hook(keep) for layer in _linear_layers(critic)[:-1]]
    try:
        scores = critic(points)
    finally:
        for hook in hooks:
            hook.remove()
    gradients = torch.autograd.grad(scores.sum(), outputs)
    return [float(gradient.norm(dim=1).mean()) for gradient in gradients]


def _linear_layers(critic: nn.Module) -> list[nn.Linear]:
    return [module for module in critic.modules() if isinstance(module, nn.Linear)]
