"""LPIPS, FID and KID as torchmetrics computes them, for comparison with other projects.

`srgan-gp evaluate --metrics` reports them under the class names of torchmetrics, separately from
the scores of this project, which use other networks. The weights of the networks of torchmetrics
are downloaded once into the cache of PyTorch.
"""

import hashlib
import io
import pickle
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from srgan_gp.errors import ModelRefusedError, UsageError
from srgan_gp.system.downloads import download
from srgan_gp.system.files import atomic_write_bytes
from srgan_gp.system.write_errors import convert_write_errors

CLASSES = {
    "lpips": "LearnedPerceptualImagePatchSimilarity",
    "fid": "FrechetInceptionDistance",
    "kid": "KernelInceptionDistance",
}
"""Class of torchmetrics by the name on the command line."""
LPIPS_SMALLEST_SIDE = 31
"""Pixels: smallest side of an image for AlexNet, the network of LPIPS. The caller checks it. Of 30
pixels, the first layers leave 2, fewer than the window of 3 of the second pooling."""
_ARGUMENTS: dict[str, dict[str, Any]] = {
    "lpips": {"net_type": "alex", "normalize": True},  # images are in [0, 1], not [-1, 1]
    "fid": {},
    "kid": {},
}
"""Arguments of each class, besides its defaults."""
_SUBSET_SIZE = 1000  # images: torchmetrics' default for KID
_KID_SEED = 0  # any fixed number, so that the same images get the same score


@dataclass(frozen=True)
class Weights:
    """A file of weights on the internet.

    Attributes:
        url: address of the file.
        sha256_start: first hexadecimal digits of its SHA-256, which its name contains.
        max_bytes: the download is refused if it is larger, so that a wrong address cannot fill the
            memory. The file itself is smaller.
    """

    url: str
    sha256_start: str
    max_bytes: int

    @property
    def path(self) -> Path:
        """Path in the cache of PyTorch, where torchvision and torch-fidelity look for the file."""
        return Path(torch.hub.get_dir(), "checkpoints", self.url.rpartition("/")[2])


_ALEXNET = Weights(
    "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth", "7be5be79", 300_000_000
)
_INCEPTION = Weights(
    "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/"
    "weights-inception-2015-12-05-6726825d.pth",
    "6726825d",
    200_000_000,
)
WEIGHTS = {"lpips": _ALEXNET, "fid": _INCEPTION, "kid": _INCEPTION}
"""File of weights by the name of a score on the command line."""


@dataclass(frozen=True)
class TorchmetricsScores:
    """Scores of torchmetrics, with what is needed to reproduce them.

    Attributes:
        version: version of torchmetrics.
        arguments: arguments of each class besides its defaults, as text, by the name of the class.
            Those of KID include the seed of its subsets, which is no argument of the class.
        images: number of outputs, or generated images, that were compared.
        values: scores by the name of the class. KID has two: mean and standard deviation over its
            subsets, with " mean" and " std" after the name.
    """

    version: str
    arguments: dict[str, str]
    images: int
    values: dict[str, float]


