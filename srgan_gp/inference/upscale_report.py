"""`UpscaleReport`: device, precision, tiles and time of one call of an upscaler."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from srgan_gp.inference.face_enhancement.face_options import FaceResult


@dataclass(frozen=True)
class UpscaleReport:
    """How the images of one call were upscaled.

    Attributes:
        model: name of the model; for an average of two, both names and the fidelity.
        fidelity: weight of the fidelity partner, 0 to 1; None where the model runs as it is.
        provider: ONNX Runtime's execution provider.
        device: `cpu` or `cuda:N`.
        precision: `float32`, `float16` or `int8`.
        scale: scale factor of the result.
        network_scale: scale factor of the network; the rest, up to `scale`, is Lanczos resampling.
        tiles: number of runs of the network, over colour and alpha of all images.
        window: height and width of the largest input of the network, in pixels.
        seconds: time of the call without reading and writing files.
        warnings: one sentence for each content of an image that is not kept, and for what else a
            user should know, such as a scale above that of the network.
        faces: the faces that were found; None: none were looked for.
    """

    model: str
    fidelity: float | None
    provider: str
    device: str
    precision: str
    scale: float
    network_scale: int
    tiles: int
    window: tuple[int, int]
    seconds: float
    warnings: tuple[str, ...]
    faces: tuple[FaceResult, ...] | None = None


def combine_reports(reports: Sequence[UpscaleReport], notes: Iterable[str] = ()) -> UpscaleReport:
    """Combine the reports of the parts of one call: tiles and seconds are added up.

    Args:
        reports: one or more, of one model and scale.
        notes: notes of the inputs; they become the first warnings.
    """
    warnings = (text for report in reports for text in report.warnings)
    faces = [report.faces for report in reports if report.faces is not None]
    return replace(
        reports[0],
        tiles=sum(report.tiles for report in reports),
        window=max((report.window for report in reports), key=math.prod),
        seconds=sum(report.seconds for report in reports),
        warnings=tuple(dict.fromkeys((*notes, *warnings))),
        faces=sum(faces, start=()) if faces else None,
    )
