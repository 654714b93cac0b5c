"""Feature networks: feature maps of pretrained classification networks (SqueezeNet, VGG-19).

Perceptual losses, scores and the projected critic use them. In torchvision a network consists of
its convolutional layers, `features`, and a classifier, which is not used here. A tap is a layer of
`features` whose output is a feature map of ours.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from urllib.error import URLError

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torchvision.models import (
    SqueezeNet1_1_Weights,
    VGG19_Weights,
    WeightsEnum,
    squeezenet1_1,
    vgg19,
)

from srgan_gp.errors import UsageError
from srgan_gp.models.helper_networks import SQUEEZENET, how_to_get

_MEAN = (0.485, 0.456, 0.406)  # ImageNet's, as torchvision's models expect
_STANDARD_DEVIATION = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Architecture:
    """Architecture of a feature network.

    Attributes:
        title: its name in messages.
        build: torchvision's constructor of the network.
        weights: torchvision's record of the pretrained weights, with their address.
        taps: indices of the taps in `features`, ascending.
        least_side: smallest side of an image, in pixels, for which every tap has an output.
    """

    title: str
    build: Callable[..., nn.Module]
    weights: WeightsEnum
    taps: tuple[int, ...]
    least_side: int


FEATURE_NETWORKS: dict[str, Architecture] = {
    # Iandola et al. 2016, arXiv:1602.07360; taps as in LPIPS (arXiv:1801.03924).
    "squeeze": Architecture(
        "SqueezeNet 1.1", squeezenet1_1, SqueezeNet1_1_Weights.IMAGENET1K_V1,
        (1, 4, 7, 9, 10, 11, 12), 17,
    ),
    # Simonyan & Zisserman 2014, arXiv:1409.1556; the last ReLU before each of its five poolings.
    "vgg19": Architecture(
        "VGG-19", vgg19, VGG19_Weights.IMAGENET1K_V1, (3, 8, 17, 26, 35), 16
    ),
}  # fmt: skip


class Features(nn.Module):
    """Frozen network: images -> feature maps, each of unit length over its channels.

    Args:
        layers: torchvision's `features` with its weights.
        taps: indices of the layers whose outputs are returned, ascending.
        least_side: smallest side of an image, in pixels.

    Attributes:
        layers: the layers up to the last tap.
        mean: mean of the network's input, (3, 1, 1), RGB.
        deviation: standard deviation of the network's input, (3, 1, 1), RGB.
        least_side: smallest side of an image, in pixels.
        sha256: SHA-256 of the weights file, in hexadecimal, for reports of scores. Only `load` sets
            it; else it is "".

    Source:
        Normalisation as in LPIPS (Zhang et al. 2018, arXiv:1801.03924, section 3), without the
        learned weights of the channels.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, layers: nn.Sequential, taps: tuple[int, ...], least_side: int) -> None:
        super().__init__()
        self.layers = layers[: taps[-1] + 1].eval().requires_grad_(False)
        self.least_side = least_side
        self.sha256 = ""
        self._taps = taps
        self.register_buffer("mean", torch.tensor(_MEAN)[:, None, None])
        self.register_buffer("deviation", torch.tensor(_STANDARD_DEVIATION)[:, None, None])

    @classmethod
    def load(
        cls, name: str = "squeeze", weights: Path | None = None, *, is_optional: bool = False
    ) -> "Features":
        """Load a network, on the CPU.

        Args:
            name: one of `FEATURE_NETWORKS`.
            weights: a `.safetensors` or `.pth` file with torchvision's keys. None: SqueezeNet from
                the model folders, or else from torchvision's cache; VGG-19 from torchvision's
                cache, after a download if needed.
            is_optional: whether the caller's argument `feature_weights` may be `none`, to work
                without a network; the message of an error then mentions it.

        Raises:
            UsageError: the file does not hold the weights, no file is installed, or the download
                fails.
        """
        architecture = FEATURE_NETWORKS[name]
        # On the device "meta" parameters take no memory. Those of VGG's classifier would take half
        # a gigabyte.
        with torch.device("meta"):
            network = architecture.build(weights=None)
        if weights is not None:
            path = weights
        else:
            path = _find_squeeze(is_optional) if name == "squeeze" else _fetch_vgg(architecture)
        _load_weights(network, path, architecture.title)
        layers = network.get_submodule("features")
        assert isinstance(layers, nn.Sequential)  # in both of torchvision's networks
        features = cls(layers, architecture.taps, architecture.least_side)
        features.sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        return features

    def forward(self, images: Tensor) -> list[Tensor]:
        """Compute the feature maps.

        Args:
            images: (B, 3, H, W), RGB around [0, 1], float32, sides of at least `least_side`.

        Returns:
            A map for each tap, (B, C, h, w), float32 also under autocast, of unit length over C.
        """
        values = (images - self.mean) / self.deviation
        maps = []
        for index, layer in enumerate(self.layers):
            values = layer(values)
            if index in self._taps:
                # Under autocast, a length in bfloat16 would have an error of half a percent.
                feature_map = values.float()
                length = torch.linalg.vector_norm(feature_map, dim=1, keepdim=True)
                maps.append(feature_map / (length + 1e-10))  # as in LPIPS; avoids a division by 0
        return maps