class TorchmetricsScorer:
    """Collects images with `add` or `add_sets`; `scores` then computes the scores of all of them.

    Args:
        names: the scores to compute, keys of `CLASSES`.

    Raises:
        UsageError: weights cannot be downloaded.
        ModelRefusedError: a file of weights has another hash than its name says.
        ModuleNotFoundError: torchmetrics is not installed.
    """

    def __init__(self, names: Sequence[str]) -> None:
        import torchmetrics.image  # if it is not installed, nothing is downloaded

        self._names = names
        for weights in dict.fromkeys(WEIGHTS[name] for name in names):  # FID and KID share a file
            fetch_weights(weights)
        self._images = 0
        self._metrics: dict[str, Any] = {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about memory, and about deprecated interfaces
            for name in names:
                metric_class = getattr(torchmetrics.image, CLASSES[name])
                self._metrics[name] = metric_class(**_ARGUMENTS[name])

    def add(self, output: np.ndarray, original: np.ndarray) -> None:
        """Add an output and its original, (H, W, 3), uint8 RGB, for all scores."""
        outputs, originals = _as_batch(output[None]), _as_batch(original[None])
        if "lpips" in self._metrics:
            self._metrics["lpips"].update(outputs.float() / 255, originals.float() / 255)
        self._update_sets(outputs, originals)

    def add_sets(self, generated: np.ndarray, real: np.ndarray, batch_size: int = 16) -> None:
        """Add two sets of images for FID and KID; LPIPS needs pairs, which only `add` has.

        Args:
            generated: (N, H, W, 3), uint8 RGB.
            real: as many, uint8 RGB.
            batch_size: images of each set per call of the network; more need more memory.
        """
        for first in range(0, len(generated), batch_size):
            batch = slice(first, first + batch_size)
            self._update_sets(_as_batch(generated[batch]), _as_batch(real[batch]))

    def scores(self) -> TorchmetricsScores:
        """Compute the scores of all images added; KID draws its subsets from a fixed seed."""
        values: dict[str, float] = {}
        arguments = {CLASSES[name]: _format_arguments(_ARGUMENTS[name]) for name in self._names}
        for name, metric in self._metrics.items():
            title = CLASSES[name]
            if name != "kid":
                values[title] = metric.compute().item()
                continue
            # torchmetrics refuses subsets that are larger than the set.
            metric.subset_size = min(_SUBSET_SIZE, self._images)
            settings = {"subset_size": metric.subset_size, "seed": _KID_SEED}
            arguments[title] = _format_arguments(settings)
            with torch.random.fork_rng(devices=()):  # restores the state of the global generator
                torch.manual_seed(_KID_SEED)
                mean, deviation = metric.compute()
            values |= {f"{title} mean": mean.item(), f"{title} std": deviation.item()}
        return TorchmetricsScores(version("torchmetrics"), arguments, self._images, values)

    def _update_sets(self, outputs: torch.Tensor, originals: torch.Tensor) -> None:
        """Count the outputs, and add both batches, uint8 (B, 3, H, W), to FID and KID."""
        self._images += len(outputs)
        for name in ("fid", "kid"):
            if name in self._metrics:
                self._metrics[name].update(outputs, real=False)
                self._metrics[name].update(originals, real=True)


def fetch_weights(weights: Weights) -> Path:
    """Download weights unless they are in the cache, check them, and return their path.

    Raises:
        UsageError: they cannot be downloaded.
        ModelRefusedError: the file has another hash than its name says, or contains other objects
            than tensors.
        OutputError: the cache cannot be written.
    """
    path = weights.path
    if not path.is_file():
        try:
            data = download(weights.url, weights.max_bytes)
        except UsageError as error:
            raise UsageError(
                f"{str(error).rstrip('.')}; to work without a connection, put this file into "
                f"{path.parent}."
            ) from error
        _check(data, weights, weights.url)
        with convert_write_errors(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write_bytes(path, data)
    else:
        _check(path.read_bytes(), weights, str(path))
    return path


def _check(data: bytes, weights: Weights, where: str) -> None:
    """Check the content of a file; `where` is its address or path, for messages.

    Raises:
        ModelRefusedError: the hash is wrong, or it is not a PyTorch file of tensors only.
    """
    sha256 = hashlib.sha256(data).hexdigest()
    if not sha256.startswith(weights.sha256_start):
        raise ModelRefusedError(
            f"{where} has the SHA-256 {sha256}, which does not begin with {weights.sha256_start}; "
            "it is not the file that torchmetrics needs. Remove it."
        )
    try:
        torch.load(io.BytesIO(data), map_location="meta", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise ModelRefusedError(f"{where} does not hold weights alone; remove it.") from error


def _as_batch(images: np.ndarray) -> torch.Tensor:
    """Convert (B, H, W, 3) to a tensor (B, 3, H, W) of the same dtype."""
    return torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))


def _format_arguments(arguments: dict[str, Any]) -> str:
    """Format arguments as in a call: `net_type=alex, normalize=True`."""
    return ", ".join(f"{name}={value}" for name, value in arguments.items())
