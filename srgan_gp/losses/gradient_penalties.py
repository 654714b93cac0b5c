"""Gradient penalties: terms of the critic's loss that bound the slope of its scores.

With g, the gradient of a point's score with respect to that point, flattened, and n, a norm of g,
a penalty is the mean over points of a function of n. The points are images, or features of images:

    name          points                      norm n        function of n    source
    wgan_gp       between real and fake       L2            (n - 1)^2        [1] equation 3
    one_sided     between real and fake       L2            max(0, n - 1)^2  [2], WGAN-LP
    zero_centred  between real and fake       L2            n^2 / 2          [3], simple penalty
    r1            real                        L2            n^2 / 2          [4] equation 9
    r2            fake                        L2            n^2 / 2          [4] equation 10
    r1_r2         real; fake; the sum         L2            n^2 / 2          [5]
    linf_hinge    between real and fake       L-infinity    max(0, n - 1)    [6], L1 margin
    l1_hinge      between real and fake       L1            max(0, n - 1)    [6], L-infinity margin
    dragan        beside real                 L2            (n - 1)^2        [7]

    [1] Gulrajani et al. 2017 (WGAN-GP), arXiv:1704.00028
    [2] Petzka et al. 2018, arXiv:1709.08894
    [3] Kim et al. 2018 (mu-WGAN), arXiv:1810.02528: any measure of points; see `Measure`
    [4] Mescheder et al. 2018, arXiv:1801.04406
    [5] Huang et al. 2024 (R3GAN), arXiv:2501.05441, with the relativistic loss
    [6] Jolicoeur-Martineau & Mitliagkas 2019, arXiv:1910.06922; n is dual to the margin's norm
    [7] Kodali et al. 2017, arXiv:1705.07215; the points are those of its published code

The caller multiplies a penalty by its weight: lambda, or gamma of the zero-centred ones, whose
factor 1/2 is included here. The critic must not use batch norm: the score of a sample would depend
on the others. A `LipschitzBaseline` of `lipschitz_baselines` bounds the slope in another way.

To add a penalty, add its row to `PENALTIES`, and a measure, norm or function if it needs a new one.
The option `--penalty` reads its choices from that table.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

Critic = Callable[[Tensor], Tensor]
"""Images (B, ...) -> one score each, (B,). A conditional critic is wrapped with its condition."""


class PenaltyResult(NamedTuple):
    """Value of a penalty, and gradient norms: float32, or float64 for float64 samples."""

    value: Tensor
    """Scalar before its weight; differentiable for the critic's parameters."""
    norms: Tensor
    """L2 norms of the gradients, whatever the norm n; from a `LipschitzBaseline`, its slopes. (B,),
    or (2 B,) if both real and fake points are used; detached."""
    place: str
    """Name of the points: `Measure.name`, or `LipschitzBaseline.place`."""


# Points where the gradient is taken: lists of batches, (B, ...). Arguments: see `Measure.points`.


def interpolate(real: Tensor, fake: Tensor, epsilon: Tensor, _: Tensor | None) -> list[Tensor]:
    """Points on the segment between each real sample and its fake: [1] algorithm 1, line 6.

    Raises:
        ValueError: the shapes do not match.
    """
    if real.shape != fake.shape or epsilon.shape != (len(real), *[1] * (real.ndim - 1)):
        raise ValueError(
            f"need real and fake of one shape and one epsilon per sample, got {tuple(real.shape)}, "
            f"{tuple(fake.shape)} and {tuple(epsilon.shape)}"
        )
    return [torch.lerp(fake, real, epsilon)]  # exact at both ends


def beside_real(real: Tensor, _: Tensor, epsilon: Tensor, noise: Tensor | None) -> list[Tensor]:
    """Points x + epsilon * std / 2 * noise for each real x, std of all values: [7], its code.

    Raises:
        ValueError: there is no noise.
    """
    if noise is None:
        raise ValueError("points beside real samples need noise in [0, 1] of their shape")
    return [real + epsilon * (real.std() / 2) * noise]


class Measure(NamedTuple):
    """A distribution of points at which the gradient is penalised; mu in [3]."""

    name: str
    """Name in the log, where the gradient norms are `health/NAME_norm`."""
    points: Callable[[Tensor, Tensor, Tensor, Tensor | None], list[Tensor]]
    """(real, fake, epsilon, noise) -> batches of points; the penalty is the sum over batches."""
    needs_noise: bool = False
    """Whether the points depend on the noise."""


INTERPOLATE = Measure("interpolate", interpolate)
REAL = Measure("real", lambda real, fake, epsilon, noise: [real])
FAKE = Measure("fake", lambda real, fake, epsilon, noise: [fake])
REAL_AND_FAKE = Measure("real_and_fake", lambda real, fake, epsilon, noise: [real, fake])
BESIDE_REAL = Measure("beside_real", beside_real, needs_noise=True)

# Norms: gradients, (B, D) -> (B,), one for each point.


def l2(gradients: Tensor) -> Tensor:
    """Euclidean norm. `torch.norm` differentiates it to 0, not to NaN, where the norm is 0."""
    return gradients.norm(dim=1)


def squared_l2(gradients: Tensor) -> Tensor:
    """Square of the Euclidean norm, without a root: smooth at zero too."""
    return gradients.square().sum(1)


def l1(gradients: Tensor) -> Tensor:
    """Sum of the absolute values."""
    return gradients.abs().sum(1)


def linf(gradients: Tensor) -> Tensor:
    """Largest absolute value; only that value receives a gradient."""
    return gradients.abs().amax(1)


