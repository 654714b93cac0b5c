"""Log values of a critic step: estimates and gradient norms, in total and by part.

The critic estimate is the mean score of real images minus that of generated ones. A
`networks.composite_critic.CompositeCritic` has several parts, such as `image` and `stride_2`, whose
scores are added; any other critic has the one part `image`. See `critic_parts.parts_of`.
"""

import torch
from torch import Tensor

from srgan_gp.losses.gradient_penalties import PenaltyResult
from srgan_gp.training.critic.diagnostics import estimate_error

STEEP = 2.0
"""Gradient norm that few samples should exceed if the penalty of the run pulls the norms to 1. A
lower limit counts the usual variation around 1; a higher one shows a steep critic later."""


class CriticLogValues:
    """Collects the scores and penalties of one step: `add` for each part, then `collect`."""

    def __init__(self) -> None:
        self._real_scores: list[Tensor] = []  # (B,) of each part
        self._fake_scores: list[Tensor] = []
        self._norms: list[Tensor] = []  # `PenaltyResult.norms` of each part
        self._by_part: dict[str, Tensor] = {}  # critic/NAME_estimate and critic/NAME_norm
        # Name of the points where the gradient is taken, `PenaltyResult.place`. All parts have the
        # same penalty, and so the same points.
        self._place = ""

    def add(self, name: str, real: Tensor, fake: Tensor, penalty: PenaltyResult | None) -> None:
        """Add the scores of one part.

        Args:
            name: name of the part, such as `image`.
            real: its scores of real images, (B,), detached.
            fake: its scores of generated images, (B,), detached.
            penalty: penalty of the part; None on a step without one.
        """
        self._real_scores.append(real)
        self._fake_scores.append(fake)
        self._by_part[f"critic/{name}_estimate"] = real.mean() - fake.mean()
        if penalty:
            self._norms.append(penalty.norms)
            self._place = penalty.place
            self._by_part[f"critic/{name}_norm"] = penalty.norms.mean()

    def collect(self) -> dict[str, Tensor]:
        """Return the log values of the step, scalars by name.

        Returns:
            - of the sum of the scores of all parts: `health/critic_estimate`; its standard error,
              `health/estimate_error`; and `health/real_score`, the mean for real images
            - `health/largest_score`, the largest absolute score of a part
            - on a step with a penalty: the mean gradient norm over samples and parts, named after
              the points where it is taken, such as `health/interpolate_norm`, and
              `health/steep_share`, the share of norms above `STEEP`
            - of several parts: the estimate and the norm of each, such as `critic/image_estimate`
              and `critic/image_norm`
        """
        real = torch.stack(self._real_scores).sum(0)
        fake = torch.stack(self._fake_scores).sum(0)
        all_scores = torch.cat(self._real_scores + self._fake_scores)
        values = {
            "health/critic_estimate": real.mean() - fake.mean(),
            "health/estimate_error": estimate_error(real, fake),
            "health/real_score": real.mean(),
            "health/largest_score": all_scores.abs().max(),
        }
        if self._norms:
            norms = torch.stack(self._norms)  # (parts, points)
            values[f"health/{self._place}_norm"] = norms.mean()
            values["health/steep_share"] = (norms > STEEP).float().mean()
        if len(self._real_scores) > 1:
            values |= self._by_part
        return values
