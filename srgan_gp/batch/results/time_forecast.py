"""Forecast of the duration of a run, which `upscale --dry-run` prints.

The model upscales a small image as a trial, and its time for a pixel is multiplied by the pixels of
the inputs.
"""

from srgan_gp.inference.speed_trial import measure_seconds_per_pixel
from srgan_gp.inference.upscaler import Upscaler

_CPU_SIDE = 192
"""Side in pixels of the square image that is upscaled as a trial on a CPU. In a smaller one, the
time that does not depend on the size has too much weight; a larger one delays the forecast."""
_GPU_SIDE = 1024
"""The side on a GPU, which reaches its full speed only in large images."""


def run_seconds(upscaler: Upscaler, pixels: int) -> float:
    """Estimate the seconds that the network takes for a number of input pixels, by a short trial.

    Reading and writing overlap with the network and are not counted. Also not counted are face
    enhancement, and the second run of the network for an alpha channel that varies.

    Args:
        upscaler: the model.
        pixels: number of pixels of all inputs.

    Raises:
        SrganGpError: as for `Upscaler.upscale`.
    """
    side = _CPU_SIDE if upscaler.device == "cpu" else _GPU_SIDE
    return pixels * measure_seconds_per_pixel(upscaler, side)


def duration_text(seconds: float) -> str:
    """Return a rough duration in words: in seconds up to 1.5 minutes, in minutes up to 1.5 hours.

    >>> [duration_text(seconds) for seconds in (0.2, 44, 80, 530, 7300)]
    ['about 1 second', 'about 44 seconds', 'about 80 seconds', 'about 9 minutes', 'about 2.0 hours']
    """
    if seconds < 90:
        count = max(round(seconds), 1)
        return f"about {count} {'second' if count == 1 else 'seconds'}"
    if seconds < 5400:
        return f"about {round(seconds / 60)} minutes"
    return f"about {seconds / 3600:.1f} hours"
