"""`projected_critic`: critic of faces with an image critic and heads on maps of a frozen network.

Paper: Sauer et al. 2021, "Projected GANs Converge Faster", arXiv:2111.01007. Deviations:
- Losses and penalties are those of WGAN-GP, not the hinge loss. The penalty of a head takes the
  gradient with respect to the head's feature map: the frozen network is not differentiated twice.
- One network is frozen, SqueezeNet 1.1.
- The image critic is added for details that the features do not represent, and a detail critic
  against thin lines, if that is requested.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from srgan_gp.errors import UsageError
from srgan_gp.networks.blocks import LEAK, init_convolution_
from srgan_gp.networks.composite_critic import DETAIL, CompositeCritic
from srgan_gp.networks.critics import face_critic
from srgan_gp.networks.detail_critic import DetailCritic, detail_of
from srgan_gp.networks.feature_maps import FeatureMaps, map_sides

PROJECTED_CHANNELS = 64
"""Channels of each map after the projection, the most that `FeatureMaps` allows: fewer would drop
features."""
HEAD_WIDTH = 32
"""Channels of a head's hidden layers. Wider heads take longer, and memorise more of a small set."""
LARGEST_SHIFT = 3
"""Pixels by which the input window of the feature network may move down or right. 0 to 3 cover the
phases of its strides 2 and 4; a larger shift cuts off more of the border of a face."""
MIN_FEATURE_SIDE = 64
"""Pixels: a smaller window is enlarged to this side for the feature network. The map of stride 16
then has 3 x 3 pixels; a smaller side leaves fewer, a larger one takes longer."""
LARGEST_UNSTRIDED_SIDE = 24
"""Pixels: the first convolution of a head on a larger map has the stride 2. A higher limit keeps
more detail, and takes longer."""
LAST_SIDE = 4
"""Largest side, in pixels, of the map from which a head computes its score. A larger one has more
weights in its last layer, and fewer convolutions before it."""


class Critic(CompositeCritic):
    """Image of one fixed size -> one unbounded score, the sum of five or six parts.

    The part `image` is an `ImageCritic`. The parts `stride_2`, `stride_4`, `stride_8` and
    `stride_16` are heads on the four maps of the feature network, whose input is a window
    `LARGEST_SHIFT` pixels smaller than the image. Training moves the window at random from step to
    step, so that the strides of the network do not always sample generated images at the same
    phase. The part `detail` is a `DetailCritic`.

    Args:
        size: side of the images in pixels, a power of two from 16 up.
        width: half of the channels of the image critic's first layer, as for `ImageCritic`.
        detail: whether there is the part `detail`.

    Attributes:
        maps: the feature network; before the first score, call `maps.set_network`, and then
            `maps.calibrate`.

    Raises:
        UsageError: an argument is out of range.
    """

    largest_shift = LARGEST_SHIFT  # read by `critic_parts.draw_shift`
    added_layers = ("parts.detail.",)  # read by `training.start_weights`

    def __init__(self, size: int = 64, width: int = 8, *, detail: bool = False) -> None:
        super().__init__()
        self.size = size
        image = ImageCritic(size, width)
        self.maps = FeatureMaps(PROJECTED_CHANNELS)
        self._window_side = size - LARGEST_SHIFT
        self._feature_side = max(self._window_side, MIN_FEATURE_SIDE)
        self.parts = nn.ModuleDict({"image": image})
        strides = (2, 4, 8, 16)
        for stride, side in zip(strides, map_sides(self._feature_side), strict=True):
            self.parts[f"stride_{stride}"] = Head(PROJECTED_CHANNELS, side, HEAD_WIDTH)
        if detail:
            self.parts[DETAIL] = DetailCritic()

    @property
    def stem(self) -> nn.Module:
        """First layer of the image critic, for `critic_freezing.freeze_first_stages`."""
        return self.parts["image"].get_submodule("stem")

    @property
    def stages(self) -> nn.Module:
        """Stages of the image critic, for `critic_freezing.freeze_first_stages`."""
        return self.parts["image"].get_submodule("stages")

    def views(self, images: Tensor, shift: tuple[int, int] | None = None) -> dict[str, Tensor]:
        """Return image, feature maps of its window, and detail; see `CompositeCritic.views`."""
        views = [images, *self.maps(self.feature_input(images, shift))]
        if DETAIL in self.parts:
            views.append(detail_of(images))
        return dict(zip(self.parts, views, strict=True))

    def feature_input(self, images: Tensor, shift: tuple[int, int] | None = None) -> Tensor:
        """Cut out the input window of the feature network, enlarged if it is small.

        Args:
            images: (B, 3, size, size), RGB around [0, 1].
            shift: (down, right) of the window in pixels, from 0 to `LARGEST_SHIFT`; None: the
                centre.

        Returns:
            (B, 3, side, side), RGB around [0, 1].
        """
        centre = LARGEST_SHIFT // 2
        down, right = shift or (centre, centre)
        window = images[..., down : down + self._window_side, right : right + self._window_side]
        if self._feature_side == self._window_side:
            return window
        side = (self._feature_side, self._feature_side)
        return F.interpolate(window, side, mode="bilinear", align_corners=False)


