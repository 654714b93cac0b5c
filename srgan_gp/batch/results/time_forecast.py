"""Forecast of the duration of a run, from a timed trial and the pixels of the inputs."""

from srgan_gp.inference.speed_trial import measure_speed
from srgan_gp.inference.upscaler import Upscaler

_CPU_SIDE = 192
"""Side of the image of the trial on a CPU, in pixels."""
_GPU_SIDE = 1024
"""Likewise on a GPU, which is slow in small images."""


def run_seconds(upscaler: Upscaler, pixels: int) -> float:
    """Estimate the seconds in the network for a number of input pixels; takes a short trial.

    Transparency that varies takes as long again as colour, and `--faces` takes longer; neither is
    counted, nor are reading and writing, which overlap with the network.

    Raises:
        SrganGpError: as for `Upscaler.upscale`.
    """
    side = _CPU_SIDE if upscaler.device == "cpu" else _GPU_SIDE
    return pixels * measure_speed(upscaler, side)


def duration_text(seconds: float) -> str:
    """Return a rough duration in words.

    >>> [duration_text(seconds) for seconds in (0.2, 44, 80, 530, 7300)]
    ['about 1 second', 'about 44 seconds', 'about 80 seconds', 'about 9 minutes', 'about 2.0 hours']
    """
    if seconds < 90:
        count = max(round(seconds), 1)
        return f"about {count} {'second' if count == 1 else 'seconds'}"
    if seconds < 5400:
        return f"about {round(seconds / 60)} minutes"
    return f"about {seconds / 3600:.1f} hours"
