"""Distance of two pictures in the features of a classification network.

The squeeze distance is this project's own, unweighted form: it is not LPIPS, and its numbers are
not comparable with LPIPS. A network trained on the same features is flattered by it.
"""

import hashlib
from pathlib import Path
from urllib.error import URLError

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torchvision.models import SqueezeNet1_1_Weights, squeezenet1_1

from srgan_gp.errors import UsageError

_MEAN = (0.485, 0.456, 0.406)  # ImageNet's, as torchvision's models expect
_STANDARD_DEVIATION = (0.229, 0.224, 0.225)


class SqueezeFeatures(nn.Module):
    """Seven feature maps of SqueezeNet 1.1, each of unit length over its channels.

    Attributes:
        sha256: of the weights file, in hexadecimal; belongs beside every number made with it.

    Source:
        Iandola et al. 2016, arXiv:1602.07360; taps and normalisation as in LPIPS (Zhang et al.
        2018, arXiv:1801.03924, equation 1, with all weights 1).
    """

    mean: Tensor
    deviation: Tensor
    TAPS = (1, 4, 7, 9, 10, 11, 12)  # modules of `features` whose output is taken

    def __init__(self, layers: nn.Sequential, sha256: str) -> None:
        super().__init__()
        self.layers = layers.eval().requires_grad_(False)
        self.sha256 = sha256
        self.register_buffer("mean", torch.tensor(_MEAN)[:, None, None])
        self.register_buffer("deviation", torch.tensor(_STANDARD_DEVIATION)[:, None, None])

    @classmethod
    def load(cls, weights: Path | None = None) -> "SqueezeFeatures":
        """Load the network.

        Args:
            weights: a `.safetensors` file with torchvision's keys; None: torchvision's own weights,
                fetched once and kept in its cache.

        Raises:
            UsageError: the file does not fit, or torchvision's weights cannot be fetched.
        """
        network = squeezenet1_1(weights=None)
        path = weights or _fetch_torchvision_weights()
        try:
            if weights:
                tensors = load_file(path)
            else:
                tensors = torch.load(path, weights_only=True)
            features = {k: v for k, v in tensors.items() if k.startswith("features.")}
            missing, _ = network.load_state_dict(features, strict=False)
        except (OSError, SafetensorError, RuntimeError) as error:
            reason = " ".join(str(error).split())
            raise UsageError(f"{path} does not hold SqueezeNet 1.1: {reason}") from error
        if any(name.startswith("features.") for name in missing):
            raise UsageError(
                f"{path} does not hold SqueezeNet 1.1: {len(missing)} tensors missing."
            )
        return cls(network.features, hashlib.sha256(path.read_bytes()).hexdigest())

    def forward(self, images: Tensor) -> list[Tensor]:
        """Map (B, 3, H, W) RGB in [0, 1] to seven maps (B, C, h, w) of unit length over C."""
        values = (images - self.mean) / self.deviation
        taps = []
        for index, layer in enumerate(self.layers):
            values = layer(values)
            if index in self.TAPS:
                length = torch.linalg.vector_norm(values, dim=1, keepdim=True)
                taps.append(values / (length + 1e-10))
        return taps


def squeeze_distance(features: SqueezeFeatures, output: Tensor, target: Tensor) -> Tensor:
    """Squared feature differences, summed over channels, averaged over pixels, summed over taps.

    Args:
        features: the network.
        output: (B, 3, H, W), RGB in [0, 1], float32; sides of at least 17 pixels.
        target: same shape.

    Returns:
        One distance per picture, (B,), float32; 0 for equal pictures, at most 2 a tap.

    Raises:
        ValueError: the shapes differ or a side is below 17.
    """
    if output.shape != target.shape or min(output.shape[-2:]) < 17:
        raise ValueError(f"cannot compare {tuple(output.shape)} with {tuple(target.shape)}")
    pairs = zip(features(output), features(target), strict=True)
    return torch.stack([(a - b).square().sum(1).mean((1, 2)) for a, b in pairs]).sum(0)


def _fetch_torchvision_weights() -> Path:
    """Download torchvision's weights into its cache, unless they are there; return their path."""
    url = SqueezeNet1_1_Weights.IMAGENET1K_V1.url
    path = Path(torch.hub.get_dir()) / "checkpoints" / Path(url).name
    try:
        SqueezeNet1_1_Weights.IMAGENET1K_V1.get_state_dict(progress=False, check_hash=True)
    except (URLError, OSError, RuntimeError) as error:
        raise UsageError(
            f"SqueezeNet's weights cannot be fetched ({error}); pass --feature-weights FILE, or "
            "--feature-weights none to leave the squeeze distance out."
        ) from error
    return path