class ImageCritic(face_critic.Critic):
    """A `face_critic` of half the size after a 4x4 convolution of stride 2.

    The layers at full size are the slowest; without them a step takes a third of the time.

    Args:
        size: side of the images in pixels, a power of two from 16 up.
        width: half of the channels of the first layer, which has as many channels as a
            `face_critic` of this width has at half the size.

    Raises:
        UsageError: an argument is out of range.
    """

    def __init__(self, size: int, width: int) -> None:
        if size < 16:
            raise UsageError(f"projected_critic needs a size of at least 16 pixels, not {size}.")
        super().__init__(size // 2, 2 * width)
        self.stem = nn.Conv2d(3, 2 * width, 4, stride=2, padding=1)
        init_convolution_(self.stem, slope_before=1.0)  # no activation precedes


class Head(nn.Module):
    """Feature map -> score.

    3x3 convolutions of stride 2 reduce the map to `LAST_SIDE` pixels or fewer; the score then has a
    separate weight for every position.

    Args:
        channels: channels of the map.
        side: side of the map, in pixels.
        width: channels of the hidden layers.
    """

    def __init__(self, channels: int, side: int, width: int) -> None:
        super().__init__()
        first_stride = 2 if side > LARGEST_UNSTRIDED_SIDE else 1
        layers: list[nn.Module] = [nn.Conv2d(channels, width, 3, first_stride, padding=1)]
        side = math.ceil(side / first_stride)
        while side > LAST_SIDE:
            layers += [nn.LeakyReLU(LEAK), nn.Conv2d(width, width, 3, stride=2, padding=1)]
            side = math.ceil(side / 2)
        layers += [nn.LeakyReLU(LEAK), nn.Conv2d(width, width, 3, padding=1), nn.LeakyReLU(LEAK)]
        self.body = nn.Sequential(*layers)
        self.score = nn.Linear(width * side**2, 1)
        for layer in layers:
            if isinstance(layer, nn.Conv2d):
                init_convolution_(layer, slope_before=LEAK)
        nn.init.normal_(self.score.weight, std=1 / math.sqrt(self.score.in_features))
        nn.init.zeros_(self.score.bias)

    def forward(self, values: Tensor, condition: Tensor | None = None) -> Tensor:
        """Score maps.

        Args:
            values: (B, channels, side, side), float32.
            condition: must be None, as for `CompositeCritic.forward`.

        Returns:
            One score per map, (B,), unbounded, float32 also under autocast.

        Raises:
            ValueError: `condition` is not None.
        """
        if condition is not None:
            raise ValueError("the heads of projected_critic do not take a condition")
        features = self.body(values)
        # In float32: bfloat16 is too coarse for the small differences of scores, see `face_critic`.
        with torch.autocast(values.device.type, enabled=False):
            return self.score(features.to(self.score.weight.dtype).flatten(1)).squeeze(1)
