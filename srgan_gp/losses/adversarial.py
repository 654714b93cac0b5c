"""Wasserstein losses of critic and generator; gradient penalties are in `gradient_penalties`."""

import math

from torch import Tensor


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
