"""Two-dimensional distributions of the toy experiments, and scores of samples against them.

A sample is a point that a generator made. All distributions lie within [-2, 2] x [-2, 2], but for
rare noise.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

# Divisors of the coordinates, as in the toy code of Gulrajani et al. 2017. The quotients have a
# standard deviation near 1.
GRID_SCALE = 2.828
RING_SCALE = 1.414
ROLL_SCALE = 7.5
ROLL_POINTS = 1000
"""Points of a Swiss roll that samples are compared with. More make the distance less noisy; its
computation grows with their square."""
ROLL_NOISE = 0.25
"""Standard deviation of the noise of a Swiss roll, before the division by `ROLL_SCALE`; as in the
toy code of Gulrajani et al."""
HIGH_QUALITY = 3.0
"""Standard deviations from the nearest mode within which a sample has high quality; the source of
`Gaussians.score` has this limit."""


@dataclass(frozen=True)
class Gaussians:
    """A mixture of equal round Gaussians.

    Attributes:
        modes: their centres, (M, 2), float32.
        deviation: their standard deviation.
    """

    modes: Tensor
    deviation: float

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw points, (count, 2), float32."""
        indices = torch.randint(len(self.modes), (count,), generator=generator)
        noise = torch.randn(count, 2, generator=generator)
        return self.modes[indices] + self.deviation * noise

    def score(self, points: Tensor) -> dict[str, float]:
        """Count covered modes and measure the share of samples of high quality.

        A sample has high quality if it is within 3 standard deviations of its nearest mode; a mode
        is covered if it is the nearest one of a sample of high quality.

        Args:
            points: samples, (N, 2); 2500 in the source.

        Returns:
            `modes`, the number of covered modes, and `high_quality`, a share in [0, 1].

        Source:
            Srivastava et al. 2017 (VEEGAN), arXiv:1705.07761, section 5.1.
        """
        distances = torch.cdist(points, self.modes)
        distance, nearest_mode = distances.min(dim=1)  # (N,) each
        has_high_quality = distance <= HIGH_QUALITY * self.deviation
        return {
            "modes": float(len(nearest_mode[has_high_quality].unique())),
            "high_quality": float(has_high_quality.float().mean()),
        }


@dataclass(frozen=True)
class SwissRoll:
    """A spiral with noise, as in the figures of the WGAN-GP paper."""

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw points, (count, 2), float32."""
        angle = 1.5 * math.pi * (1 + 2 * torch.rand(count, generator=generator))
        noise = ROLL_NOISE * torch.randn(count, 2, generator=generator)
        spiral = torch.stack([angle * angle.cos(), angle * angle.sin()], 1)  # radius = angle
        return (spiral + noise) / ROLL_SCALE

    def score(self, points: Tensor) -> dict[str, float]:
        """Measure the energy distance of samples to points of the roll.

        Args:
            points: samples, (N, 2); the first `ROLL_POINTS` are used.

        Returns:
            `distance`: twice the mean distance between samples and points of the roll, less the
            mean distances within both sets; near 0 for equal distributions.

        Source:
            Szekely & Rizzo 2013, doi:10.1016/j.jspi.2013.03.018.
        """
        real = self.draw(ROLL_POINTS, torch.Generator().manual_seed(2))  # always the same points
        samples = points[:ROLL_POINTS]
        between = torch.cdist(real, samples).mean()
        within = torch.cdist(real, real).mean() + torch.cdist(samples, samples).mean()
        return {"distance": float(2 * between - within)}


def _grid() -> Gaussians:
    """Return 25 Gaussians: spacing 2, deviation 0.05, divided by `GRID_SCALE`."""
    axis = torch.arange(-4.0, 5.0, 2.0)
    return Gaussians(torch.cartesian_prod(axis, axis) / GRID_SCALE, 0.05 / GRID_SCALE)


def _ring() -> Gaussians:
    """Return 8 Gaussians on a circle of radius 2, deviation 0.02, divided by `RING_SCALE`."""
    angle = torch.arange(8) * (math.pi / 4)
    modes = 2 * torch.stack([angle.cos(), angle.sin()], 1)
    return Gaussians(modes / RING_SCALE, 0.02 / RING_SCALE)


DISTRIBUTIONS: dict[str, Callable[[], Gaussians | SwissRoll]] = {
    "8-gaussians": _ring,
    "25-gaussians": _grid,
    "swiss-roll": SwissRoll,
}
"""Functions that build the distributions, by the values of `ToyConfig.data`."""
