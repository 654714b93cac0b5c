"""Degradations that make LR images from HR images: blur, downscaling, noise and JPEG.

An image is degraded in one or two rounds. `degradation_draws` draws the random parameters of both,
a `Damage` for each round, and `degrade` here applies them to a batch. Training makes its LR images
in this way if `--low-res mixture` is chosen. `Draws` and `draw` of `degradation_draws` can be
imported from here too.
"""

import math
from collections.abc import Callable

import numpy as np
import torch
from kornia.filters import filter2d
from torch import Tensor

from srgan_gp.data.degradation_draws import FIRST_TAPS, SECOND_TAPS, Damage, Draws, draw
from srgan_gp.data.jpeg_compression import jpeg
from srgan_gp.data.resampling import downscale, round_trip, to_8_bit
from srgan_gp.data.streams import Stream, generator_of

__all__ = ["DEGRADATION_MARGIN", "Draws", "degrade", "draw", "least_side"]

DEGRADATION_MARGIN = 4
"""Width in LR pixels of the border that training cuts off a degraded image on each side, because
its pixels depend on the mirrored edge. The widest kernels of the first round reach 5.5 LR pixels
together (2.5 for the blur at scale 4, and 3 for Lanczos), so that a little of the mirrored edge
remains. JPEG blocks start at the corner before the border is cut off. Their phase in the patch is
therefore constant, which does not matter to a convolutional network."""


def degrade(high_res: Tensor, scale: int, draws: Draws) -> Tensor:
    """Degrade and downscale HR images: a pure function of the images and the draws.

    On one device the result for an image is the same in any batch. On another device sums in a
    different order may round differently: single values then differ by one level, and by more after
    JPEG.

    Args:
        high_res: (B, 3, H, W), RGB, integers in [0, 255], float32. H and W are more than 10 and
            more than 4 * `scale` pixels. Mirroring at the edges fails on sides of up to 10 HR or 3
            LR pixels, which the blur kernels of the two rounds reach; the limit of 4 leaves one
            pixel to spare.
        scale: integer >= 1.
        draws: parameters for each of the B images.

    Returns:
        LR images, (B, 3, ceil(H / scale), ceil(W / scale)), integers in [0, 255], float32.

    Source:
        Wang et al. 2021, arXiv:2107.10833, sections 3.2 to 3.4, in the order of its figure 2.
    """
    # First round. The unit of its sigmas is proportional to the scale: an HR pixel at scale 4.
    high_res = _blur(high_res, draws.first, FIRST_TAPS, pixels_per_unit=scale / 4)
    low_res = downscale(high_res, scale, draws.downscalers)
    low_res = _add_noise_and_jpeg(low_res, draws.first, draws, round_number=1)
    # Second round. The parameters of images without a second round change nothing.
    low_res = _blur(low_res, draws.second, SECOND_TAPS, pixels_per_unit=1)
    # A round trip downscales an image by its factor and upscales it again.
    factors = draws.round_trips
    low_res = _apply_to(
        low_res, factors < 1, lambda images, indices: round_trip(images, factors[indices])
    )
    return _add_noise_and_jpeg(low_res, draws.second, draws, round_number=2)


def least_side(scale: int) -> int:
    """Return the smallest side in HR pixels that `degrade` accepts, a multiple of `scale`.

    >>> least_side(4), least_side(1)
    (20, 11)
    """
    # The limits of `degrade`: more than 10 HR pixels, and more than 4 LR pixels.
    smallest_low_res_side = max(math.ceil(11 / scale), 5)
    return smallest_low_res_side * scale


def gaussian_kernels(sigmas: np.ndarray, angles: np.ndarray, taps: int) -> np.ndarray:
    """Sample Gaussians at the pixels: (B, taps, taps), float64, each with sum 1.

    Args:
        sigmas: (B, 2), pixels, > 0: along the first axis of the Gaussian and along its second
            axis, which is perpendicular.
        angles: (B,), radians from the direction of the rows (to the right) to the first axis,
            clockwise.
        taps: side of the kernels in pixels, odd.
    """
    y, x = np.mgrid[:taps, :taps] - taps // 2
    cosine, sine = np.cos(angles)[:, None, None], np.sin(angles)[:, None, None]
    along = (x * cosine + y * sine) / sigmas[:, 0, None, None]
    across = (y * cosine - x * sine) / sigmas[:, 1, None, None]
    kernels = np.exp(-(along**2 + across**2) / 2)
    return kernels / kernels.sum(axis=(1, 2), keepdims=True)


