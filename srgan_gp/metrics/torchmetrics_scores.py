"""LPIPS, FID and KID as torchmetrics computes them, for comparison with other projects.

They keep the names of torchmetrics and are apart from the scores of this project, which use other
networks. Their weights are downloaded once into the cache of PyTorch.
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
from srgan_gp.system.write_errors import errors_about

CLASSES = {
    "lpips": "LearnedPerceptualImagePatchSimilarity",
    "fid": "FrechetInceptionDistance",
    "kid": "KernelInceptionDistance",
}
"""Class of torchmetrics by the name on the command line."""
LPIPS_SMALLEST_SIDE = 31
"""Pixels that AlexNet needs."""
_SUBSET_SIZE = 1000  # torchmetrics' default for KID


@dataclass(frozen=True)
class Weights:
    """A file of weights on the internet; its name holds the start of its SHA-256."""

    url: str
    sha256_start: str
    max_bytes: int

    @property
    def path(self) -> Path:
        """Where torchvision and torch-fidelity look for it: the cache of PyTorch."""
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


@dataclass(frozen=True)
class TorchmetricsScores:
    """Scores of torchmetrics.

    Attributes:
        version: of torchmetrics.
        arguments: of each class, besides its defaults.
        images: number of images that were compared.
        values: by the name of the class; KID as mean and standard deviation over its subsets.
    """

    version: str
    arguments: dict[str, str]
    images: int
    values: dict[str, float]


class TorchmetricsScorer:
    """Collects images, and computes the scores of all of them.

    Args:
        names: keys of `CLASSES`.

    Raises:
        UsageError: weights cannot be downloaded.
        ModelRefusedError: a file of weights has another hash than its name says.
        ModuleNotFoundError: torchmetrics is not installed.
    """

    def __init__(self, names: Sequence[str]) -> None:
        import torchmetrics.image  # before the download

        self._names = names
        for weights in dict.fromkeys(WEIGHTS[name] for name in names):
            fetch_weights(weights)
        self._images = 0
        self._metrics: dict[str, Any] = {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # notes on memory, and those of older interfaces
            for name in names:
                kind = getattr(torchmetrics.image, CLASSES[name])
                self._metrics[name] = kind(**_ARGUMENTS[name])

    def add(self, output: np.ndarray, original: np.ndarray) -> None:
        """Add an output and its original, (H, W, 3), uint8 RGB."""
        images = [_as_batch(output[None]), _as_batch(original[None])]
        if "lpips" in self._metrics:
            self._metrics["lpips"].update(*(image.float() / 255 for image in images))
        self._update_sets(*images)

    def add_sets(self, generated: np.ndarray, real: np.ndarray, at_once: int = 16) -> None:
        """Add two sets of images, (N, H, W, 3) and (M, H, W, 3), uint8 RGB; not for LPIPS."""
        for first in range(0, max(len(generated), len(real)), at_once):
            part = slice(first, first + at_once)
            self._update_sets(_as_batch(generated[part]), _as_batch(real[part]))

    def scores(self) -> TorchmetricsScores:
        """Compute the scores; KID draws its subsets from a fixed seed."""
        values: dict[str, float] = {}
        arguments = {CLASSES[name]: _text_of(_ARGUMENTS[name]) for name in self._names}
        for name, metric in self._metrics.items():
            title = CLASSES[name]
            if name != "kid":
                values[title] = metric.compute().item()
                continue
            metric.subset_size = min(_SUBSET_SIZE, self._images)
            arguments[title] = _text_of({"subset_size": metric.subset_size, "seed": 0})
            with torch.random.fork_rng(devices=()):
                torch.manual_seed(0)
                mean, deviation = metric.compute()
            values |= {f"{title} mean": mean.item(), f"{title} std": deviation.item()}
        return TorchmetricsScores(version("torchmetrics"), arguments, self._images, values)

    def _update_sets(self, outputs: torch.Tensor, originals: torch.Tensor) -> None:
        self._images += len(outputs)
        for name in ("fid", "kid"):
            if name in self._metrics:
                for images, is_real in ((outputs, False), (originals, True)):
                    if len(images):
                        self._metrics[name].update(images, real=is_real)


_ARGUMENTS: dict[str, dict[str, Any]] = {
    "lpips": {"net_type": "alex", "normalize": True},
    "fid": {},
    "kid": {},
}


def fetch_weights(weights: Weights) -> Path:
    """Download weights unless they are in the cache; return their path.

    Raises:
        UsageError: they cannot be downloaded.
        ModelRefusedError: the file has another hash than its name says.
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
        with errors_about(path.parent):
            path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write_bytes(path, data)
    else:
        _check(path.read_bytes(), weights, str(path))
    return path


def _check(data: bytes, weights: Weights, where: str) -> None:
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
    return torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))


def _text_of(arguments: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in arguments.items())
