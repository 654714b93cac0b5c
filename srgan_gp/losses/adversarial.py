"""Wasserstein losses of the critic and of the generator; the penalties are `gradient_penalties`."""

import math

from torch import Tensor


def critic_loss(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """Negative critic estimate: E D(fake) - E D(real).

    Args:
        real_scores: of real images, (B,), any float dtype; computed in float32.
        fake_scores: of generated images, (B,), likewise.

    Returns:
        A float32 scalar, without drift term and penalty.

    Source:
        Gulrajani et al. 2017, arXiv:1704.00028, equation 3, first two terms.
    """
    return fake_scores.float().mean() - real_scores.float().mean()


def drift(real_scores: Tensor) -> Tensor:
    """Mean square of the scores of real images, E D(real)^2.

    Nothing else in the critic's loss fixes the level of the scores; this keeps them near zero.

    Args:
        real_scores: (B,), any float dtype; computed in float32.

    Returns:
        A float32 scalar, before its weight.

    Source:
        Karras et al. 2018, arXiv:1710.10196, appendix A.1, with the weight 1e-3.
    """
    return real_scores.float().square().mean()


def generator_loss(fake_scores: Tensor) -> Tensor:
    """Negative mean score of generated pictures, -E D(fake).

    Args:
        fake_scores: (B,), any float dtype; computed in float32.

    Returns:
        A float32 scalar.

    Source:
        Gulrajani et al. 2017, arXiv:1704.00028, algorithm 1, line 12.
    """
    return -fake_scores.float().mean()


def adversarial_weight(ratio: float, values: int) -> float:
    """Weight of `generator_loss` that gives its gradient `ratio` times the norm of mean L1's.

    The gradient of a critic of slope 1 has norm 1 over a whole crop; that of the mean absolute
    difference, +-1 / N at each of N values, has norm 1 / sqrt(N).

    Args:
        ratio: of the two norms at the generator's output, 0.1 to 0.5 as a rule.
        values: N of one crop, 3 * height * width.

    Returns:
        ratio / sqrt(values).
    """
    return ratio / math.sqrt(values)