def _load_weights(network: nn.Module, path: Path, title: str) -> None:
    """Load the weights of the submodule `features` of a network; its classifier stays on "meta".

    Raises:
        UsageError: the file cannot be read, or does not hold these layers.
    """
    prefix = "features."
    try:
        if path.suffix == ".pth":
            tensors = torch.load(path, map_location="cpu", weights_only=True)
        else:
            tensors = load_file(path)
        weights = {name: value for name, value in tensors.items() if name.startswith(prefix)}
        # `assign` replaces the parameters, which have no memory on "meta".
        missing, _ = network.load_state_dict(weights, strict=False, assign=True)
    except (OSError, SafetensorError, RuntimeError, UnpicklingError) as error:
        reason = " ".join(str(error).split())
        raise UsageError(f"{path} does not hold the weights of {title}: {reason}") from error
    missing_features = [name for name in missing if name.startswith(prefix)]
    if missing_features:
        raise UsageError(
            f"{path} does not hold the weights of {title}: {len(missing_features)} tensors are "
            "missing."
        )


def _find_squeeze(is_optional: bool) -> Path:
    """Find SqueezeNet in the model folders or in torchvision's cache.

    Nothing is downloaded, unlike for VGG-19: `srgan-gp fetch` installs SqueezeNet.
    """
    cached = _cache_path(FEATURE_NETWORKS["squeeze"])
    path = SQUEEZENET.installed() or (cached if cached.is_file() else None)
    if path is None:
        advice = "; to skip its scores, pass 'none' as `feature_weights`" if is_optional else ""
        raise UsageError(
            f"Images are compared with {SQUEEZENET.title}, which is not installed. "
            f"{how_to_get(SQUEEZENET)} Or pass the path of its file as `feature_weights`"
            f"{advice}."
        )
    return path


def _cache_path(architecture: Architecture) -> Path:
    """Return the path at which torchvision's cache has the weights, if it has them."""
    return Path(torch.hub.get_dir()) / "checkpoints" / Path(architecture.weights.url).name


def _fetch_vgg(architecture: Architecture) -> Path:
    """Download torchvision's weights into its cache if needed, and return their path."""
    path = _cache_path(architecture)
    try:
        architecture.weights.get_state_dict(progress=False, check_hash=True)
    except (URLError, OSError, RuntimeError) as error:
        raise UsageError(
            f"The weights of {architecture.title} cannot be downloaded ({error}); "
            "pass the path of its file as `feature_weights`."
        ) from error
    return path
