"""Adversarial losses of critic and generator, by name; gradient penalties in `gradient_penalties`.

With softplus(t) = log(1 + exp(t)):

    name            loss of the critic                        loss of the generator       source
    wasserstein     E D(fake) - E D(real)                     -E D(fake)                  [1]
    hinge           E max(0, 1 - D(real))                     -E D(fake)                  [2]
                    + E max(0, 1 + D(fake))
    relativistic    E softplus(D(fake) - D(real)), in pairs   E softplus(D(real) - D(fake)) [3]
    non_saturating  E softplus(-D(real)) + E softplus(D(fake)) E softplus(-D(fake))       [4]

    [1] Gulrajani et al. 2017, arXiv:1704.00028, equation 3
    [2] Lim & Ye 2017, arXiv:1705.02894
    [3] Huang et al. 2024 (R3GAN), arXiv:2501.05441; Jolicoeur-Martineau 2018, arXiv:1807.00734
    [4] Goodfellow et al. 2014, arXiv:1406.2661, section 3, with a score as the logit; used by DCGAN

The option `--adversarial-loss` reads its choices from `ADVERSARIAL_LOSSES`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional as F


def critic_loss(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """Negative estimate of the Wasserstein distance: E D(fake) - E D(real).

    Args:
        real_scores: scores of real images, (B,), any float dtype.
        fake_scores: scores of generated images, (B,), any float dtype.

    Returns:
        Scalar, computed in float32, without drift term and penalty.

    Source:
        Gulrajani et al. 2017, arXiv:1704.00028, equation 3, first two terms.
    """
    return fake_scores.float().mean() - real_scores.float().mean()


def drift(real_scores: Tensor) -> Tensor:
    """Drift term: mean square of the scores of real images, E D(real)^2.

    The other terms of the critic's loss do not change when a constant is added to all scores; the
    drift term keeps the scores near zero.

    Args:
        real_scores: (B,), any float dtype.

    Returns:
        Scalar, computed in float32, before its weight.

    Source:
        Karras et al. 2018, arXiv:1710.10196, appendix A.1, with the weight 1e-3.
    """
    return real_scores.float().square().mean()


def generator_loss(fake_scores: Tensor) -> Tensor:
    """Negative mean score of generated images, -E D(fake).

    Args:
        fake_scores: (B,), any float dtype.

    Returns:
        Scalar, computed in float32.

    Source:
        Gulrajani et al. 2017, arXiv:1704.00028, algorithm 1, line 12.
    """
    return -fake_scores.float().mean()


def adversarial_weight(ratio: float, values: int) -> float:
    """Weight of `generator_loss` for a requested ratio of its gradient norm to that of the L1 loss.

    For a crop of N values, the gradient of a critic of slope 1 has norm 1. The gradient of the mean
    absolute difference is +-1 / N at each value and has norm 1 / sqrt(N).

    Args:
        ratio: ratio of the two gradient norms at the generator's output, usually 0.1 to 0.5.
        values: number of values of one crop, N = 3 * height * width.

    Returns:
        ratio / sqrt(values).
    """
    return ratio / math.sqrt(values)


@dataclass(frozen=True)
class AdversarialLoss:
    """Losses of both networks, functions of scores (B,) that return a float32 scalar.

    Attributes:
        critic: (real scores, fake scores) -> loss, without drift term and penalty.
        generator: (fake scores, real scores) -> loss.
        is_paired: whether the generator's loss uses the real scores, one for each fake score.
    """

    critic: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor, Tensor], Tensor]
    is_paired: bool = False


def _hinge(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    return F.relu(1 - real_scores.float()).mean() + F.relu(1 + fake_scores.float()).mean()


def _relativistic(lower: Tensor, higher: Tensor) -> Tensor:
    """Pull the scores `higher` above the scores `lower`, pair by pair."""
    return F.softplus(lower.float() - higher.float()).mean()


def _cross_entropy(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    return F.softplus(-real_scores.float()).mean() + F.softplus(fake_scores.float()).mean()


ADVERSARIAL_LOSSES: dict[str, AdversarialLoss] = {
    "wasserstein": AdversarialLoss(critic_loss, lambda fake, real: generator_loss(fake)),
    "hinge": AdversarialLoss(_hinge, lambda fake, real: generator_loss(fake)),
    "relativistic": AdversarialLoss(
        lambda real, fake: _relativistic(fake, real),
        lambda fake, real: _relativistic(real, fake),
        is_paired=True,
    ),
    "non_saturating": AdversarialLoss(
        _cross_entropy, lambda fake, real: F.softplus(-fake.float()).mean()
    ),
}
