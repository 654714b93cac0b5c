"""`UpscaleReport`: device, precision, tiles, time and warnings of one call of `Upscaler`."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from srgan_gp.inference.face_enhancement.face_options import FaceResult


@dataclass(frozen=True)
class UpscaleReport:
    """How the images of one call were upscaled.

    Attributes:
        model: name of the model, as `Upscaler.name`.
        fidelity: weight of the model's partner, which stays closer to the input, in an average of
            the two models, 0 to 1; None: the model runs alone.
        provider: ONNX Runtime's execution provider.
        device: `cpu` or `cuda:N`.
        precision: `float32`, `float16` or `int8`.
        scale: scale factor of the result.
        network_scale: scale factor of the network; the rest, up to `scale`, is Lanczos resampling.
        tiles: number of runs of the network, over colour and alpha of all images.
        window: height and width of the largest input of the network (a tile or the whole image),
            in pixels.
        seconds: time of the call without reading and writing files.
        warnings: one message for each property of an image that is not kept, and for other facts
            about the result, such as a scale above that of the network.
        faces: the faces that were found; None if faces were not detected.
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
    """Combine the reports of the batches of one call of `Upscaler.upscale`.

    Args:
        reports: one or more, of one model and scale.
        notes: messages about the inputs; they become the first warnings.

    Returns:
        A report with the sums of tiles and seconds, the largest window, the faces of all reports,
        and their warnings without repetition.
    """
    warnings, faces = list(notes), list[FaceResult]()
    for report in reports:
        warnings += report.warnings
        faces += report.faces or ()
    return replace(
        reports[0],
        tiles=sum(report.tiles for report in reports),
        window=max((report.window for report in reports), key=math.prod),
        seconds=sum(report.seconds for report in reports),
        warnings=tuple(dict.fromkeys(warnings)),
        faces=None if reports[0].faces is None else tuple(faces),
    )
