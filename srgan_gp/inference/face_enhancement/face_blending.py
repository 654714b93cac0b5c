"""Blending of an upscaled face into a result: resampling, colours, mask, and check of fidelity.

The result is the photo upscaled by the main model; the face was upscaled by a second model. `main`
is the part of the result at the face, before the face is blended in.
"""

import numpy as np
from PIL import Image

from srgan_gp.detection.face_detection import import_opencv
from srgan_gp.inference.tiling.tiles import Floats

_LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # weights of R, G and B in Y, BT.601
_STUDIO_RANGE = 219 / 255  # PSNR-Y is defined on luma of 16 to 235, with a peak of 255


def resample_box(
    image: Floats, box: tuple[float, float, float, float], height: int, width: int, *, cubic: bool
) -> Floats:
    """Resample a box of an image, antialiased when downscaling.

    Args:
        image: (H, W, C), float32.
        box: left, top, right and bottom in pixels, inside the image.
        height: height of the result.
        width: width of the result.
        cubic: whether to use a cubic filter, that of MATLAB's `imresize`, which makes the LR images
            of the usual benchmarks; otherwise Lanczos with 3 lobes, which the upscaler uses too.

    Returns:
        (height, width, C), float32, not clipped.
    """
    resampling = Image.Resampling.BICUBIC if cubic else Image.Resampling.LANCZOS
    planes: list[Floats] = []
    for channel in range(image.shape[2]):
        plane = Image.fromarray(np.ascontiguousarray(image[..., channel]))
        planes.append(np.asarray(plane.resize((width, height), resampling, box)))
    return np.stack(planes, axis=-1)


def match_colours(face: Floats, main: Floats, radius: float) -> Floats:
    """Give a face the colours of the main model's result, by its low frequencies.

    Args:
        face: (h, w, C), float32.
        main: the main model's result at the face, same shape.
        radius: standard deviation of the Gaussian low-pass filter, in pixels.

    Returns:
        Same shape, float32, not clipped.
    """
    difference = np.ascontiguousarray(main - face)
    blurred: Floats = import_opencv().GaussianBlur(difference, (0, 0), radius)
    return np.asarray(face + blurred.reshape(face.shape), np.float32)


def blend(face: Floats, main: Floats, weight: Floats) -> Floats:
    """Return weight * face + (1 - weight) * main.

    Args:
        face: (h, w, C), float32.
        main: the main model's result at the face, same shape.
        weight: (h, w), 0 to 1.
    """
    return np.asarray(main + weight[..., np.newaxis] * (face - main), np.float32)


def fidelity_psnr(result: Floats, box: tuple[float, float, float, float], low_res: Floats) -> float:
    """Measure how well a part of a result, downscaled, agrees with the input.

    Args:
        result: (H, W, C), float32 in [0, 1].
        box: the part of `result` that shows `low_res`: left, top, right, bottom in pixels.
        low_res: the input at the face, (h, w, C), float32 in [0, 1].

    Returns:
        PSNR of the luma (Y) in dB; infinite if both are equal.
    """
    height, width = low_res.shape[:2]
    downscaled = resample_box(_luma(result), box, height, width, cubic=True)
    error = (np.clip(downscaled, 0, 1) - _luma(low_res)) * _STUDIO_RANGE
    mean_square = float(np.mean(np.square(error, dtype=np.float64)))
    return float("inf") if mean_square == 0 else -10 * float(np.log10(mean_square))


def _luma(pixels: Floats) -> Floats:
    """Return the luma (h, w, 1) of RGB pixels (h, w, 3); grey is returned as it is."""
    return pixels if pixels.shape[2] == 1 else (pixels @ _LUMA)[..., np.newaxis]
