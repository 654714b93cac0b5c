"""Differentiable augmentations: what a critic is shown in place of too few pictures.

Real and generated pictures go through the same random changes, so that the critic cannot learn the
real ones by heart, and the gradient of its score passes through them to the generator. Each change
is drawn from (seed, image number). Mirroring is left to the data set: it needs no gradient.
"""

from collections.abc import Collection, Sequence
from dataclasses import astuple, dataclass

import numpy as np
import torch
from torch import Tensor

from srgan_gp.data.streams import Stream, generator_of

KINDS = ("colour", "translation", "cutout")
GREY = 0.5  # what stands where a picture was moved away or cut out
BRIGHTNESS = 0.25  # most that is added to a picture, of its range of 1
SATURATION = 1.0  # most by which the factor of the colours differs from 1
CONTRAST = 0.5  # most by which the factor of the contrast differs from 1
SHIFT = 1 / 8  # furthest move, of a side
CUT = 1 / 2  # side of the square that is cut out, of the picture's


@dataclass(frozen=True)
class Draws:
    """What happens to each picture of a batch; arrays of B values, float32.

    Attributes:
        brightness: added to every value; 0: unchanged.
        saturation: factor of the difference to each pixel's grey; 1: unchanged.
        contrast: factor of the difference to the picture's mean; 1: unchanged.
        down: move downwards as a share of the height; 0: none.
        right: move to the right as a share of the width; 0: none.
        cut_row: centre of the square as a share of the height, in [0, 1].
        cut_column: likewise of the width.
        cut_side: the square's side as a share of the picture's; 0: nothing is cut out.
    """

    brightness: np.ndarray
    saturation: np.ndarray
    contrast: np.ndarray
    down: np.ndarray
    right: np.ndarray
    cut_row: np.ndarray
    cut_column: np.ndarray
    cut_side: np.ndarray


def draw(
    seed: int, numbers: Sequence[int], kinds: Collection[str], probability: float, stream: int = 0
) -> Draws:
    """Draw what happens to the pictures with these image numbers.

    A picture's draw depends neither on its batch nor on which kinds there are; a higher probability
    leaves what a lower one changed as it is, and changes more pictures.

    Args:
        seed: of the run.
        numbers: image numbers since the run began, each >= 0.
        kinds: those of `KINDS` that may happen.
        probability: with which each of them happens to a picture, in [0, 1].
        stream: another number gives other draws for the same pictures.

    Source:
        Zhao et al. 2020 (DiffAugment), arXiv:2006.10738: its three kinds and their ranges, for
        values in [0, 1]. Karras et al. 2020 (ADA), arXiv:2006.06676: the probability.
    """
    generators = [generator_of(seed, Stream.AUGMENTATION, n, stream) for n in numbers]
    uniform = np.stack([generator.random(10) for generator in generators])
    happens = (uniform[:, :3] < probability) & [kind in kinds for kind in KINDS]
    colour, translation, cutout = happens.T.astype(np.float32)
    uniform = uniform.astype(np.float32)
    signed = (2 * uniform - 1).T
    return Draws(
        colour * BRIGHTNESS * signed[3],
        1 + colour * SATURATION * signed[4],
        1 + colour * CONTRAST * signed[5],
        translation * SHIFT * signed[6],
        translation * SHIFT * signed[7],
        uniform[:, 8],
        uniform[:, 9],
        cutout * CUT,
    )


def augment(pictures: Tensor, draws: Draws) -> Tensor:
    """Change each picture as drawn: a pure function with a gradient for the pictures.

    A picture to which nothing happens keeps its bits.

    Args:
        pictures: (B, 3, H, W), RGB around [0, 1]; nothing is clipped.
        draws: what happens to each of the B pictures.

    Returns:
        The same shape, dtype and device.

    Source:
        Zhao et al. 2020, arXiv:2006.10738, section 3.2. Moves are whole pixels.
    """
    table = torch.from_numpy(np.stack(astuple(draws))).to(pictures.device)  # one copy to the device
    brightness, saturation, contrast = table[:3, :, None, None, None].to(pictures.dtype)
    pictures = pictures + brightness
    pictures = pictures + (saturation - 1) * (pictures - pictures.mean(1, keepdim=True))
    pictures = pictures + (contrast - 1) * (pictures - pictures.mean((1, 2, 3), keepdim=True))
    pictures = _moved(pictures, table[3], 2)
    pictures = _moved(pictures, table[4], 3)
    height, width = pictures.shape[2:]
    rows = _is_cut(height, table[5], table[7])[:, None, :, None]
    columns = _is_cut(width, table[6], table[7])[:, None, None, :]
    return pictures.masked_fill(rows & columns, GREY)


def _moved(pictures: Tensor, shares: Tensor, axis: int) -> Tensor:
    """Move each picture (B, 3, H, W) along an axis by its share (B,) of it; grey comes in."""
    length = pictures.shape[axis]
    shape = [len(pictures), 1, 1, 1]
    shape[axis] = length
    places = torch.arange(length, device=pictures.device)
    source = (places - (shares * length).round().long()[:, None]).view(shape)  # (B, 1, H, 1)
    # Around the edge, then masked: the gradient of a permutation adds nothing up, in any order.
    moved = torch.take_along_dim(pictures, source % length, axis)
    return moved.masked_fill((source < 0) | (source >= length), GREY)


def _is_cut(length: int, centres: Tensor, sides: Tensor) -> Tensor:
    """Tell which places of an axis lie in each picture's square: (B, `length`) bool.

    The square's centre is any place of the picture, so that a part of it may lie outside.
    """
    places = torch.arange(length, device=centres.device)
    pixels = (sides * length).round()
    first = (centres * length).floor() - (pixels / 2).floor()
    return (places >= first[:, None]) & (places < (first + pixels)[:, None])
