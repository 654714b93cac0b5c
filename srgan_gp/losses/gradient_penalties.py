"""Gradient penalties: terms of the critic's loss that bound the slope of its scores.

With g, the gradient of one image's score with respect to that image, flattened:

    name       mean over the batch of   g is taken at          paper and equation
    wgan_gp    (||g||_2 - 1)^2          between real and fake  Gulrajani et al. 2017 (WGAN-GP),
                                                               arXiv:1704.00028, equation 3
    one_sided  max(0, ||g||_2 - 1)^2    between real and fake  Petzka et al. 2018 (WGAN-LP),
                                                               arXiv:1709.08894
    r1         ||g||_2^2 / 2            real images            Mescheder et al. 2018,
                                                               arXiv:1801.04406, equation 9
    r2         ||g||_2^2 / 2            fake images            the same, equation 10

The caller multiplies by the weight: lambda of the first two, gamma of R1 and R2; their factor 1/2
is included here. The critic must not use batch norm: the score of an image would depend on the
others.

To add a penalty, write one function of the gradients and add its row to `PENALTIES`. The option
`--penalty` reads its choices from that table.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

Critic = Callable[[Tensor], Tensor]
"""Images (B, ...) -> one score each, (B,). The caller binds a condition with a closure."""

Place = Literal["interpolate", "real", "fake"]
"""Where the gradient is taken: between each real image and its fake, or at one of the two."""


class PenaltyResult(NamedTuple):
    """Value of a gradient penalty for a batch, and the gradient norms that it was computed from."""

    value: Tensor
    """Scalar, float32, before its weight; differentiable for the critic's parameters."""
    norms: Tensor
    """||g||_2 of each sample, (B,), float32, detached."""
    place: Place
    """Where the gradient was taken."""


def wgan_gp(gradients: Tensor) -> Tensor:
    """Two-sided penalty: pulls the gradient norm to 1. (B, D) -> scalar.

    At a gradient of zero the subgradient is zero, not NaN.

    Source:
        Gulrajani et al. 2017, arXiv:1704.00028, equation 3 and algorithm 1, lines 5 to 7.
    """
    return (gradients.norm(dim=1) - 1).square().mean()


def one_sided(gradients: Tensor) -> Tensor:
    """One-sided penalty: pulls gradient norms above 1 down to 1. (B, D) -> scalar.

    Source:
        Petzka et al. 2018, arXiv:1709.08894, WGAN-LP.
    """
    return F.relu(gradients.norm(dim=1) - 1).square().mean()


def zero_centred(gradients: Tensor) -> Tensor:
    """R1 and R2: pulls the gradient norm to 0. (B, D) -> scalar.

    Source:
        Mescheder et al. 2018, arXiv:1801.04406, equations 9 (R1) and 10 (R2), with gamma = 1.
    """
    return gradients.square().sum(1).mean() / 2  # without a root: smooth at zero too


@dataclass(frozen=True)
class GradientPenalty:
    """A gradient penalty: a function of the gradients, and the place where they are taken.

    Attributes:
        of_gradients: gradients of the scores, (B, D) -> scalar.
        place: where they are taken.
    """

    of_gradients: Callable[[Tensor], Tensor]
    place: Place

    def __call__(
        self, critic: Critic, real: Tensor, fake: Tensor, epsilon: Tensor
    ) -> PenaltyResult:
        """Compute the penalty of a batch.

        Args:
            critic: differentiated twice, under the caller's autocast if there is one.
            real: (B, 3, H, W), RGB around [0, 1], or features of images, (B, C, h, w); float32. No
                gradient flows back to it.
            fake: generated images or their features, same shape. In super-resolution fake i is
                generated from the LR version of real i, so that the segment between them is short;
                generated faces are paired at random.
            epsilon: position on the segment, one for each sample, (B, 1, 1, 1), uniform in [0, 1],
                dtype of `real`: 1 is the real image, 0 the fake. Used by "interpolate" only.

        Returns:
            The penalty, computed in float32 (float64 for float64 images).

        Raises:
            ValueError: the shapes do not match ("interpolate" only), or the critic does not return
                one score for each sample. With a map of scores instead of their mean, the gradient
                norm would grow with the area of the map.
        """
        # (B, C, H, W) => (B, C * H * W)
        gradients = _gradients(critic, self._points(real, fake, epsilon))
        return PenaltyResult(
            self.of_gradients(gradients), gradients.detach().norm(dim=1), self.place
        )

    def _points(self, real: Tensor, fake: Tensor, epsilon: Tensor) -> Tensor:
        if self.place == "interpolate":
            return _interpolate(real, fake, epsilon)
        return real if self.place == "real" else fake


def _interpolate(real: Tensor, fake: Tensor, epsilon: Tensor) -> Tensor:
    """Points on the segment between each real image and its fake, exact at both ends."""
    one_per_sample = (len(real), *[1] * (real.ndim - 1))
    if real.shape != fake.shape or epsilon.shape != one_per_sample:
        raise ValueError(
            f"need real and fake of one shape and one epsilon per sample, got {tuple(real.shape)}, "
            f"{tuple(fake.shape)} and {tuple(epsilon.shape)}"
        )
    return torch.lerp(fake, real, epsilon)


def _gradients(critic: Critic, images: Tensor) -> Tensor:
    """Gradient of each image's score, flattened: (B, D), differentiable once more."""
    images = images.detach().requires_grad_()
    scores = critic(images)
    if scores.shape != images.shape[:1]:
        raise ValueError(f"need one score for each of {len(images)}, got {tuple(scores.shape)}")
    # A score depends on its own image alone, so the gradient of the sum holds one for each image.
    (gradients,) = torch.autograd.grad(scores.sum(), images, create_graph=True)
    return gradients.flatten(1).to(torch.promote_types(gradients.dtype, torch.float32))


PENALTIES: dict[str, GradientPenalty] = {
    # name                        function       gradient taken at
    "wgan_gp":   GradientPenalty(wgan_gp,      "interpolate"),
    "one_sided": GradientPenalty(one_sided,    "interpolate"),
    "r1":        GradientPenalty(zero_centred, "real"),
    "r2":        GradientPenalty(zero_centred, "fake"),
}  # fmt: skip
