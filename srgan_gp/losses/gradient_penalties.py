"""Gradient penalties: terms of the critic's loss that bound the slope of its scores.

With g, the gradient of a picture's own score over the whole flattened picture:

    name       mean over samples of   gradient taken at        paper and equation
    wgan_gp    (||g||_2 - 1)^2        between real and fake    Gulrajani et al. 2017 (WGAN-GP),
                                                               arXiv:1704.00028, equation 3
    one_sided  max(0, ||g||_2 - 1)^2  between real and fake    Petzka et al. 2018 (WGAN-LP),
                                                               arXiv:1709.08894
    r1         ||g||_2^2 / 2          real pictures            Mescheder et al. 2018,
                                                               arXiv:1801.04406, equation 9
    r2         ||g||_2^2 / 2          fake pictures            the same, equation 10

The caller multiplies by the weight: lambda of the first two, gamma of R1 and R2 (their half is
here). A critic with batch norm has no gradient of a picture's own score: use none.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

Critic = Callable[[Tensor], Tensor]
"""Pictures (B, ...) to one score each, (B,); a condition is bound by the caller, with a closure."""


class Penalty(NamedTuple):
    """A penalty, and the gradient norms it was made of."""

    value: Tensor
    """A scalar, float32, before its weight; its graph leads to the critic's parameters."""
    norms: Tensor
    """||g||_2 of each sample, (B,), float32, detached."""
    place: str
    """Where the gradient was taken: interpolate, real or fake."""


GradientPenalty = Callable[[Critic, Tensor, Tensor, Tensor], Penalty]


def wgan_gp(critic: Critic, real: Tensor, fake: Tensor, epsilon: Tensor) -> Penalty:
    """Pull the gradient norm to 1 between each real picture and its fake: the two-sided penalty.

    Args:
        critic: its scores are differentiated, under the caller's autocast if there is one.
        real: (B, 3, H, W), RGB around [0, 1], or the features of images, (B, C, h, w); float32; no
            gradient flows back to it.
        fake: likewise, of the same shape; fake i is the restored real i, which keeps the segment
            between them short.
        epsilon: where on the segment, one for each sample, (B, 1, 1, 1), uniform in [0, 1], the
            dtype of `real`; 1 is the real picture, 0 the fake.

    Returns:
        The penalty, computed in float32 (in float64 for float64 pictures). At a gradient of zero
        it has the subgradient zero, not NaN.

    Raises:
        ValueError: the shapes do not belong together, or the critic does not give one score for
            each sample: the norm of a sum over a patch map would grow with its area.

    Source:
        Gulrajani et al. 2017, arXiv:1704.00028, equation 3 and algorithm 1, lines 5 to 7.
    """
    norms = _gradients(critic, _between(real, fake, epsilon)).norm(dim=1)
    return Penalty((norms - 1).square().mean(), norms.detach(), "interpolate")


def one_sided(critic: Critic, real: Tensor, fake: Tensor, epsilon: Tensor) -> Penalty:
    """Push gradient norms above 1 down to 1, leave smaller ones alone; else as `wgan_gp`.

    Source:
        Petzka et al. 2018, arXiv:1709.08894, WGAN-LP.
    """
    norms = _gradients(critic, _between(real, fake, epsilon)).norm(dim=1)
    return Penalty(F.relu(norms - 1).square().mean(), norms.detach(), "interpolate")


def r1(critic: Critic, real: Tensor, fake: Tensor, epsilon: Tensor) -> Penalty:
    """Pull the gradient at real pictures to 0; `fake` and `epsilon` are not used.

    Source:
        Mescheder et al. 2018, arXiv:1801.04406, equation 9, with gamma = 1.
    """
    return _zero_centred(critic, real, "real")


def r2(critic: Critic, real: Tensor, fake: Tensor, epsilon: Tensor) -> Penalty:
    """Pull the gradient at fake pictures to 0; `real` and `epsilon` are not used.

    Source:
        Mescheder et al. 2018, arXiv:1801.04406, equation 10, with gamma = 1.
    """
    return _zero_centred(critic, fake, "fake")


def _zero_centred(critic: Critic, images: Tensor, place: str) -> Penalty:
    squares = _gradients(critic, images).square().sum(1)  # no root, so smooth at zero too
    return Penalty(squares.mean() / 2, squares.detach().sqrt(), place)


def _between(real: Tensor, fake: Tensor, epsilon: Tensor) -> Tensor:
    """Points on the segment between each real picture and its fake, exact at both ends."""
    one_a_sample = (len(real), *[1] * (real.ndim - 1))
    if real.shape != fake.shape or epsilon.shape != one_a_sample:
        raise ValueError(
            f"need real and fake of one shape and one epsilon a sample, got {tuple(real.shape)}, "
            f"{tuple(fake.shape)} and {tuple(epsilon.shape)}"
        )
    return torch.lerp(fake, real, epsilon)


def _gradients(critic: Critic, images: Tensor) -> Tensor:
    """Gradient of each picture's own score, flattened: (B, values), differentiable once more."""
    images = images.detach().requires_grad_()
    scores = critic(images)
    if scores.shape != images.shape[:1]:
        raise ValueError(f"need one score for each of {len(images)}, got {tuple(scores.shape)}")
    # A score depends on its own picture alone, so the gradient of the sum holds each one's own.
    (gradients,) = torch.autograd.grad(scores.sum(), images, create_graph=True)
    return gradients.flatten(1).to(torch.promote_types(gradients.dtype, torch.float32))


PENALTIES: dict[str, GradientPenalty] = {
    "wgan_gp": wgan_gp,
    "one_sided": one_sided,
    "r1": r1,
    "r2": r2,
}
