"""`projected_critic`: a small image critic beside heads on maps of a frozen feature network.

Paper: Sauer et al. 2021, "Projected GANs Converge Faster", arXiv:2111.01007. Deviations: WGAN-GP
losses and penalties in place of the hinge loss, each head's penalty taken in its own feature space,
so that the frozen network needs no second-order gradient; one network, SqueezeNet 1.1; an image
critic, which sees what the features do not.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from srgan_gp.errors import UsageError
from srgan_gp.networks.blocks import LEAK, scaled_kaiming_
from srgan_gp.networks.composite_critic import CompositeCritic
from srgan_gp.networks.critics import face_critic
from srgan_gp.networks.feature_maps import FeatureMaps, map_sides

PROJECTED = 64
"""Channels of the projected maps."""
HEAD_WIDTH = 32
"""Channels of a head's hidden layers."""
LARGEST_SHIFT = 3
"""Pixels by which the window that the feature network sees may move down or right."""
LEAST_FEATURE_SIDE = 64
"""Smaller images are enlarged before the feature network."""


class Critic(CompositeCritic):
    """Image of one fixed size -> one unbounded score, the sum of five.

    The part `image` is an `ImageCritic`. The parts `stride_2` to `stride_16` score maps of the
    feature network. They see a window that is `LARGEST_SHIFT` pixels smaller than the image: moved
    at random from step to step, it keeps the network's strides from meeting the generator's pixels
    always at the same phase.

    Args:
        size: side of the images in pixels, a power of two from 16 on.
        width: half of the channels of the image critic's first layer.

    Attributes:
        maps: the feature network; `maps.install` and `maps.calibrate` come before the first score.

    Raises:
        UsageError: an argument is out of range.
    """

    largest_shift = LARGEST_SHIFT

    def __init__(self, size: int = 64, width: int = 8) -> None:
        super().__init__()
        self.size = size
        image = ImageCritic(size, width)
        self.maps = FeatureMaps(PROJECTED)
        self._window = size - LARGEST_SHIFT
        self._feature_side = max(self._window, LEAST_FEATURE_SIDE)
        self.parts = nn.ModuleDict({"image": image})
        for index, side in enumerate(map_sides(self._feature_side)):
            self.parts[f"stride_{2 << index}"] = Head(PROJECTED, side, HEAD_WIDTH)

    @property
    def stem(self) -> nn.Module:
        """First layer of the image critic, for `freeze_first_stages`."""
        return self.parts["image"].get_submodule("stem")

    @property
    def stages(self) -> nn.Module:
        """Stages of the image critic, for `freeze_first_stages`."""
        return self.parts["image"].get_submodule("stages")

    def views(self, images: Tensor, shift: tuple[int, int] | None = None) -> dict[str, Tensor]:
        """Compute the image itself and the maps of its window, as `CompositeCritic.views`."""
        maps = self.maps(self.feature_input(images, shift))
        return dict(zip(self.parts, [images, *maps], strict=True))

    def feature_input(self, images: Tensor, shift: tuple[int, int] | None = None) -> Tensor:
        """Cut the window that the feature network sees, enlarged if it is small.

        Args:
            images: (B, 3, size, size), RGB around [0, 1].
            shift: of the window's corner in pixels, from 0 to `LARGEST_SHIFT`; None: the middle.
        """
        down, right = shift or (LARGEST_SHIFT // 2, LARGEST_SHIFT // 2)
        window = images[..., down : down + self._window, right : right + self._window]
        if self._feature_side == self._window:
            return window
        side = (self._feature_side, self._feature_side)
        return F.interpolate(window, side, mode="bilinear", align_corners=False)


class ImageCritic(face_critic.Critic):
    """A `face_critic` of half the size behind a 4x4 convolution of stride 2.

    At full size few channels cost the most time: this takes a third of that of a whole one.

    Args:
        size: side of the images in pixels, a power of two from 16 on.
        width: half of the channels of the first layer.

    Raises:
        UsageError: an argument is out of range.
    """

    def __init__(self, size: int, width: int) -> None:
        if size < 16:
            raise UsageError(f"projected_critic needs images of at least 16 pixels, not {size}.")
        super().__init__(size // 2, 2 * width)
        self.stem = nn.Conv2d(3, 2 * width, 4, stride=2, padding=1)
        scaled_kaiming_(self.stem, negative_slope=1.0)


class Head(nn.Module):
    """Feature map -> score: strided 3x3 convolutions, then every place is weighed.

    Args:
        channels: of the map.
        side: of the map.
        width: channels of the hidden layers.
    """

    def __init__(self, channels: int, side: int, width: int) -> None:
        super().__init__()
        first_stride = 2 if side > 24 else 1  # the largest maps cost the most
        layers: list[nn.Module] = [nn.Conv2d(channels, width, 3, first_stride, padding=1)]
        side = -(-side // first_stride)
        while side > 4:
            layers += [nn.LeakyReLU(LEAK), nn.Conv2d(width, width, 3, stride=2, padding=1)]
            side = -(-side // 2)
        layers += [nn.LeakyReLU(LEAK), nn.Conv2d(width, width, 3, padding=1), nn.LeakyReLU(LEAK)]
        self.body = nn.Sequential(*layers)
        self.score = nn.Linear(width * side**2, 1)
        for layer in layers:
            if isinstance(layer, nn.Conv2d):
                scaled_kaiming_(layer, negative_slope=LEAK)
        nn.init.normal_(self.score.weight, std=1 / math.sqrt(self.score.in_features))
        nn.init.zeros_(self.score.bias)

    def forward(self, values: Tensor, condition: Tensor | None = None) -> Tensor:
        """Score maps.

        Args:
            values: (B, channels, side, side), float32.
            condition: None; there is nothing to depend on.

        Returns:
            One score a map, (B,), unbounded, float32 also under autocast.

        Raises:
            ValueError: there is a condition.
        """
        if condition is not None:
            raise ValueError("the heads of projected_critic take no condition")
        features = self.body(values)
        with torch.autocast(values.device.type, enabled=False):
            return self.score(features.to(self.score.weight.dtype).flatten(1)).squeeze(1)
