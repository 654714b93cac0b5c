"""Execution of an `UpscaleRequest` whose image is decoded: network, result file and report.

The file is byte-identical to the one that `srgan-gp upscale` writes, because the command also
upscales and encodes with `batch.one_image`. A requested region is upscaled with a margin around it,
together the outer region. The margin is then cropped off. Without a requested region, both regions
are the whole image.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

from srgan_gp.batch import one_image
from srgan_gp.batch.engines.engine_interface import UpscaleSettings
from srgan_gp.batch.naming.plan import UpscaleJob
from srgan_gp.batch.naming.result_format import check_result_size, chosen_target
from srgan_gp.images import Picture, find_format
from srgan_gp.inference.face_enhancement.face_options import count_faces
from srgan_gp.inference.upscaler import Upscaler
from srgan_gp.serving.jobs.job_cancellation import Cancellation
from srgan_gp.serving.jobs.job_requests import Result, UpscaleRequest
from srgan_gp.serving.jobs.loaded_models import LoadedModels
from srgan_gp.serving.jobs.model_speeds import ModelSpeeds, choose_tile_limit
from srgan_gp.serving.jobs.regions import add_margin, crop, region_in_result, region_of
from srgan_gp.serving.jobs.scale_limits import check_scale
from srgan_gp.serving.results.download_names import result_naming, safe_name
from srgan_gp.serving.results.image_views import write_view
from srgan_gp.system.files import commit

_MEASURED_PIXELS = 250_000
"""Input pixels from which on a model of unknown speed is measured before the job, because without a
speed there is no progress before the first tile. The measurement (`ModelSpeeds.measure`) computes 7
percent of this number of pixels; for smaller images it would delay the result noticeably."""


def upscale(
    request: UpscaleRequest,
    model: str,
    picture: Picture,
    folder: Path,
    models: LoadedModels,
    cancellation: Cancellation,
    *,
    max_pixels: int,
    speeds: ModelSpeeds,
) -> Result:
    """Upscale a decoded image and write the result.

    Args:
        request: validated by `check_upscale`.
        model: name of the model, which replaces `request.model`.
        picture: decoded image of the request.
        folder: directory for the files; created if missing.
        models: loads the upscaler.
        cancellation: cancels the job, and gets its progress.
        max_pixels: largest input in pixels; the limits of a result follow from it.
        speeds: measured speeds of the models, to which this job adds its own.

    Returns:
        The result. Its report has the keys `model`, `fidelity`, `scale`, `format`, `bytes` (size of
        the file), the fields of `batch.engines.engine_interface.Facts`, `region` for a region, and
        `faces`, a text with numbers of faces, if faces were enhanced.

    Raises:
        PictureError: the result cannot be computed, or would be too large.
        UsageError: a value of the request is invalid.
        Cancelled: the job was cancelled.
        SrganGpError: the model, the device or the disk failed.
    """
    region = region_of(picture, request.region)
    outer_region = region if request.region is None else add_margin(picture, region)
    original = crop(picture, region)
    speed_key = _speed_key(model, request.precision)
    # Waits for the device, which one job uses at a time.
    with models.upscaler(
        model, request.fidelity, cancellation, request.precision, request.faces
    ) as upscaler:
        settings = _settings(request, picture.width, upscaler.scale, max_pixels)
        scale = settings.scale or upscaler.scale
        check_scale(request, picture, outer_region, scale, upscaler.scale, max_pixels)
        decoded = _plan_result(request, model, original, scale, folder, max_pixels)
        _left, _top, width, height = outer_region
        input_pixels = width * height  # the network computes the margin too
        speed = speeds.get(speed_key)  # seconds per megapixel of input
        if speed is None and input_pixels >= _MEASURED_PIXELS:
            with cancellation.interrupting(upscaler.cancel):
                speed = speeds.measure(speed_key, upscaler)
        if settings.tile == "auto" and upscaler.device == "cpu":
            # Tiles of a few seconds at most, so that the progress moves.
            settings = replace(settings, tile=choose_tile_limit(speed))
        running_seconds = None if speed is None else speed * input_pixels / 1e6
        # The key of `speeds.writing`: with tiles for the viewer of the page, writing takes longer.
        writing_key = decoded.target.suffix + (" with view" if request.needs_viewer_tiles else "")
        writing_pixels = round(original.width * scale) * round(original.height * scale)
        writing_seconds = speeds.writing.expected_seconds(writing_key, writing_pixels)
        cancellation.begin_stage("running", running_seconds, writing_seconds)
        # Name and size of the result, planned above, are those of the region. The network gets the
        # margin too.
        decoded = replace(decoded, content=crop(picture, outer_region))
        upscaled = _upscale(decoded, upscaler, settings, cancellation)
    speeds.record(speed_key, input_pixels, upscaled.report.seconds)
    result = crop(upscaled.picture, region_in_result(region, outer_region, upscaled.picture))
    upscaled = replace(upscaled, picture=result)
    cancellation.begin_stage("encoding", writing_seconds)
    with speeds.writing.measured(writing_key, writing_pixels):
        written = one_image.encode(upscaled, settings, cancellation.raise_if_cancelled)
        # `encode` sets both, or raises.
        assert written.staged is not None and written.facts is not None
        commit(written.staged)
        view = write_view(original, result, folder) if request.needs_viewer_tiles else None
    path = written.staged.target
    report: dict[str, Any] = {
        "model": model,
        "fidelity": request.fidelity,
        "scale": upscaled.report.scale,
    }
    report |= vars(written.facts)  # the names of its fields are keys that the API and the page use
    report["warnings"] += _format_notes(request.format, picture, path)
    faces = report.pop("faces")
    if faces is not None:  # the API sends reports in a header, which could not hold a long list
        report["faces"] = count_faces(faces)
    if request.region is not None:
        report["region"] = region
    report |= {"format": find_format(path.suffix), "bytes": path.stat().st_size}
    return Result(path, media_type(path.suffix), path.name, report, view)


def media_type(suffix: str) -> str:
    """Return the media type of an image file by its suffix.

    >>> media_type(".jpg")
    'image/jpeg'
    """
    return f"image/{find_format(suffix).lower()}"


def _settings(
    request: UpscaleRequest, image_width: int, model_scale: int, max_pixels: int
) -> UpscaleSettings:
    """Convert a request to the settings of a batch run.

    Args:
        request: request of the client.
        image_width: width of the whole image in pixels.
        model_scale: scale of the model; for this scale the settings have None, as on the command
            line.
        max_pixels: largest input in pixels.
    """
    scale = request.result_scale(image_width)
    return UpscaleSettings(
        scale=None if scale == model_scale else scale,
        tile=request.tile,
        quality=request.quality,
        max_pixels=max_pixels,
        strip_metadata=request.strip_metadata,
    )


def _speed_key(model: str, precision: str) -> str:
    """Return the key of a model in `ModelSpeeds`: its name, followed by ` int8` in int8.

    The other precisions of requests, `auto` and `float32`, are the same.
    """
    return f"{model} {precision}" if precision == "int8" else model


def _upscale(
    decoded: one_image.Decoded,
    upscaler: Upscaler,
    settings: UpscaleSettings,
    cancellation: Cancellation,
) -> one_image.Enlarged:
    """Upscale the image and its margin; a cancellation interrupts it.

    Raises:
        PictureError: a limit of an image.
        Cancelled: the job was cancelled.
    """
    assert isinstance(decoded.content, Picture)  # the decoder returns the first frame only
    with cancellation.interrupting(upscaler.cancel):
        upscaled = one_image.enlarge(decoded, upscaler, settings, cancellation.report)
    assert isinstance(upscaled, one_image.Enlarged)  # only an animation gives another class
    return upscaled


def _format_notes(format: str | None, picture: Picture, result: Path) -> tuple[str, ...]:
    """Return a note if the client chose no format and the result has another than the file."""
    found, written = picture.source_format, find_format(result.suffix)
    note = f"the format of the file is {found}, that of the result {written}, which loses nothing"
    return () if format is not None or found in (None, written) else (note,)


def _plan_result(
    request: UpscaleRequest,
    model: str,
    picture: Picture,
    scale: float,
    folder: Path,
    max_pixels: int,
) -> one_image.Decoded:
    """Choose the name of the result and check its size, as a batch run does; create the folder.

    Args:
        request: request of the client.
        model: name of the model.
        picture: the image or its region.
        scale: scale of the result.
        folder: directory for the result.
        max_pixels: largest input in pixels, from which the limit of a result follows.

    Returns:
        The input of `one_image.enlarge`: `picture`, with its job and the path of its result.

    Raises:
        PictureError: the result would be too large, or no format can store it.
        UsageError: the requested format is unknown.
    """
    source = folder / safe_name(request.name)  # does not exist: only its name is used
    naming = result_naming(request.format, model, scale, picture.source_format)
    name = naming.name(source)
    fallback = naming.fallback(name)  # for a result that the first format cannot store
    job = UpscaleJob(source, folder / name, folder / fallback if fallback else None)
    width, height = round(picture.width * scale), round(picture.height * scale)
    check_result_size(height, width, frames=1, max_pixels=max_pixels)
    target = chosen_target(job, picture, height, width)
    folder.mkdir(parents=True, exist_ok=True)
    input_size = (picture.width, picture.height)
    # The checksum is left empty, because only the journal of a batch run needs it.
    return one_image.Decoded(job, picture, input_size, target, input_sha256="")