def _blur(images: Tensor, damage: Damage, taps: int, pixels_per_unit: float) -> Tensor:
    """Blur the images whose sigma is above 0; the edge is mirrored.

    Args:
        images: (B, 3, H, W).
        damage: its `blur_sigmas` are in units of `pixels_per_unit` pixels.
        taps: side of the kernels, odd.
        pixels_per_unit: length of one unit of sigma in pixels of `images`.
    """

    def blur(selected: Tensor, indices: np.ndarray) -> Tensor:
        sigmas = damage.blur_sigmas[indices].astype(np.float64) * pixels_per_unit
        kernels = gaussian_kernels(sigmas, damage.blur_angles[indices], taps)
        return filter2d(selected, selected.new_tensor(kernels), border_type="reflect")

    is_blurred = damage.blur_sigmas[:, 0] > 0  # without a blur both sigmas are 0
    return _apply_to(images, is_blurred, blur)


def _add_noise_and_jpeg(images: Tensor, damage: Damage, draws: Draws, round_number: int) -> Tensor:
    """Add noise, round to 8 bits, and apply JPEG compression, each to the images that get it.

    Args:
        images: (B, 3, h, w), float32 in [0, 255].
        damage: parameters of this round.
        draws: only its seed and image numbers are used; they determine the noise.
        round_number: 1 or 2; selects independent noise.
    """

    def add_noise(selected: Tensor, indices: np.ndarray) -> Tensor:
        keys = [(int(number), round_number) for number in draws.numbers[indices]]
        generators = [generator_of(draws.seed, Stream.DAMAGE, *key) for key in keys]
        shape = selected.shape[1:]
        noise = np.stack([rng.standard_normal(shape, np.float32) for rng in generators])
        return _add_scaled_noise(selected, damage, indices, selected.new_tensor(noise))

    images = to_8_bit(_apply_to(images, damage.noise_sigmas > 0, add_noise))
    return _apply_to(
        images,
        damage.qualities > 0,
        lambda selected, indices: jpeg(selected, damage.qualities[indices]),
    )


def _add_scaled_noise(images: Tensor, damage: Damage, indices: np.ndarray, noise: Tensor) -> Tensor:
    """Scale noise to the standard deviations in `damage`, and add it.

    Poisson noise is approximated by a normal distribution with a variance proportional to the
    level: counts drawn on a device would depend on the device. Grey noise is equal in the three
    channels.

    Args:
        images: the images with noise, (b, 3, h, w), float32 in [0, 255].
        damage: parameters of the whole batch.
        indices: (b,), positions of `images` in the batch.
        noise: standard normal numbers, shaped like `images`.
    """

    def per_image(values: np.ndarray) -> Tensor:  # (B,) -> (b, 1, 1, 1)
        return torch.from_numpy(values[indices]).to(images.device)[:, None, None, None]

    is_grey = per_image(damage.grey)
    noise = torch.where(is_grey, noise[:, :1], noise)
    brightness = torch.where(is_grey, images.mean(1, keepdim=True), images).clamp(0, 255)
    poisson_factor = (brightness / 128).sqrt()  # the sigma of Poisson noise is given at level 128
    factor = torch.where(per_image(damage.poisson), poisson_factor, 1.0)
    return images + per_image(damage.noise_sigmas) * factor * noise


def _apply_to(
    images: Tensor, mask: np.ndarray, effect: Callable[[Tensor, np.ndarray], Tensor]
) -> Tensor:
    """Replace the images selected by a mask, and leave the others as they are.

    Args:
        images: (B, 3, H, W).
        mask: (B,), bool; True: the image is replaced.
        effect: function from the b selected images, (b, 3, H, W), and their indices in the batch,
            (b,), to their replacements, (b, 3, H, W).
    """
    indices = np.flatnonzero(mask)
    if not len(indices):
        return images
    index = torch.from_numpy(indices).to(images.device)
    return images.index_copy(0, index, effect(images[index], indices))
