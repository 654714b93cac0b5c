"""`CompositeCritic`: base of critics with several parts, each with its own gradient penalty.

`critics.projected_critic` is such a critic. A view is the input of a part: the image itself, or
feature maps of a window of it. `training.critic.critic_parts` tells composite critics from others.
"""

import torch
from torch import Tensor, nn

DETAIL = "detail"
"""Name of the part that scores fine detail, whose share of the generator's loss is an option."""


class CompositeCritic(nn.Module):
    """Critic whose score is the sum of the scores of its parts.

    The parts do not share parameters. Each is trained with its own WGAN-GP loss on its own view of
    the image, and the gradient of the penalty is taken with respect to that view. A subclass sets
    the attributes and implements `views`.

    Attributes:
        parts: networks by name, each (view, condition None) -> (B,) scores. The first one is called
            `image` and scores the image itself.
        largest_shift: pixels by which the window of the other views may move down or right; 0: the
            window is fixed.
    """

    parts: nn.ModuleDict
    largest_shift: int = 0

    def views(self, images: Tensor, shift: tuple[int, int] | None = None) -> dict[str, Tensor]:
        """Compute the input of each part.

        Args:
            images: (B, 3, size, size), RGB around [0, 1], float32.
            shift: (down, right), position in pixels of the upper left corner of the window; None:
                the window is in the centre.

        Returns:
            By the name of the part, (B, ...) each; differentiable for `images`.
        """
        raise NotImplementedError

    def forward(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        """Score images, with the window in the centre.

        Args:
            images: (B, 3, size, size), RGB around [0, 1], float32.
            condition: must be None; critics of super-resolution may have one.

        Returns:
            One score per image, (B,), float32.

        Raises:
            ValueError: `condition` is not None.
        """
        views = self.views(images)
        # The parts refuse a condition that is not None.
        scores = [part(views[name], condition) for name, part in self.parts.items()]
        return torch.stack(scores).sum(0)
