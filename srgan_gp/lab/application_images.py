"""Functions that the applications share: reading and conversion of images, steps of an optimizer.

The applications are the modules of `lab.applications`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from srgan_gp.data.aligned_faces import read_faces
from srgan_gp.data.image_sources import ImageFile, list_images
from srgan_gp.errors import UsageError

Pixels = NDArray[Any]
"""Images, (N, H, W, 3), uint8 RGB."""


def require_data(data: Sequence[str | Path], names: Sequence[str]) -> list[Path]:
    """Return the paths of an application's data, after a check of their number.

    Args:
        data: paths, one for each name.
        names: descriptions of the files that the application needs, for the message.

    Raises:
        UsageError: the numbers of paths and names differ.
    """
    if len(data) != len(names):
        raise UsageError(f"This application needs --data with {len(names)}: {', '.join(names)}.")
    return [Path(path) for path in data]


def draw_images(place: str | Path, count: int, size: int, seed: int = 0) -> Pixels:
    """Read square images, chosen at random from a folder or zip file.

    Args:
        place: the folder or zip file, with square images only.
        count: number of images; all, if there are fewer.
        size: side of the result in pixels.
        seed: seed of the choice.

    Returns:
        (N, size, size, 3), uint8 RGB.

    Raises:
        UsageError: the place holds no images, or a chosen image is not square.
    """
    files = choose(list_images(place), count, seed)
    return read_faces(files, size)  # of any square images, not only faces


def choose(files: Sequence[ImageFile], count: int, seed: int = 0) -> list[ImageFile]:
    """Choose files at random, without repetition; all, if there are fewer than `count`."""
    order = torch.randperm(len(files), generator=torch.Generator().manual_seed(seed)).tolist()
    return [files[index] for index in order[:count]]


def as_tensor(pixels: Pixels) -> Tensor:
    """Convert (N, H, W, 3) uint8 to (N, 3, H, W) float32 in [0, 1]."""
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255


def as_pixels(images: Tensor) -> Pixels:
    """Convert (N, 3, H, W) around [0, 1] to (N, H, W, 3) uint8, clipped and rounded."""
    levels = (images.detach() * 255).round().clamp(0, 255).byte()
    return np.ascontiguousarray(levels.permute(0, 2, 3, 1).numpy())


def take_step(network: nn.Module, optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    """Minimise a loss, a scalar, by one step of the optimizer of the network's parameters."""
    network.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of all parameters of an optimizer."""
    for group in optimizer.param_groups:
        group["lr"] = rate
