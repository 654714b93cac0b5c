"""Ways to bound a critic's slope without a gradient penalty, for comparison with the penalties.

    name                   what bounds the slope                                       source
    weight_clipping        each weight is clipped to [-c, c] after each step           [1]
    adversarial_lipschitz  mean of max(0, |D(x) - D(x + r)| / ||r||_2 - 1)^2 over real [2]
                           and fake x, with r in the direction of the largest change
    segment_ratio          mean of max(0, |D(x) - D(x')| / ||x - x'||_2 - 1)^2 over    [3]
                           pairs of real x and fake x'
    total_variation        mean of | |D(x) - D(x')| - delta |, delta = 1; UNVERIFIED:  [4]
                           formula from the abstract only
    none                   nothing

    [1] Arjovsky et al. 2017 (WGAN), arXiv:1701.07875, algorithm 1
    [2] Terjek 2020, arXiv:1907.05681 (adversarial Lipschitz regularisation, ALP)
    [3] Petzka et al. 2018, arXiv:1709.08894: the Lipschitz condition on sampled pairs
    [4] Zhang et al. 2018, arXiv:1812.00810

D(x) is the critic's score of a sample x. None of these terms differentiates the critic twice, so
that a critic may have operations without a second derivative, or be compiled. The slope between two
samples is at most the largest gradient norm on the segment between them.

The interface is that of `gradient_penalties`; `LIPSCHITZ_TERMS` has the terms of both modules. The
option `--penalty` reads its choices from `PENALTIES` there and `BASELINES` here.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from srgan_gp.losses.gradient_penalties import (
    PENALTIES,
    Critic,
    GradientPenalty,
    PenaltyResult,
    one_score_each,
)

SEARCH_STEP = 10.0
"""xi: length of the step along which the direction of the largest change is found; from the
published code of [2]."""
RADII = (0.1, 10.0)
"""Range of ||r||_2, which is drawn uniformly; from the published code of [2]."""
DELTA = 1.0
"""delta of `total_variation`: difference of scores that is not penalised."""
_SMALL = 1e-12  # avoids a division by 0


@dataclass(frozen=True)
class LipschitzBaseline:
    """A term of the critic's loss on its scores, with the interface of `GradientPenalty`.

    Attributes:
        term: (critic, real, fake, epsilon, noise) -> (value, slopes): a scalar, and slopes for the
            log, (B,) or (2 B,). real and fake are (B, ...), epsilon is (B, 1, ...) in [0, 1], noise
            is None or has the shape of real, in [0, 1]; see `GradientPenalty.__call__`.
        place: where the slopes are measured, PLACE in their name in the log, `health/PLACE_norm`.
        needs_noise: whether a call needs `noise`.
        clips_weights: whether the caller must call `clip_weights` after each step of the critic.
    """

    term: Callable[[Critic, Tensor, Tensor, Tensor, Tensor | None], tuple[Tensor, Tensor]]
    place: str
    needs_noise: bool = False
    clips_weights: bool = False

    def __call__(
        self,
        critic: Critic,
        real: Tensor,
        fake: Tensor,
        epsilon: Tensor,
        noise: Tensor | None = None,
    ) -> PenaltyResult:
        """Compute the term of a batch; arguments as those of `GradientPenalty.__call__`.

        Returns:
            The value, before its weight, and the slopes in place of gradient norms.

        Raises:
            ValueError: noise is missing, or the critic does not return one score for each sample.
        """
        noise = None if noise is None else noise.detach()
        value, slopes = self.term(critic, real.detach(), fake.detach(), epsilon.detach(), noise)
        return PenaltyResult(value, slopes.detach(), self.place)


@torch.no_grad()
def clip_weights(critic: nn.Module, limit: float) -> None:
    """Clip every trainable parameter of a critic to [-limit, limit], in place.

    Source:
        [1] algorithm 1, line 7, with the limit c = 0.01.
    """
    for parameter in critic.parameters():
        if parameter.requires_grad:
            parameter.clamp_(-limit, limit)


# The terms: all take the arguments of `LipschitzBaseline.term`; some do not use all of them.


def slope_on_segment(
    critic: Critic, real: Tensor, fake: Tensor, epsilon: Tensor, noise: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Return 0, because nothing is penalised, and for the log the slope between real and fake i."""
    with torch.no_grad():
        slopes = _slopes(critic, real, fake)
    return slopes.new_zeros(()), slopes


