"""Latents of face generators: drawing from seeds, checks, and spherical interpolation.

A latent is the input of a face generator: a vector of standard normal numbers.
"""

import math
from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from srgan_gp.errors import UsageError
from srgan_gp.images.picture_conversion import numpy_call_text

Floats = NDArray[np.float32]

_NEARLY_PARALLEL = 1e-4
"""Sine below which an angle counts as 0 or pi: a division by it would amplify rounding errors. For
an angle of 1e-4, a straight line and the arc differ by less than the precision of float32."""


def draw_latents(seeds: Iterable[int], size: int) -> Floats:
    """Draw the latent of each seed with a random generator of its own.

    So each latent depends on its own seed only. The latents of training, which
    `face_generation.draw_training_latents` draws, come from other random streams.

    Args:
        seeds: integers of 0 or more.
        size: length of a latent.

    Returns:
        (N, size), float32, standard normal.

    Raises:
        ValueError: a seed is negative.
    """
    latents: list[Floats] = []
    for seed in seeds:
        generator = np.random.default_rng(seed)
        latents.append(generator.standard_normal(size, dtype=np.float32))
    return np.stack(latents) if latents else np.empty((0, size), np.float32)


def check_latents(latents: object, size: int) -> Floats:
    """Check the latents of a caller.

    Args:
        latents: should be an array (N, size), float32, with finite values.
        size: length of a latent.

    Returns:
        `latents`.

    Raises:
        TypeError: `latents` is not an array.
        ValueError: `latents` has another shape or dtype, or values that are not finite.
    """
    if not isinstance(latents, np.ndarray):
        type_name = type(latents).__name__
        advice = "pass np.asarray(latents, np.float32)"
        is_many = isinstance(latents, list | tuple | range)
        seeds = list(cast("list[object]", latents)) if is_many else [latents]
        if seeds and all(isinstance(seed, Integral) for seed in seeds):
            shown = f"{seeds}" if len(seeds) < 5 else "seeds"  # a longer list fills the message
            advice = f"for seeds pass generator.latents({shown})"
        if hasattr(latents, "numpy"):  # such as a tensor of PyTorch
            type_name = f"{type(latents).__module__}.{type_name}"
            calls = numpy_call_text(latents)  # such as ".detach().cpu().numpy()"
            advice = "call .numpy() on it" if calls == ".numpy()" else f"pass latents{calls}"
        raise TypeError(f"latents must be a numpy array, got {type_name}; {advice}")
    array = cast("NDArray[Any]", latents)
    if array.ndim != 2 or array.shape[1] != size:
        hint = "; pass latents[None]" if array.shape == (size,) else ""
        if array.ndim == 1 and array.dtype.kind in "iu":  # signed or unsigned integers
            hint = "; for seeds pass generator.latents(seeds)"
        raise ValueError(f"need latents (N, {size}), got {array.shape}{hint}")
    if array.dtype != np.float32:
        is_number = array.dtype.kind in "fiu"  # floats or integers
        hint = "; pass latents.astype(np.float32)" if is_number else ""
        raise ValueError(f"need latents of float32, got {array.dtype}{hint}")
    if not np.isfinite(array).all():
        raise ValueError("need latents that are finite, got NaN or infinity")
    return array


def spherical_path(first: Floats, second: Floats, shares: Iterable[float]) -> Floats:
    """Interpolate between two latents along the arc between them (slerp).

    Standard normal latents lie near a sphere of radius sqrt(size). A straight line between two of
    them leaves the sphere: between orthogonal ones, its middle is 30 % nearer to the origin, where
    a network has no training data.

    Args:
        first: (size,), float32.
        second: (size,), float32.
        shares: N positions on the arc, 0 to 1; 0 is `first` and 1 is `second`, both exactly.

    Returns:
        (N, size), float32. Parallel and opposite latents are interpolated linearly.

    Source:
        Shoemake 1985, "Animating rotation with quaternion curves", section 3.3.
    """
    ends = np.stack([first, second]).astype(np.float64)
    positions = np.fromiter(shares, np.float64)
    norms_product = float(np.linalg.norm(ends, axis=1).prod())
    cosine = ends[0] @ ends[1] / norms_product if norms_product else 1.0
    angle = np.arccos(np.clip(cosine, -1, 1))
    weights = np.stack([1 - positions, positions], axis=1)  # of both ends, (N, 2)
    if np.sin(angle) >= _NEARLY_PARALLEL:
        weights = np.sin(weights * angle) / np.sin(angle)
    return (weights @ ends).astype(np.float32)


def check_truncation(truncation: float) -> float:
    """Check a truncation, the factor that latents are multiplied by, and return it.

    Raises:
        UsageError: the truncation is negative or not finite.
        TypeError: the truncation is not a number.
    """
    if not isinstance(cast("object", truncation), Real) or isinstance(truncation, bool):
        raise TypeError(f"the truncation must be a number, got {truncation!r}")
    if not (math.isfinite(truncation) and truncation >= 0):
        raise UsageError(f"The truncation must be a number of 0 or more, not {truncation}.")
    return float(truncation)


def as_integer(description: str, value: object) -> int:
    """Return an integer of Python or numpy as int; TypeError with the description otherwise."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{description} must be an integer, got {value!r}")
    return int(value)
