"""Differentiable augmentations of the critic's input (DiffAugment), for small data sets.

Real and generated images are augmented with the same distribution, so that the critic cannot
memorise the real ones. The gradient of the critic's score passes through the augmentation to the
generator. Each augmentation is drawn from (seed, image number). Mirroring is not here:
`datasets.WholeImages` mirrors images when it reads them, since that needs no gradient.
"""

from collections.abc import Collection, Sequence
from dataclasses import astuple, dataclass

import numpy as np
import torch
from torch import Tensor

from srgan_gp.data.streams import Stream, generator_of

KINDS = ("colour", "translation", "cutout")
# The ranges are those of DiffAugment, arXiv:2006.10738.
GREY = 0.5  # fill value of translation and cutout, in [0, 1]
BRIGHTNESS = 0.25  # largest offset, for values in [0, 1]
SATURATION = 1.0  # largest deviation of the saturation factor from 1
CONTRAST = 0.5  # largest deviation of the contrast factor from 1
SHIFT = 1 / 8  # largest translation, as a share of the side
CUT = 1 / 2  # side of the cutout square, as a share of the side


@dataclass(frozen=True)
class Draws:
    """Parameters of the augmentations of a batch; arrays of B values, float32.

    Attributes:
        brightness: added to every value; 0: unchanged.
        saturation: factor of the difference to the grey value of each pixel; 1: unchanged.
        contrast: factor of the difference to the mean of the image; 1: unchanged.
        down: translation downwards as a share of the height; 0: none.
        right: translation to the right as a share of the width; 0: none.
        cut_row: centre of the cutout as a share of the height, in [0, 1]; without a cutout, unused.
        cut_column: centre of the cutout as a share of the width, in [0, 1]; without one, unused.
        cut_side: side of the cutout as a share of the image's side; 0: no cutout.
    """

    brightness: np.ndarray
    saturation: np.ndarray
    contrast: np.ndarray
    down: np.ndarray
    right: np.ndarray
    cut_row: np.ndarray
    cut_column: np.ndarray
    cut_side: np.ndarray


def draw_augmentations(
    seed: int,
    numbers: Sequence[int],
    kinds: Collection[str],
    probability: float,
    substream: int = 0,
) -> Draws:
    """Draw the augmentations of the images with these numbers.

    The draw of an image depends neither on its batch nor on `kinds`. A higher probability keeps the
    augmentations of a lower one and adds more.

    Args:
        seed: seed of the run.
        numbers: image numbers since the start of the run, each >= 0.
        kinds: subset of `KINDS`.
        probability: probability of each kind for each image, in [0, 1].
        substream: number that selects independent draws for the same image number: real and
            generated images have different substreams.

    Returns:
        Parameters for each image; an augmentation that is not applied has its neutral value.

    Source:
        Zhao et al. 2020 (DiffAugment), arXiv:2006.10738: the three kinds and their ranges, for
        values in [0, 1]. Karras et al. 2020 (ADA), arXiv:2006.06676: the probability.
    """
    generators = [generator_of(seed, Stream.AUGMENTATION, n, substream) for n in numbers]
    # Columns: 3 for whether each kind is applied, 3 of colour, 2 of translation, 2 of cutout.
    uniform = np.stack([generator.random(10) for generator in generators])  # (B, 10), in [0, 1)
    is_applied = (uniform[:, :3] < probability) & [kind in kinds for kind in KINDS]
    colour, translation, cutout = is_applied.T.astype(np.float32)  # as `KINDS`; (B,), 0 or 1
    uniform = uniform.astype(np.float32)
    signed = (2 * uniform - 1).T  # (10, B), in [-1, 1)
    return Draws(
        brightness=colour * BRIGHTNESS * signed[3],
        saturation=1 + colour * SATURATION * signed[4],
        contrast=1 + colour * CONTRAST * signed[5],
        down=translation * SHIFT * signed[6],
        right=translation * SHIFT * signed[7],
        cut_row=uniform[:, 8],
        cut_column=uniform[:, 9],
        cut_side=cutout * CUT,
    )


def augment(images: Tensor, draws: Draws) -> Tensor:
    """Augment images; the result is differentiable with respect to `images`.

    Images without an augmentation are returned bit for bit.

    Args:
        images: (B, 3, H, W), RGB around [0, 1]; not clipped.
        draws: parameters for each of the B images.

    Returns:
        The same shape, dtype and device.

    Source:
        Zhao et al. 2020, arXiv:2006.10738, section 3.2. Translations are whole pixels.
    """
    # (8, B), in the order of the fields of `Draws`; one copy to the device.
    table = torch.from_numpy(np.stack(astuple(draws))).to(images.device)
    # The first three are multiplied with or added to pixels; positions stay in float32.
    brightness, saturation, contrast = table[:3, :, None, None, None].to(images.dtype)
    down, right, cut_row, cut_column, cut_side = table[3:]
    images = images + brightness
    images = images + (saturation - 1) * (images - images.mean(1, keepdim=True))
    images = images + (contrast - 1) * (images - images.mean((1, 2, 3), keepdim=True))
    images = _translate(images, down, axis=2)
    images = _translate(images, right, axis=3)
    height, width = images.shape[2:]
    rows = _is_cut(height, cut_row, cut_side)[:, None, :, None]
    columns = _is_cut(width, cut_column, cut_side)[:, None, None, :]
    return images.masked_fill(rows & columns, GREY)


def _translate(images: Tensor, shares: Tensor, axis: int) -> Tensor:
    """Translate each image (B, 3, H, W) along an axis by a share (B,) of its length."""
    length = images.shape[axis]
    shape = [len(images), 1, 1, 1]
    shape[axis] = length  # (B, 1, H, 1) or (B, 1, 1, W)
    positions = torch.arange(length, device=images.device)
    shifts = (shares * length).round().long()  # (B,), pixels
    origins = (positions - shifts[:, None]).view(shape)  # position that each pixel comes from
    # A circular shift, then a mask: the gradient of a permutation has no sums, whose order varies.
    shifted = torch.take_along_dim(images, origins % length, axis)
    return shifted.masked_fill((origins < 0) | (origins >= length), GREY)


def _is_cut(length: int, centres: Tensor, sides: Tensor) -> Tensor:
    """Return which positions along an axis lie in the cutout of each image.

    The centre of the square lies in the image, a part of the square may lie outside.

    Args:
        length: height or width of the images in pixels.
        centres: (B,), centres of the squares along the axis, as shares of `length`.
        sides: (B,), sides of the squares as shares of `length`.

    Returns:
        (B, length), bool.
    """
    positions = torch.arange(length, device=centres.device)
    side_lengths = (sides * length).round()  # (B,), pixels
    first = (centres * length).floor() - (side_lengths / 2).floor()
    end = first + side_lengths
    return (positions >= first[:, None]) & (positions < end[:, None])
