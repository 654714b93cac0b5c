"""`FeatureMaps`: randomly projected feature maps of a frozen SqueezeNet, for a projected critic."""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

TAPS = (1, 4, 7, 12)
"""Layers of SqueezeNet 1.1 whose outputs are used: strides 2, 4, 8 and 16."""
CHANNELS = (64, 128, 256, 512)
"""Channels of these maps."""
DEVIATION_FLOOR = 0.5
"""Lower limit of a channel's standard deviation, relative to the mean over the map's channels."""
_SEED = 1  # of the projections


class FeatureMaps(nn.Module):
    """Images -> four maps of SqueezeNet 1.1, all with `projected` channels.

    Each channel is standardised by its mean and standard deviation on real images. The deviation
    has a lower limit (`DEVIATION_FLOOR`): channels that are nearly constant on real images would
    otherwise dominate wherever a generated image activates them. A fixed random projection with
    orthonormal rows then mixes the channels. Last, the map is scaled so that the mean distance of
    two real images is the same in it as in pixels. The gradient penalty, which pulls the slope of a
    critic's score to 1, then has the same strength for every map and for the images.

    The state dict holds the statistics and projections, but not the feature network, which
    `install` sets.

    Args:
        projected: channels of the result, at most 64, the fewest in `CHANNELS`.

    Source:
        Sauer et al. 2021, "Projected GANs Converge Faster", arXiv:2111.01007, section 3.2, without
        the mixing across scales. Network: Iandola et al. 2016, arXiv:1602.07360.
    """

    layers: nn.Sequential | None

    def __init__(self, projected: int = 64) -> None:
        super().__init__()
        self.layers = None
        random = torch.Generator().manual_seed(_SEED)
        for index, channels in enumerate(CHANNELS):
            matrix = torch.randn(channels, projected, generator=random, dtype=torch.float64)
            rows = torch.linalg.qr(matrix).Q.T.float().contiguous()
            self.register_buffer(f"mean_{index}", torch.zeros(channels))
            self.register_buffer(f"deviation_{index}", torch.ones(channels))
            self.register_buffer(f"projection_{index}", rows)
            self.register_buffer(f"scale_{index}", torch.ones(()))

    def install(self, layers: nn.Sequential, mean: Tensor, deviation: Tensor) -> None:
        """Set the frozen feature network.

        Args:
            layers: `features` of torchvision's SqueezeNet 1.1, with its weights; modified in place.
            mean: mean of the network's input, (3, 1, 1).
            deviation: standard deviation of the network's input, (3, 1, 1).
        """
        self.layers = layers[: TAPS[-1] + 1].eval()
        # Non-persistent buffers instead of parameters: they move to a device with the critic, but
        # are part of neither the optimizer nor the checkpoint.
        for module in list(self.layers.modules()):
            for name, parameter in list(module.named_parameters(recurse=False)):
                delattr(module, name)
                module.register_buffer(name, parameter.detach().clone(), persistent=False)
        self.register_buffer("input_mean", mean.detach().clone(), persistent=False)
        self.register_buffer("input_deviation", deviation.detach().clone(), persistent=False)

    @torch.no_grad()
    def calibrate(self, images: Tensor) -> None:
        """Measure mean, standard deviation and scale of every map.

        Args:
            images: real images, (B, 3, H, W), RGB in [0, 1], float32; B at least 2, some hundreds
                for good statistics.
        """
        target = _mean_distance(images)
        for index, values in enumerate(self._raw(images)):
            deviation = values.std((0, 2, 3))
            floor = DEVIATION_FLOOR * deviation.mean()
            self._buffer("mean", index).copy_(values.mean((0, 2, 3)))
            self._buffer("deviation", index).copy_(deviation.clamp_min(floor))
            scale = self._buffer("scale", index)
            scale.fill_(1.0)  # `_project` multiplies by it
            scale.copy_(target / _mean_distance(self._project(values, index)))

    def forward(self, images: Tensor) -> list[Tensor]:
        """Compute the maps.

        Args:
            images: (B, 3, H, W), RGB around [0, 1], float32, sides of at least 33, for which the
                last map is 2 x 2.

        Returns:
            Four maps (B, projected, h, w), float32 also under autocast, the finest first.

        Raises:
            RuntimeError: no network is installed.
        """
        return [self._project(values, index) for index, values in enumerate(self._raw(images))]

    def _raw(self, images: Tensor) -> list[Tensor]:
        if self.layers is None:
            raise RuntimeError("call install before using the feature maps")
        values = (images - self._input("mean")) / self._input("deviation")
        maps = []
        for index, layer in enumerate(self.layers):
            values = layer(values)
            if index in TAPS:
                maps.append(values)
        return maps

    def _project(self, values: Tensor, index: int) -> Tensor:
        """Standardise, project and scale with one 1x1 convolution: CHANNELS[index] => projected."""
        factors = self._buffer("scale", index) / self._buffer("deviation", index)
        weight = self._buffer("projection", index) * factors
        bias = -weight @ self._buffer("mean", index)
        return F.conv2d(values, weight[:, :, None, None], bias).float()

    def _buffer(self, name: str, index: int) -> Tensor:
        return cast(Tensor, getattr(self, f"{name}_{index}"))

    def _input(self, name: str) -> Tensor:
        return cast(Tensor, getattr(self, f"input_{name}"))


def map_sides(side: int) -> list[int]:
    """Sides of the four maps of square images, in pixels.

    >>> map_sides(64)
    [31, 15, 7, 3]
    """
    sides = [(side - 3) // 2 + 1]  # a 3x3 convolution of stride 2, no padding
    for _ in TAPS[1:]:
        sides.append(-(-(sides[-1] - 3) // 2) + 1)  # a 3x3 pooling of stride 2, rounded up
    return sides


def _mean_distance(values: Tensor) -> Tensor:
    """Mean Euclidean distance between each sample of a batch and the next one."""
    flat = values.float().flatten(1)
    return (flat - flat.roll(1, 0)).norm(dim=1).mean()
