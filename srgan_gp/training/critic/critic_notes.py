"""Log values of a critic step: estimates and gradient norms, in total and by part.

A `networks.composite_critic.CompositeCritic` has several parts, such as `image` and `stride_2`; any
other critic has the one part `image`. See `critic_parts.parts_of`.
"""

import torch
from torch import Tensor

from srgan_gp.losses.gradient_penalties import PenaltyResult
from srgan_gp.training.critic.diagnostics import estimate_error

STEEP = 2.0
"""Gradient norm that few samples should exceed, where the penalty pulls it to 1."""


class CriticNotes:
    """Collects scores and penalties of one step, part by part."""

    def __init__(self) -> None:
        self._real: list[Tensor] = []
        self._fake: list[Tensor] = []
        self._norms: list[Tensor] = []
        self._by_part: dict[str, Tensor] = {}  # critic/NAME_estimate and critic/NAME_norm
        self._place = ""

    def add(self, name: str, real: Tensor, fake: Tensor, penalty: PenaltyResult | None) -> None:
        """Add the scores of one part.

        Args:
            name: name of the part, such as `image`.
            real: its scores of real images, (B,), detached.
            fake: its scores of generated images, (B,), detached.
            penalty: penalty of the part; None on a step without one.
        """
        self._real.append(real)
        self._fake.append(fake)
        self._by_part[f"critic/{name}_estimate"] = real.mean() - fake.mean()
        if penalty:
            self._norms.append(penalty.norms)
            self._place = penalty.place
            self._by_part[f"critic/{name}_norm"] = penalty.norms.mean()

    def collect(self) -> dict[str, Tensor]:
        """Return the log values, all scalars.

        Returns:
            `health/critic_estimate`, its standard error `health/estimate_error` and the mean score
            of real images `health/real_score`, of the sum of the parts' scores, which is the
            critic's; `health/largest_score`, the largest absolute score of a part.
            On a step with a penalty also the mean gradient norm over the parts, named after the
            place where the penalty takes it, such as `health/interpolate_norm`, and
            `health/steep_share`, the share of norms above `STEEP`.
            With more than one part also the estimate and the norm of each, such as
            `critic/image_estimate` and `critic/image_norm`.
        """
        real, fake = torch.stack(self._real).sum(0), torch.stack(self._fake).sum(0)
        found = {
            "health/critic_estimate": real.mean() - fake.mean(),
            "health/estimate_error": estimate_error(real, fake),
            "health/real_score": real.mean(),
            "health/largest_score": torch.cat(self._real + self._fake).abs().max(),
        }
        if self._norms:
            norms = torch.stack(self._norms)
            found[f"health/{self._place}_norm"] = norms.mean(1).mean()
            found["health/steep_share"] = (norms > STEEP).float().mean()
        return found | (self._by_part if len(self._real) > 1 else {})
