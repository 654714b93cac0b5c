"""Runs an `UpscaleRequest` as a batch run does, so that both write the same bytes."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from srgan_gp.batch import one_image
from srgan_gp.batch.engines.engine_interface import UpscaleSettings as WorkSettings
from srgan_gp.batch.naming.plan import UpscaleJob as WorkJob
from srgan_gp.batch.naming.result_format import check_result_size, chosen_target
from srgan_gp.errors import PictureError
from srgan_gp.images import Picture, find_format
from srgan_gp.inference.upscaler import Upscaler
from srgan_gp.serving.jobs.comparison_images import write_views
from srgan_gp.serving.jobs.download_names import harmless, result_naming
from srgan_gp.serving.jobs.job_cancellation import Stopper
from srgan_gp.serving.jobs.job_requests import Result, UpscaleRequest
from srgan_gp.serving.jobs.loaded_models import LoadedModels
from srgan_gp.serving.jobs.regions import cut, enlarged_region, region_of, with_margin
from srgan_gp.system.files import commit

_COMMON_SCALE = 4
"""Of any picture that is allowed, whatever the model."""


def upscale(
    request: UpscaleRequest,
    model: str,
    picture: Picture,
    folder: Path,
    models: LoadedModels,
    stopper: Stopper,
    *,
    max_pixels: int,
) -> Result:
    """Enlarge a decoded picture into a file of the client's.

    Args:
        request: whose picture it is; checked.
        model: its name.
        picture: what was decoded.
        folder: for the files; it is made.
        models: gives the upscaler.
        stopper: of the job.
        max_pixels: as for `Settings`.

    Raises:
        PictureError: the result cannot be made, or would be too large.
        UsageError: a value of the request makes no sense.
        Cancelled: the job was cancelled.
        SrganGpError: the model, the device or the disk failed.
    """
    region = region_of(picture, request.region)
    wanted = cut(picture, region)
    around = region if request.region is None else with_margin(picture, region)
    with models.upscaler(model, request.fidelity, stopper) as upscaler:
        scale = _scale(request, wanted, upscaler)
        settings = WorkSettings(
            scale=scale,
            tile=request.tile,
            quality=request.quality,
            max_pixels=max_pixels,
            strip_metadata=request.strip_metadata,
        )
        decoded = _decoded(request, model, wanted, scale or upscaler.scale, folder, max_pixels)
        seen = cut(picture, around)
        _check_stretched(seen, scale or 0, upscaler.scale, max_pixels)
        with stopper.interrupting(upscaler.cancel):
            fed = replace(decoded, content=seen)
            enlarged = one_image.enlarge(fed, upscaler, settings, stopper.tell)
    assert isinstance(enlarged, one_image.Enlarged)  # an animation alone is encoded on the way
    stopper.check()
    result = cut(enlarged.picture, enlarged_region(region, around, enlarged.picture))
    enlarged = replace(enlarged, picture=result)
    written = one_image.encode(enlarged, settings, stopper.check)
    assert written.staged is not None and written.facts is not None  # there was no error
    commit(written.staged)
    view = write_views(wanted, result, folder) if request.wants_view else None
    path = written.staged.target
    report = _report(request, model, path, enlarged, vars(written.facts))
    return Result(path, media_type(path.suffix), path.name, report, view)


def media_type(suffix: str) -> str:
    """Give the media type of a picture by its suffix.

    >>> media_type(".jpg")
    'image/jpeg'
    """
    return f"image/{find_format(suffix).lower()}"


def _scale(request: UpscaleRequest, picture: Picture, upscaler: Upscaler) -> float | None:
    """None where the model's own is wanted, as on the command line."""
    scale = request.scale
    if request.width is not None:
        scale = request.width / picture.width
    return None if scale == upscaler.scale else scale


def _check_stretched(picture: Picture, scale: float, model_scale: int, max_pixels: int) -> None:
    """Refuse the work on many pixels that no picture of this size is worth.

    A result may be x4 of its picture, or as large as its model makes it; a larger scale may not
    make more than `max_pixels`. Without it a few pixels could keep the device for minutes.

    Raises:
        PictureError: E_TOO_MANY_PIXELS.
    """
    free = max(_COMMON_SCALE, model_scale)
    pixels = round(picture.width * scale) * round(picture.height * scale)
    if scale > free and pixels > max_pixels:
        raise PictureError(
            "E_TOO_MANY_PIXELS",
            f"beyond x{free} a result may have {max_pixels:,} pixels, and this one would take "
            f"{pixels:,}; choose a smaller scale",
        )


def _decoded(
    request: UpscaleRequest,
    model: str,
    picture: Picture,
    scale: float,
    folder: Path,
    max_pixels: int,
) -> one_image.Decoded:
    """Settle what the result is called and check its size, as a batch run does."""
    source = folder / harmless(request.name)
    naming = result_naming(request.format, model, scale)
    name = naming.name(source)
    fallback = naming.fallback(name)
    job = WorkJob(source, folder / name, folder / fallback if fallback else None)
    width, height = round(picture.width * scale), round(picture.height * scale)
    check_result_size(width, height, 1, max_pixels)
    target = chosen_target(job, picture, height, width)
    folder.mkdir(parents=True, exist_ok=True)
    return one_image.Decoded(job, picture, (picture.width, picture.height), target, "")


def _report(
    request: UpscaleRequest,
    model: str,
    path: Path,
    enlarged: one_image.Enlarged,
    facts: dict[str, Any],
) -> dict[str, Any]:
    about = {"model": model, "fidelity": request.fidelity, "scale": enlarged.report.scale}
    return about | facts | {"format": find_format(path.suffix), "bytes": path.stat().st_size}
