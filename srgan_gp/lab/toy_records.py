"""Measurements of a toy critic: estimate, gradient norms, value surface, layer gradients, weights.

`lab.toy_training` records them during and after a run. A toy critic maps points in the plane,
(N, 2), to scores, (N,).
"""

import math

import torch
from torch import Tensor, nn

from srgan_gp.losses.gradient_penalties import gradient_at
from srgan_gp.training.critic.critic_log_values import STEEP

SURFACE_SIDE = 64
"""Points of the value surface in a row and in a column. More make its contour lines smoother, and
the record of a run longer."""
SURFACE_EXTENT = 2.0
"""The value surface, scores on a grid, covers [-SURFACE_EXTENT, SURFACE_EXTENT] in x and in y, an
area somewhat larger than that of the points."""
MAX_WEIGHTS = 20_000
"""Largest number of weights that the record of a run keeps, for a histogram. Of a critic with more
weights, only every n-th is kept."""


@torch.no_grad()
def measure_estimate(critic: nn.Module, real: Tensor, fake: Tensor) -> float:
    """Return the critic estimate: mean score of real points minus that of generated ones.

    Args:
        critic: (N, 2) -> (N,).
        real: real points, (N, 2).
        fake: generated points, (N, 2).
    """
    return float(critic(real).mean() - critic(fake).mean())


def measure_gradient_norms(
    critic: nn.Module, real: Tensor, fake: Tensor, draws: torch.Generator
) -> dict[str, float]:
    """Measure gradient norms between real and generated points.

    Args:
        critic: (N, 2) -> (N,).
        real: real points, (N, 2).
        fake: generated points, (N, 2).
        draws: draws the position between each pair of points.

    Returns:
        `norm`, the mean norm, and `steep_share`, the share of norms above `STEEP`.
    """
    points = torch.lerp(fake, real, torch.rand(len(real), 1, generator=draws))
    norms = gradient_at(critic, points).detach().norm(dim=1)
    steep_share = (norms > STEEP).float().mean()
    return {"norm": float(norms.mean()), "steep_share": float(steep_share)}


def describe_critic(critic: nn.Module, real: Tensor) -> dict[str, list[float]]:
    """Describe a trained critic for the figures.

    Args:
        critic: (N, 2) -> (N,).
        real: points at which the gradients of its layers are measured, (N, 2).

    Returns:
        - `surface`: scores on a grid of `SURFACE_SIDE` x `SURFACE_SIDE` points, row by row, with
          rising y, and rising x in each row.
        - `layer_gradients`: result of `measure_layer_gradients` at the real points.
        - `weights`: at most `MAX_WEIGHTS` weights of the linear layers, without biases.
    """
    axis = torch.linspace(-SURFACE_EXTENT, SURFACE_EXTENT, SURFACE_SIDE)
    grid = torch.cartesian_prod(axis, axis).flip(1)  # x varies fastest
    with torch.no_grad():
        surface = critic(grid)
    weights = torch.cat([layer.weight.detach().flatten() for layer in _linear_layers(critic)])
    interval = math.ceil(len(weights) / MAX_WEIGHTS)  # every `interval`-th weight is kept
    return {
        "surface": surface.tolist(),
        "layer_gradients": measure_layer_gradients(critic, real),
        "weights": weights[::interval].tolist(),
    }


def measure_layer_gradients(critic: nn.Module, points: Tensor) -> list[float]:
    """Measure how the gradient of the score grows or vanishes through the layers of a critic.

    Args:
        critic: (N, 2) -> (N,), with linear layers.
        points: (N, 2).

    Returns:
        For each linear layer but the last, from the first on: norm of the gradient of the score
        with respect to the output of the layer, averaged over the points.

    Source:
        Gulrajani et al. 2017, arXiv:1704.00028, figure 1b.
    """
    outputs: list[Tensor] = []  # filled by the hooks, in the order of the layers

    def append_output(_: nn.Module, __: tuple[Tensor, ...], output: Tensor) -> None:
        outputs.append(output)

    hidden_layers = _linear_layers(critic)[:-1]
    hooks = [layer.register_forward_hook(append_output) for layer in hidden_layers]
    try:
        scores = critic(points)
    finally:
        for hook in hooks:
            hook.remove()
    gradients = torch.autograd.grad(scores.sum(), outputs)
    return [float(gradient.norm(dim=1).mean()) for gradient in gradients]


def _linear_layers(critic: nn.Module) -> list[nn.Linear]:
    """Return the linear layers in the order of the forward pass."""
    return [module for module in critic.modules() if isinstance(module, nn.Linear)]
