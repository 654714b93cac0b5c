"""`CompositeCritic`: base of critics with several parts, each with its own gradient penalty."""

import torch
from torch import Tensor, nn


class CompositeCritic(nn.Module):
    """Critic whose score is the sum of the scores of its parts.

    The parts do not share parameters. Each is trained with its own WGAN-GP loss on its own view of
    the image, and the gradient of the penalty is taken with respect to that view.

    Attributes:
        parts: networks by name, each (view, None) -> (B,) scores. The first one is called `image`
            and scores the image itself.
        largest_shift: pixels by which the window of the other views may move down or right.
    """

    parts: nn.ModuleDict
    largest_shift: int = 0

    def views(self, images: Tensor, shift: tuple[int, int] | None = None) -> dict[str, Tensor]:
        """Compute the input of each part.

        Args:
            images: (B, 3, size, size), RGB around [0, 1], float32.
            shift: (down, right), upper left corner in pixels of the window that views of a part of
                the image use; None: the centre.

        Returns:
            By the name of the part, (B, ...) each; differentiable for `images`.
        """
        raise NotImplementedError

    def forward(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        """Score images.

        Args:
            images: (B, 3, size, size), RGB around [0, 1], float32.
            condition: None.

        Returns:
            One score per image, (B,), float32.

        Raises:
            ValueError: `condition` is not None.
        """
        views = self.views(images)
        scores = [part(views[name], condition) for name, part in self.parts.items()]
        return torch.stack(scores).sum(0)