def segment_ratio(
    critic: Critic, real: Tensor, fake: Tensor, epsilon: Tensor, noise: Tensor | None
) -> tuple[Tensor, Tensor]:
    """One-sided penalty of the slope between real sample i and fake sample i. Source: [3]."""
    slopes = _slopes(critic, real, fake)
    return F.relu(slopes - 1).square().mean(), slopes


def adversarial_lipschitz(
    critic: Critic, real: Tensor, fake: Tensor, epsilon: Tensor, noise: Tensor | None
) -> tuple[Tensor, Tensor]:
    """One-sided penalty of the slope in the direction of the largest change of the score.

    One step of power iteration from a random direction finds the direction. The length of r is
    drawn from `RADII` by `epsilon`. x + r is not clipped to the range of images, unlike in the
    published code, so that samples may be features or points of the plane too.

    Raises:
        ValueError: there is no noise.

    Source:
        [2] equation 11 and its published code.
    """
    if noise is None:
        raise ValueError("adversarial_lipschitz needs noise in [0, 1] of the shape of the samples")
    shortest, longest = RADII
    radii = shortest + (longest - shortest) * epsilon
    # The search starts from centred noise, for fake samples in the opposite direction.
    real_steps = radii * _direction_of_change(critic, real, noise - 0.5)
    real_slopes = _slopes(critic, real, real + real_steps)
    fake_steps = radii * _direction_of_change(critic, fake, 0.5 - noise)
    fake_slopes = _slopes(critic, fake, fake + fake_steps)
    slopes = torch.cat([real_slopes, fake_slopes])
    return F.relu(slopes - 1).square().mean(), slopes


def total_variation(
    critic: Critic, real: Tensor, fake: Tensor, epsilon: Tensor, noise: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Mean distance of |D(x) - D(x')| from `DELTA`; x and x' are real sample i and fake sample i.

    UNVERIFIED: the formula is known from the abstract only. Source: [4].
    """
    differences = (_scores(critic, real) - _scores(critic, fake)).abs()
    with torch.no_grad():
        slopes = differences / _lengths(real - fake)
    return (differences - DELTA).abs().mean(), slopes


def _direction_of_change(critic: Critic, points: Tensor, start: Tensor) -> Tensor:
    """Find the direction in which the score of each point changes most.

    One step of power iteration: the gradient of |D(x) - D(x + xi d)| for d.

    Args:
        critic: points -> scores.
        points: x, (B, ...).
        start: initial directions d of any length, same shape.

    Returns:
        Unit vectors, same shape, without a graph.
    """
    direction = _unit_vectors(start).detach().requires_grad_()
    with torch.enable_grad():
        change = (_scores(critic, points) - _scores(critic, points + SEARCH_STEP * direction)).abs()
        (gradient,) = torch.autograd.grad(change.sum(), direction)
    return _unit_vectors(gradient.to(points.dtype))


def _unit_vectors(vectors: Tensor) -> Tensor:
    """Divide each sample, (B, ...), by its length."""
    return vectors / _lengths(vectors).view(-1, *[1] * (vectors.ndim - 1))


def _slopes(critic: Critic, first: Tensor, second: Tensor) -> Tensor:
    """|D(x) - D(y)| / ||x - y||_2 of each pair, (B,)."""
    return (_scores(critic, first) - _scores(critic, second)).abs() / _lengths(first - second)


def _scores(critic: Critic, points: Tensor) -> Tensor:
    """Score points, (B,), in float32, or in float64 if the scores have that type."""
    scores = one_score_each(critic, points)
    return scores.to(torch.promote_types(scores.dtype, torch.float32))


def _lengths(vectors: Tensor) -> Tensor:
    """||v||_2 of each sample, (B,), at least `_SMALL`."""
    return vectors.flatten(1).norm(dim=1).clamp_min(_SMALL)


BASELINES: dict[str, LipschitzBaseline] = {
    "weight_clipping": LipschitzBaseline(slope_on_segment, "segment", clips_weights=True),
    "adversarial_lipschitz": LipschitzBaseline(
        adversarial_lipschitz, "adversarial", needs_noise=True
    ),
    "segment_ratio": LipschitzBaseline(segment_ratio, "segment"),
    "total_variation": LipschitzBaseline(total_variation, "segment"),
    "none": LipschitzBaseline(slope_on_segment, "segment"),
}

LIPSCHITZ_TERMS: dict[str, GradientPenalty | LipschitzBaseline] = {**PENALTIES, **BASELINES}
"""All terms by the value of the option `--penalty`."""
