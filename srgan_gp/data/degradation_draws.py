"""Random parameters of the degradations of each image, drawn from (seed, image number).

`degradations.degrade` applies them. The image number counts the images since the start of a run.

A share of the images is only downscaled (`clean_share`, by default a third). The others also get
blur, noise and JPEG artefacts, each with a probability. Some go through a second, weaker round,
like images that are resized and shared again. The model is that of Wang et al. 2021, "Real-ESRGAN",
arXiv:2107.10833, sections 3.2 to 3.4, without sinc filters. The values are this project's own and
milder: stronger ones teach to repair worse photos, and leave less detail to learn from.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from srgan_gp.data.resampling import NAMES
from srgan_gp.data.streams import Stream, generator_of


@dataclass(frozen=True)
class Ranges:
    """Distribution of the parameters of one round: shares in [0, 1] and ranges of uniform draws.

    Attributes:
        blur_share: share of images with a Gaussian blur.
        isotropic_share: share of isotropic blurs; the others are anisotropic and rotated.
        blur_sigma: range of the sigma along each axis of the Gaussian. In the first round its unit
            is scale / 4 HR pixels (half a pixel at scale 2), in the second an LR pixel.
        noise_share: share of images with noise.
        poisson_share: share of Poisson noise, which grows with the root of the brightness.
        grey_share: share of noise that is equal in the three channels.
        noise_sigma: in levels of 255; for Poisson noise at level 128.
        jpeg_share: share of images with JPEG compression.
        quality: JPEG quality, integers, both ends included.
    """

    blur_share: float
    isotropic_share: float
    blur_sigma: tuple[float, float]
    noise_share: float
    poisson_share: float
    grey_share: float
    noise_sigma: tuple[float, float]
    jpeg_share: float
    quality: tuple[int, int]


@dataclass(frozen=True)
class Strength:
    """Strength of the degradations.

    Attributes:
        first: the first round.
        second: the second round.
        second_share: share of the degraded images with a second round.
        round_trip: range of the factor by which the second round downscales an image, before it
            upscales it to the former size.
    """

    first: Ranges
    second: Ranges
    second_share: float
    round_trip: tuple[float, float]


_MILD_FIRST = Ranges(
    blur_share=0.3,
    isotropic_share=0.65,
    blur_sigma=(0.2, 2.0),
    noise_share=0.3,
    poisson_share=0.5,
    grey_share=0.4,
    noise_sigma=(1, 10),
    jpeg_share=0.75,
    quality=(40, 100),
)
_MILD_SECOND = Ranges(
    blur_share=0.5,
    isotropic_share=0.65,
    blur_sigma=(0.2, 0.6),
    noise_share=0.4,
    poisson_share=0.5,
    grey_share=0.4,
    noise_sigma=(1, 6),
    jpeg_share=1.0,
    quality=(50, 95),
)
STRENGTHS = {
    "mild": Strength(_MILD_FIRST, _MILD_SECOND, second_share=0.1, round_trip=(0.5, 1.0)),
    "harsh": Strength(
        replace(
            _MILD_FIRST, blur_share=0.5, blur_sigma=(0.2, 3.0), noise_share=0.4,
            noise_sigma=(1, 20), quality=(30, 95),
        ),
        replace(
            _MILD_SECOND, blur_sigma=(0.2, 0.8), noise_sigma=(1, 10), quality=(30, 95)
        ),
        second_share=0.5,
        round_trip=(0.5, 1.0),
    ),
}  # fmt: skip
"""Strengths by the values of the training option `damage`."""
FIRST_TAPS, SECOND_TAPS = 21, 7
"""Pixels: sides of the blur kernels of the two rounds. At scale 4 they hold at least 3 times the
largest sigma on each side."""
CLEAN_DOWNSCALERS = (0.2, 0.45, 0.2, 0.1, 0.05)  # cubic, aliased cubic, area, bilinear, Lanczos
"""Shares of the downscalers in `NAMES` among images that are only downscaled. Aliased cubic is the
hardest to learn: its images look the sharpest and keep the least of the original content."""
DAMAGED_DOWNSCALERS = (0.15, 0.15, 0.5, 0.15, 0.05)
"""Shares for degraded images, in the same order. Half of these images are made by area means, as
by camera sensors and by most programs that write JPEG."""


@dataclass(frozen=True)
class Damage:
    """Parameters of one round of degradations of a batch; arrays of B values.

    Attributes:
        blur_sigmas: (B, 2), float32, along the two axes of the Gaussian, in the unit of
            `Ranges.blur_sigma`; 0: no blur.
        blur_angles: float32, radians from 0 to pi, from the direction of the rows to the first axis
            of the Gaussian, clockwise.
        noise_sigmas: float32, levels of 255; 0: no noise.
        poisson: bool, whether the noise grows with the root of the brightness.
        grey: bool, whether the noise is equal in the three channels.
        qualities: int64, JPEG quality; 0: no JPEG.
    """

    blur_sigmas: np.ndarray
    blur_angles: np.ndarray
    noise_sigmas: np.ndarray
    poisson: np.ndarray
    grey: np.ndarray
    qualities: np.ndarray

    def describe(self, i: int) -> list[str]:
        """Format the parameters of image `i`: `blur 1.3x0.8`, `noise 7 grey`, `jpeg 62`."""
        parts = []
        if self.blur_sigmas[i].any():
            along, across = self.blur_sigmas[i]
            second = f"x{across:.1f}" if along != across else ""
            parts.append(f"blur {along:.1f}{second}")
        if self.noise_sigmas[i]:
            kind = "poisson" if self.poisson[i] else "noise"
            grey = " grey" if self.grey[i] else ""
            parts.append(f"{kind} {self.noise_sigmas[i]:.0f}{grey}")
        if self.qualities[i]:
            parts.append(f"jpeg {self.qualities[i]}")
        return parts


@dataclass(frozen=True)
class Draws:
    """Parameters of the degradations of a batch; arrays of B values.

    Attributes:
        seed: seed of the run; together with `numbers` it determines the noise.
        numbers: int64, image numbers since the start of the run.
        downscalers: int64, index in `resampling.NAMES`.
        first: the first round: blur of the HR image, noise and JPEG of the LR image.
        round_trips: float64, factors by which the second round downscales and upscales again; 1: no
            second round.
        second: the second round, of the LR image.
    """

    seed: int
    numbers: np.ndarray
    downscalers: np.ndarray
    first: Damage
    round_trips: np.ndarray
    second: Damage

    def describe(self, i: int) -> str:
        """Format the degradations of image `i` in one line: `cubic, blur 1.3x0.8, jpeg 62`."""
        parts = [NAMES[self.downscalers[i]], *self.first.describe(i)]
        if self.round_trips[i] < 1:
            parts += [f"again: size x{self.round_trips[i]:.2f} and back", *self.second.describe(i)]
        return ", ".join(parts)


def draw(
    seed: int, numbers: Sequence[int], clean_share: float, strength: Strength = STRENGTHS["mild"]
) -> Draws:
    """Draw the degradations of the images with these numbers.

    Each image has its own random generator, and each parameter a fixed position in its output. The
    uniform numbers of an image thus depend on neither its batch, `clean_share` nor `strength`.

    Args:
        seed: seed of the run.
        numbers: image numbers since the start of the run, each >= 0.
        clean_share: share of images that are only downscaled, in [0, 1].
        strength: strength of the degradations of the other images.
    """
    # Uniform in [0, 1), 26 per image: 4 that belong to no round, and 11 for each of two rounds.
    uniform = np.stack([generator_of(seed, Stream.DAMAGE, n).random(26) for n in numbers])
    clean, second, downscaler, round_trip = uniform[:, :4].T
    is_damaged = clean >= clean_share
    has_second_round = is_damaged & (second < strength.second_share)
    return Draws(
        seed,
        numbers=np.array(numbers, np.int64),
        downscalers=np.where(
            is_damaged,
            _choose(DAMAGED_DOWNSCALERS, downscaler),
            _choose(CLEAN_DOWNSCALERS, downscaler),
        ),
        first=_draw_damage(uniform[:, 4:15], strength.first, is_damaged),
        round_trips=np.where(has_second_round, _between(strength.round_trip, round_trip), 1.0),
        second=_draw_damage(uniform[:, 15:], strength.second, has_second_round),
    )


def _choose(shares: Sequence[float], uniform: np.ndarray) -> np.ndarray:
    """Turn uniform numbers (B,) into indices of `shares`, (B,), with these probabilities."""
    limits = np.cumsum(shares[:-1])  # an index is the number of limits below; the shares sum to 1
    return np.searchsorted(limits, uniform, side="right")


def _draw_damage(uniform: np.ndarray, ranges: Ranges, is_damaged: np.ndarray) -> Damage:
    """Turn uniform numbers into the parameters of one round.

    Args:
        uniform: (B, 11), in [0, 1); each column has one fixed use, also if others are not needed.
        ranges: shares and ranges of the round.
        is_damaged: (B,), bool; images where it is False get no blur, noise or JPEG.
    """
    blur, isotropic, along, across, angle, noise, poisson, grey, sigma, jpeg, quality = uniform.T
    across = np.where(isotropic < ranges.isotropic_share, along, across)
    blur_sigmas = _between(ranges.blur_sigma, np.stack([along, across], axis=1))
    is_blurred = is_damaged & (blur < ranges.blur_share)
    is_noisy = is_damaged & (noise < ranges.noise_share)
    is_compressed = is_damaged & (jpeg < ranges.jpeg_share)
    lowest, highest = ranges.quality
    qualities = _between((lowest, highest + 1), quality).astype(int)  # rounded down
    # A product with False is 0, which stands for an image without the degradation.
    return Damage(
        blur_sigmas=(blur_sigmas * is_blurred[:, None]).astype(np.float32),
        blur_angles=(angle * np.pi).astype(np.float32),
        noise_sigmas=(_between(ranges.noise_sigma, sigma) * is_noisy).astype(np.float32),
        poisson=poisson < ranges.poisson_share,
        grey=grey < ranges.grey_share,
        qualities=qualities * is_compressed,
    )


def _between(limits: tuple[float, float], uniform: np.ndarray) -> np.ndarray:
    """Map uniform numbers in [0, 1) to numbers between the limits."""
    return limits[0] + (limits[1] - limits[0]) * uniform