# Functions of the norm n: (B,) -> scalar, the mean over the batch.


def two_sided(norms: Tensor) -> Tensor:
    """Pulls the norm to 1: (n - 1)^2. Source: [1] equation 3."""
    return (norms - 1).square().mean()


def one_sided(norms: Tensor) -> Tensor:
    """Pulls norms above 1 down to 1: max(0, n - 1)^2. Source: [2]."""
    return F.relu(norms - 1).square().mean()


def hinge(norms: Tensor) -> Tensor:
    """Pulls norms above 1 down with a constant force: max(0, n - 1). Source: [6]."""
    return F.relu(norms - 1).mean()


def zero_centred(squared_norms: Tensor) -> Tensor:
    """Pulls the norm to 0: n^2 / 2, given n^2. Source: [4] equations 9 and 10 with gamma = 1."""
    return squared_norms.mean() / 2


def gradient_at(critic: Critic, points: Tensor) -> Tensor:
    """Gradient of each point's score, same shape, by `torch.autograd`; differentiable once more."""
    points = points.detach().requires_grad_()
    # A score depends on its own point alone, so the gradient of the sum holds one for each point.
    scores = one_score_each(critic, points)
    return torch.autograd.grad(scores.sum(), points, create_graph=True)[0]


def functional_gradient_at(critic: Critic, points: Tensor) -> Tensor:
    """As `gradient_at`, by `torch.func`, for a loss compiled as a whole, with its penalty.

    `torch.compile` cannot differentiate a compiled function twice. It traces this gradient as a
    part of the forward pass, so that one differentiation is left.
    """
    return torch.func.grad(lambda x: one_score_each(critic, x).sum())(points.detach())


def one_score_each(critic: Critic, points: Tensor) -> Tensor:
    """Score points, (B, ...), and check the shape of the scores, (B,).

    Raises:
        ValueError: the critic does not return one score for each point. With a map of scores
            instead of their mean, the gradient norm would grow with the area of the map.
    """
    scores = critic(points)
    if scores.shape != points.shape[:1]:
        raise ValueError(f"need one score for each of {len(points)}, got {tuple(scores.shape)}")
    return scores


@dataclass(frozen=True)
class GradientPenalty:
    """A gradient penalty: where the gradient is taken, its norm, and a function of the norm.

    Attributes:
        measure: points at which the gradient is taken.
        norm: gradients (B, D) -> (B,).
        function: norms (B,) -> scalar.
        gradient: `gradient_at` or `functional_gradient_at`.
    """

    measure: Measure
    norm: Callable[[Tensor], Tensor]
    function: Callable[[Tensor], Tensor]
    gradient: Callable[[Critic, Tensor], Tensor] = gradient_at
    # Whether the caller must clip the critic's weights after a step, as for a `LipschitzBaseline`.
    clips_weights: ClassVar[bool] = False

    @property
    def place(self) -> str:
        """Name of the measure."""
        return self.measure.name

    @property
    def needs_noise(self) -> bool:
        """Whether a call needs `noise`."""
        return self.measure.needs_noise

    def __call__(
        self, critic: Critic, real: Tensor, fake: Tensor, epsilon: Tensor,
        noise: Tensor | None = None,
    ) -> PenaltyResult:  # fmt: skip
        """Compute the penalty of a batch.

        Args:
            critic: differentiated twice, under the caller's autocast if there is one.
            real: real samples, (B, ...): images, (B, 3, H, W) RGB around [0, 1], or features of
                images. No gradient flows back to it.
            fake: generated samples, same shape. In super-resolution fake i is generated from the LR
                version of real i, so that the segment between them is short; generated faces are
                paired at random.
            epsilon: one number for each sample, (B, 1, ...), uniform in [0, 1], dtype of `real`:
                position on the segment, 1 is the real sample, 0 the fake.
            noise: uniform in [0, 1], shape of `real`; needed where `needs_noise`.

        Returns:
            The penalty and gradient norms.

        Raises:
            ValueError: the shapes do not match, noise is missing, or the critic does not return one
                score for each sample.
        """
        values, norms = [], []
        for points in self.measure.points(real, fake, epsilon, noise):
            gradients = self.gradient(critic, points).flatten(1)  # (B, ...) => (B, D)
            gradients = gradients.to(torch.promote_types(gradients.dtype, torch.float32))
            values.append(self.function(self.norm(gradients)))
            norms.append(gradients.detach().norm(dim=1))
        return PenaltyResult(torch.stack(values).sum(), torch.cat(norms), self.place)


PENALTIES: dict[str, GradientPenalty] = {
    # name                            gradient taken at  norm    function of the norm
    "wgan_gp":      GradientPenalty(INTERPOLATE,   l2,         two_sided),
    "one_sided":    GradientPenalty(INTERPOLATE,   l2,         one_sided),
    "zero_centred": GradientPenalty(INTERPOLATE,   squared_l2, zero_centred),
    "r1":           GradientPenalty(REAL,          squared_l2, zero_centred),
    "r2":           GradientPenalty(FAKE,          squared_l2, zero_centred),
    "r1_r2":        GradientPenalty(REAL_AND_FAKE, squared_l2, zero_centred),
    "linf_hinge":   GradientPenalty(INTERPOLATE,   linf,       hinge),
    "l1_hinge":     GradientPenalty(INTERPOLATE,   l1,         hinge),
    "dragan":       GradientPenalty(BESIDE_REAL,   l2,         two_sided),
}  # fmt: skip
