"""`FeatureMaps`: randomly projected feature maps of a frozen SqueezeNet.

`critics.projected_critic` scores each map by a small network, a head.
"""

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

TAPS = (1, 4, 7, 12)
"""Indices of the layers of SqueezeNet 1.1 whose outputs are used: the last
layers with maps of 1/2, 1/4, 1/8 and 1/16 of the image's sides."""
CHANNELS = (64, 128, 256, 512)
"""Channels of the outputs of the layers `TAPS`."""
DEVIATION_FLOOR = 0.5
"""Lower limit of a channel's standard deviation, relative to the mean deviation of all channels of
the map. With a smaller value, nearly constant channels count for more (see `FeatureMaps`); a larger
one leaves more channels with different deviations."""
_SEED = 1  # of the random projections, which are the same in every run


class FeatureMaps(nn.Module):
    """Images -> four maps of SqueezeNet 1.1, all with `projected` channels.

    Each channel is standardised by its mean and standard deviation on real images. The deviation
    has a lower limit (`DEVIATION_FLOOR`): channels that are nearly constant on real images would
    otherwise dominate wherever a generated image activates them. A fixed random projection with
    orthonormal rows then mixes the channels. Last, the map is scaled so that the mean distance of
    two real images is the same in the map as in pixels. The gradient penalty, which pulls the slope
    of a critic's score to 1, then has the same strength for every map and for the images.

    Before the first forward pass, call `set_network`, and then `calibrate`, which measures the
    statistics. The state dict holds statistics and projections, but not the feature network.

    Args:
        projected: channels of the result, at most 64, the fewest in `CHANNELS`.

    Attributes:
        layers: the feature network; None before `set_network`.

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
            # Q has orthonormal columns, (channels, projected); its transpose has orthonormal rows.
            projection = torch.linalg.qr(matrix).Q.T.float().contiguous()
            self.register_buffer(f"mean_{index}", torch.zeros(channels))
            self.register_buffer(f"deviation_{index}", torch.ones(channels))
            self.register_buffer(f"projection_{index}", projection)
            self.register_buffer(f"scale_{index}", torch.ones(()))

    def set_network(self, layers: nn.Sequential, mean: Tensor, deviation: Tensor) -> None:
        """Set the frozen feature network.

        Args:
            layers: `features` of torchvision's SqueezeNet 1.1, with its weights; modified in place.
            mean: mean of the network's input, (3, 1, 1), RGB, for images in [0, 1].
            deviation: standard deviation of the network's input, same shape.
        """
        self.layers = layers[: TAPS[-1] + 1].eval()
        # Non-persistent buffers replace the parameters: they move to a device with the critic, but
        # are part of neither the optimizer nor the checkpoint.
        for module in list(self.layers.modules()):
            for name, parameter in list(module.named_parameters(recurse=False)):
                delattr(module, name)
                module.register_buffer(name, parameter.detach().clone(), persistent=False)
        self.register_buffer("input_mean", mean.detach().clone(), persistent=False)
        self.register_buffer("input_deviation", deviation.detach().clone(), persistent=False)

    @torch.no_grad()
    def calibrate(self, images: Tensor) -> None:
        """Measure mean and standard deviation of every channel, and the scale of every map.

        Args:
            images: real images, (B, 3, H, W), RGB in [0, 1], float32; B at least 2, some hundreds
                for good statistics.
        """
        pixel_distance = _mean_distance(images)
        for index, feature_map in enumerate(self._raw_maps(images)):
            deviation = feature_map.std((0, 2, 3))
            floor = DEVIATION_FLOOR * deviation.mean()
            self._buffer("mean", index).copy_(feature_map.mean((0, 2, 3)))
            self._buffer("deviation", index).copy_(deviation.clamp_min(floor))
            scale = self._buffer("scale", index)
            scale.fill_(1.0)  # `_project`, called next, multiplies by it
            scale.copy_(pixel_distance / _mean_distance(self._project(feature_map, index)))

    def forward(self, images: Tensor) -> list[Tensor]:
        """Compute the maps.

        Args:
            images: (B, 3, H, W), RGB around [0, 1], float32, sides of at least 17 pixels; the last
                map of smaller images would have no pixels.

        Returns:
            Four maps (B, projected, h, w), float32 also under autocast, the finest first.

        Raises:
            RuntimeError: no network is set.
        """
        raw_maps = self._raw_maps(images)
        return [self._project(feature_map, index) for index, feature_map in enumerate(raw_maps)]

    def _raw_maps(self, images: Tensor) -> list[Tensor]:
        """Return the outputs of the layers `TAPS`, (B, CHANNELS[index], h, w)."""
        if self.layers is None:
            raise RuntimeError("call set_network before using the feature maps")
        mean, deviation = cast(Tensor, self.input_mean), cast(Tensor, self.input_deviation)
        features = (images - mean) / deviation
        maps = []
        for index, layer in enumerate(self.layers):
            features = layer(features)
            if index in TAPS:
                maps.append(features)
        return maps

    def _project(self, feature_map: Tensor, index: int) -> Tensor:
        """Standardise, project and scale map number `index`, all with one 1x1 convolution.

        Returns:
            scale * projection @ ((map - mean) / deviation) at each position, (B, projected, h, w).
        """
        factors = self._buffer("scale", index) / self._buffer("deviation", index)
        weight = self._buffer("projection", index) * factors
        bias = -weight @ self._buffer("mean", index)
        return F.conv2d(feature_map, weight[:, :, None, None], bias).float()

    def _buffer(self, name: str, index: int) -> Tensor:
        """Return the buffer `name` (mean, deviation, projection or scale) of map number `index`."""
        # `cast`: an attribute of an `nn.Module` has the type Tensor | Module.
        return cast(Tensor, getattr(self, f"{name}_{index}"))


def map_sides(side: int) -> list[int]:
    """Return the sides of the four maps of images with this side, in pixels.

    >>> map_sides(64)
    [31, 15, 7, 3]
    """
    sides = [(side - 3) // 2 + 1]  # a 3x3 convolution of stride 2, no padding
    for _ in TAPS[1:]:
        sides.append(math.ceil((sides[-1] - 3) / 2) + 1)  # a 3x3 pooling of stride 2, rounded up
    return sides


def _mean_distance(samples: Tensor) -> Tensor:
    """Mean Euclidean distance of two samples of a batch, (B, ...), estimated from B pairs.

    Each sample is compared with the one before it, the first one with the last.
    """
    flat = samples.float().flatten(1)
    return (flat - flat.roll(1, 0)).norm(dim=1).mean()
