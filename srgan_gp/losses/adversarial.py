"""Wasserstein losses of the critic and of the generator; the penalties are `gradient_penalties`."""

import math

from torch import Tensor


def critic_loss(real_scores: Tensor, fake_scores: Tensor, drift_weight: float) -> Tensor:
    """Negative critic estimate plus drift term: E D(fake) - E D(real) + weight * E D(real)^2.

    Nothing else in the loss fixes the level of the scores; the drift term keeps them near zero.

    Args:
        real_scores: of real pictures, (B,), any float dtype; computed in float32.
        fake_scores: of generated pictures, (B,), likewise.
        drift_weight: of the drift term; 0 leaves it out.

    Returns:
        A float32 scalar, without the penalty.

    Source:
        Gulrajani et al. 2017, arXiv:1704.00028, equation 3, first two terms; drift term: Karras et
        al. 2018, arXiv:1710.10196, appendix A.1.
    """
    real, fake = real_scores.float(), fake_scores.float()
    return fake.mean() - real.mean() + drift_weight * real.square().mean()


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
