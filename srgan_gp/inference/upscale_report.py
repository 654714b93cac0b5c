"""`UpscaleReport`: device, precision, tiles and time of one call of an upscaler."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from srgan_gp.inference.face_enhancement.face_options import FaceResult


@dataclass(frozen=True)
class UpscaleReport:
    """How one image was upscaled."""

    model: str
    fidelity: float | None
    """Weight of the fidelity partner, 0 to 1; None where the model runs as it is."""
    provider: str
    """ONNX Runtime's execution provider."""
    device: str
    """`cpu` or `cuda:N`."""
    precision: str
    scale: float
    """Scale factor of the result."""
    network_scale: int
    """Scale factor of the network; the rest, up to `scale`, is Lanczos resampling."""
    tiles: int
    """Runs of the network, over colour and alpha."""
    window: tuple[int, int]
    """Height and width of the largest input of the network, in pixels."""
    seconds: float
    warnings: tuple[str, ...]
    faces: tuple[FaceResult, ...] | None = None
    """The faces that were found; None: none were looked for."""


def combine_reports(reports: Sequence[UpscaleReport]) -> UpscaleReport:
    """Combine the reports of the parts of one call: tiles and seconds are added up.

    Args:
        reports: one or more, of one model and scale.
    """
    faces = [report.faces for report in reports if report.faces is not None]
    return replace(
        reports[0],
        tiles=sum(report.tiles for report in reports),
        window=max((report.window for report in reports), key=math.prod),
        seconds=sum(report.seconds for report in reports),
        warnings=tuple(dict.fromkeys(text for report in reports for text in report.warnings)),
        faces=sum(faces, start=()) if faces else None,
    )
