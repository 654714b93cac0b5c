"""Critics of several parts, each with its own view of an image and its own gradient penalty."""

import torch
from torch import Tensor, nn


class CompositeCritic(nn.Module):
    """Critic whose score is the sum of its parts' scores.

    The parts share no parameter. Each is a critic of its own: training gives each the WGAN-GP loss
    on its own view, with the penalty's gradient taken with respect to that view.

    Attributes:
        parts: networks by name, each (view, None) -> (B,) scores. The first one is called `image`
            and scores the image itself.
        largest_shift: pixels by which the window of the other views may move down or right.
    """

    parts: nn.ModuleDict
    largest_shift: int = 0

    def views(self, images: Tensor, shift: tuple[int, int] | None = None) -> dict[str, Tensor]:
        """Compute what each part scores.

        Args:
            images: (B, 3, size, size), RGB around [0, 1], float32.
            shift: where views that see only a window of the image have its corner, in pixels;
                None: in the middle.

        Returns:
            By the name of the part, (B, ...) each; a gradient reaches `images` through every view.
        """
        raise NotImplementedError

    def forward(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        """Score images.

        Args:
            images: (B, 3, size, size), RGB around [0, 1], float32.
            condition: None; no part depends on one.

        Returns:
            One score an image, (B,), float32.

        Raises:
            ValueError: there is a condition.
        """
        views = self.views(images)
        scores = [part(views[name], condition) for name, part in self.parts.items()]
        return torch.stack(scores).sum(0)
