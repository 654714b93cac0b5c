"""Adversarial losses of critic and generator, by name.

With D, the critic's score of an image, E, the mean over a batch, and
softplus(t) = log(1 + exp(t)):

    name            loss of the critic                          loss of the generator         source
    wasserstein     E D(fake) - E D(real)                       -E D(fake)                    [1]
    hinge           E max(0, 1 - D(real))                       -E D(fake)                    [2]
                    + E max(0, 1 + D(fake))
    relativistic    E softplus(D(fake) - D(real))               E softplus(D(real) - D(fake)) [3]
    non_saturating  E softplus(-D(real)) + E softplus(D(fake))  E softplus(-D(fake))          [4]

In `relativistic` the score of each real image is compared with that of one fake image. The caller
adds the drift term below and a gradient penalty of `gradient_penalties` to the critic's loss.

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
    """Critic's loss of WGAN: E D(fake) - E D(real).

    The negative of this difference is printed as the critic estimate.

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
    """Generator's loss of WGAN: -E D(fake), the negative mean score of generated images.

    Args:
        fake_scores: (B,), any float dtype.

    Returns:
        Scalar, computed in float32.

    Source:
        Gulrajani et al. 2017, arXiv:1704.00028, algorithm 1, line 12.
    """
    return -fake_scores.float().mean()


def adversarial_weight(ratio: float, values: int) -> float:
    """Weight of `generator_loss` that gives its gradient a requested norm, relative to the L1 loss.

    At one image of N values, the score of a critic that the penalty has brought to slope 1 has a
    gradient of norm 1. The gradient of the mean absolute difference is +-1 / N at each value, and
    has the norm 1 / sqrt(N).

    Args:
        ratio: requested ratio of the two gradient norms at the generator's output, usually 0.1 to
            0.5 in super-resolution.
        values: number of values of one image, N = 3 * height * width.

    Returns:
        ratio / sqrt(values).
    """
    return ratio / math.sqrt(values)


@dataclass(frozen=True)
class AdversarialLoss:
    """Losses of critic and generator: functions of scores, (B,), that return a float32 scalar.

    The two functions take their arguments in different orders.

    Attributes:
        critic: (real scores, fake scores) -> loss, without drift term and penalty.
        generator: (fake scores, real scores) -> loss.
        is_paired: whether the generator's loss uses the real scores, one for each fake score;
            otherwise it ignores them.
    """

    critic: Callable[[Tensor, Tensor], Tensor]
    generator: Callable[[Tensor, Tensor], Tensor]
    is_paired: bool = False


# The losses in the table of the module docstring, with the arguments of `AdversarialLoss`. For the
# generator, `wasserstein` and `hinge` are the same.


def _wasserstein_generator(fake_scores: Tensor, _: Tensor) -> Tensor:
    return generator_loss(fake_scores)


def _hinge_critic(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    return F.relu(1 - real_scores.float()).mean() + F.relu(1 + fake_scores.float()).mean()


def _relativistic(higher: Tensor, lower: Tensor) -> Tensor:
    """Loss of the network that is to make the scores `higher` exceed the scores `lower` in pairs.

    The critic raises real above fake scores, the generator fake above real scores.
    """
    return F.softplus(lower.float() - higher.float()).mean()


def _non_saturating_critic(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    return F.softplus(-real_scores.float()).mean() + F.softplus(fake_scores.float()).mean()


def _non_saturating_generator(fake_scores: Tensor, _: Tensor) -> Tensor:
    return F.softplus(-fake_scores.float()).mean()


ADVERSARIAL_LOSSES: dict[str, AdversarialLoss] = {
    "wasserstein": AdversarialLoss(critic_loss, _wasserstein_generator),
    "hinge": AdversarialLoss(_hinge_critic, _wasserstein_generator),
    "relativistic": AdversarialLoss(_relativistic, _relativistic, is_paired=True),
    "non_saturating": AdversarialLoss(_non_saturating_critic, _non_saturating_generator),
}
"""Losses by the value of the option `--adversarial-loss`."""
