"""What happens to each picture of mixed, imperfect input: drawn from (seed, image number).

A third or so of the pictures are only made smaller. The others are blurred, made smaller, made
noisy and stored as JPEG, each with its probability; some of them go through a second, weaker round,
as pictures do that are shared again. The model is that of Wang et al. 2021, "Real-ESRGAN",
arXiv:2107.10833, sections 3.2 to 3.4, without its sinc filters; the values are ours and milder.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from srgan_gp.data.resampling import NAMES
from srgan_gp.data.streams import Stream, generator_of


@dataclass(frozen=True)
class Ranges:
    """What one round draws from: shares in [0, 1], and ranges drawn from uniformly.

    Attributes:
        blur_share: of the pictures that are blurred, by a Gaussian.
        isotropic_share: of the blurs that are the same in all directions; the others are rotated.
        blur_sigma: in pixels, high-res ones of scale 4 in the first round; one for each axis.
        noise_share: of the pictures that get noise.
        poisson_share: of the noise that grows with the root of the brightness.
        grey_share: of the noise that is the same in the three channels.
        noise_sigma: in levels of 255; Poisson noise has it at level 128.
        jpeg_share: of the pictures that go through JPEG.
        quality: whole numbers, both ends included.
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
    """How badly the damaged images of a mixture are damaged.

    Attributes:
        first: the first round.
        second: the second round.
        second_share: of the damaged images, that go through the second round.
        round_trip: factors by which the second round shrinks and enlarges back.
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
"""By the names of the option `damage`. Blur in high-res pixels of scale 4, noise in levels."""
FIRST_TAPS, SECOND_TAPS = 21, 7  # sides of the kernels of the two rounds' blurs, in pixels
CLEAN_DOWNSCALERS = (0.2, 0.45, 0.2, 0.1, 0.05)
"""Shares of the clean pictures, in the order of `NAMES`. A network learns the aliased cubic most
slowly, because such pictures look sharpest and hold the least of the original."""
DAMAGED_DOWNSCALERS = (0.15, 0.15, 0.5, 0.15, 0.05)
"""Shares of the others. A camera's sensor, and most programs that store JPEG, average areas."""


@dataclass(frozen=True)
class Damage:
    """What one round does to each picture of a batch; arrays of B values.

    Attributes:
        blur_sigmas: (B, 2), float32, along the two axes of the Gaussian; 0: no blur.
        blur_angles: radians between the rows and the first axis, float32.
        noise_sigmas: float32, levels; 0: no noise.
        poisson: bool, whether the noise grows with the root of the brightness.
        grey: bool, whether the noise is the same in the three channels.
        qualities: int64; 0: no JPEG.
    """

    blur_sigmas: np.ndarray
    blur_angles: np.ndarray
    noise_sigmas: np.ndarray
    poisson: np.ndarray
    grey: np.ndarray
    qualities: np.ndarray

    def describe(self, i: int) -> list[str]:
        """Name what happens to picture `i`: `blur 1.3x0.8`, `noise 7 grey`, `jpeg 62`."""
        parts = []
        if self.blur_sigmas[i].any():
            along, across = self.blur_sigmas[i]
            parts.append(f"blur {along:.1f}" + (f"x{across:.1f}" if along != across else ""))
        if self.noise_sigmas[i]:
            kind = "poisson" if self.poisson[i] else "noise"
            grey = " grey" if self.grey[i] else ""
            parts.append(f"{kind} {self.noise_sigmas[i]:.0f}{grey}")
        if self.qualities[i]:
            parts.append(f"jpeg {self.qualities[i]}")
        return parts


@dataclass(frozen=True)
class Draws:
    """What happens to each picture of a batch; arrays of B values.

    Attributes:
        seed: of the run; with the numbers it also gives the noise.
        numbers: int64, image numbers since the run began.
        downscalers: int64, which of `resampling.NAMES`.
        first: the first round, on the high-res and then on the low-res grid.
        round_trips: float64, factors of the second round's resizing; 1: none.
        second: the second round, on the low-res grid.
    """

    seed: int
    numbers: np.ndarray
    downscalers: np.ndarray
    first: Damage
    round_trips: np.ndarray
    second: Damage

    def describe(self, i: int) -> str:
        """Tell in one line what happens to picture `i`: `cubic, blur 1.3x0.8, jpeg 62`."""
        parts = [NAMES[self.downscalers[i]], *self.first.describe(i)]
        if self.round_trips[i] < 1:
            parts += [f"again: size x{self.round_trips[i]:.2f} and back", *self.second.describe(i)]
        return ", ".join(parts)


def draw(
    seed: int, numbers: Sequence[int], clean_share: float, strength: Strength = STRENGTHS["mild"]
) -> Draws:
    """Draw what happens to the pictures with these image numbers.

    Each picture has a generator of its own, and each of its parameters a fixed place in what the
    generator gives: a picture's draw depends neither on its batch nor on what else is switched on.

    Args:
        seed: of the run.
        numbers: image numbers since the run began, each >= 0.
        clean_share: share of pictures that are only made smaller, in [0, 1].
        strength: how badly the others are damaged.
    """
    uniform = np.stack([generator_of(seed, Stream.DAMAGE, n).random(26) for n in numbers])
    clean, second, downscaler, round_trip = uniform[:, :4].T
    damaged = clean >= clean_share
    twice = damaged & (second < strength.second_share)
    return Draws(
        seed,
        np.array(numbers, np.int64),
        np.where(
            damaged,
            _choose(DAMAGED_DOWNSCALERS, downscaler),
            _choose(CLEAN_DOWNSCALERS, downscaler),
        ),
        _draw_damage(uniform[:, 4:15], strength.first, damaged),
        np.where(twice, _between(strength.round_trip, round_trip), 1.0),
        _draw_damage(uniform[:, 15:], strength.second, twice),
    )


def _choose(shares: Sequence[float], uniform: np.ndarray) -> np.ndarray:
    """Turn uniform numbers into indices that come up with these shares, which sum to 1."""
    return np.searchsorted(np.cumsum(shares[:-1]), uniform, side="right")


def _draw_damage(uniform: np.ndarray, ranges: Ranges, damaged: np.ndarray) -> Damage:
    """Turn uniform numbers (B, 11) into parameters; those not `damaged` (B,) get none."""
    blur, isotropic, along, across, angle, noise, poisson, grey, sigma, jpeg, quality = uniform.T
    across = np.where(isotropic < ranges.isotropic_share, along, across)
    blur_sigmas = _between(ranges.blur_sigma, np.stack([along, across], axis=1))
    blurred = damaged & (blur < ranges.blur_share)
    noisy = damaged & (noise < ranges.noise_share)
    stored = damaged & (jpeg < ranges.jpeg_share)
    lowest, highest = ranges.quality
    return Damage(
        (blur_sigmas * blurred[:, None]).astype(np.float32),
        (angle * np.pi).astype(np.float32),
        (_between(ranges.noise_sigma, sigma) * noisy).astype(np.float32),
        poisson < ranges.poisson_share,
        grey < ranges.grey_share,
        _between((lowest, highest + 1), quality).astype(int) * stored,
    )


def _between(limits: tuple[float, float], uniform: np.ndarray) -> np.ndarray:
    return limits[0] + (limits[1] - limits[0]) * uniform
