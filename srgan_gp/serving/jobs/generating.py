"""Execution of a `GenerateRequest`: faces from seeds, as a file.

The file is byte-identical to the one that `srgan-gp generate` writes.
"""

import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from srgan_gp.errors import UsageError
from srgan_gp.faces.face_files import generate_faces, write_faces
from srgan_gp.faces.face_metadata import face_xmp
from srgan_gp.faces.face_requests import (
    ANIMATION_SUFFIXES,
    DEFAULT_FRAMES,
    FaceRequest,
    request_animation,
    request_faces,
    request_sheet,
)
from srgan_gp.images import FORMATS, Picture, find_format, write_image
from srgan_gp.inference.latents import check_truncation
from srgan_gp.models.cards import MAX_TRUNCATION
from srgan_gp.serving.jobs.job_cancellation import Cancellation
from srgan_gp.serving.jobs.job_requests import GenerateRequest, Result
from srgan_gp.serving.jobs.loaded_models import LoadedModels, choose_face_model
from srgan_gp.serving.jobs.upscaling import media_type

MAX_FACES = 64
"""Largest number of faces of one request. With more, jobs of other clients would wait longer."""
MAX_FRAMES = 120
"""Largest number of frames of an animation, for the same reason; it lasts 4.8 seconds."""
MAX_SEED = 2**32 - 1
"""Largest seed of a request: four billion faces to choose from, and exact in JavaScript."""
_DEFAULT_ANIMATION_FORMAT = "webp"


def generate(
    request: GenerateRequest, folder: Path, models: LoadedModels, cancellation: Cancellation
) -> Result:
    """Generate faces and write their files.

    Args:
        request: request of the client.
        folder: directory for the files; created if missing.
        models: loads the generator.
        cancellation: cancellation of the job.

    Returns:
        The file, with a report of the keys `model`, `device`, `truncation`, `side` (of a face, in
        pixels), `seconds`, `warnings` and those of `_describe_file`.

    Raises:
        UsageError: a value of the request is invalid, or no face model is installed.
        Cancelled: the job was cancelled.
        SrganGpError: the model, the device or the disk failed.
    """
    check_generate(request)
    model = choose_face_model(request.model)
    face_request = _build_face_request(request, folder)
    with models.face_generator(model, cancellation) as generator:
        started = time.monotonic()
        # Limits the size of a grid. There is no file to replace: the folder is new.
        face_request.check_output(generator.image_size, may_replace=False)
        folder.mkdir(parents=True, exist_ok=True)
        faces = generate_faces(
            face_request, generator, upscaler=None, truncation=request.truncation
        )
        # The faces are generated lazily: `write_faces` takes one after the other. Each is reported
        # as a step and, if it is part of a grid, written by `face_files` first.
        faces = _with_progress(faces, face_request.count, cancellation)
        xmp = face_xmp(generator)
        face_files = _SeparateFaceFiles(folder, request.seed, xmp)
        if face_request.grid is not None:
            faces = face_files.write_each(faces)
        warnings = write_faces(face_request, faces, xmp)
        truncation = request.truncation
        if truncation is None:
            truncation = generator.default_truncation
        report = {
            "model": model,
            "device": generator.device,
            "truncation": truncation,
            "side": generator.image_size,
            "seconds": time.monotonic() - started,
            "warnings": list(warnings),
        }
    [path] = face_request.files  # one image, one sheet or one animation
    # WebM, a video, is not in the table of image formats that `media_type` uses.
    kind = "video/webm" if path.suffix == ".webm" else media_type(path.suffix)
    report |= _describe_file(face_request, path, generator.image_size)
    return Result(path, kind, path.name, report, parts=tuple(face_files.paths))


def _describe_file(face_request: FaceRequest, path: Path, side: int) -> dict[str, Any]:
    """Return the part of a report that describes the file.

    Where possible, its keys are those of an upscale report.

    Args:
        face_request: request that was executed.
        path: file that was written.
        side: width and height of a face in pixels.
    """
    columns, rows = face_request.grid or (1, 1)
    return {
        "seeds": list(face_request.seeds),
        "frames": face_request.frames,
        "grid": face_request.grid,
        "result_size": (columns * side, rows * side),
        "format": "WEBM" if path.suffix == ".webm" else find_format(path.suffix),
        "bytes": path.stat().st_size,
    }


class _SeparateFaceFiles:
    """Writes each face of a grid as a separate PNG file, in addition to the grid.

    Args:
        folder: directory of the files.
        first_seed: seed of the first face; each further face has the next seed.
        xmp: metadata of the files.
    """

    def __init__(self, folder: Path, first_seed: int, xmp: bytes) -> None:
        self._folder, self._first_seed, self._xmp = folder, first_seed, xmp
        self.paths: list[Path] = []
        """Files written so far."""

    def write_each(self, faces: Iterator[NDArray[Any]]) -> Iterator[NDArray[Any]]:
        """Yield the faces, (S, S, 3), uint8 RGB, and write each before it is yielded."""
        for seed, face in enumerate(faces, start=self._first_seed):
            path = self._folder / f"seed{seed:04}.png"
            write_image(Picture(face, xmp=self._xmp), path)
            self.paths.append(path)
            yield face


def _with_progress(
    faces: Iterator[NDArray[Any]], total: int, cancellation: Cancellation
) -> Iterator[NDArray[Any]]:
    """Yield the faces, and report each as a completed step; raises if the job was cancelled."""
    for done, face in enumerate(faces, start=1):
        cancellation.report(done, total)
        yield face


def check_generate(request: GenerateRequest) -> None:
    """Check the values that need no model: ranges, the format, and which go together.

    Raises:
        UsageError: a value is out of range, the format is unknown or not one of an animation, or
            two values contradict each other.
    """
    _check_seeds(request)
    if request.truncation is not None:
        if request.truncation > MAX_TRUNCATION:  # Python callers have no upper limit
            raise UsageError(
                f"The truncation must be {MAX_TRUNCATION} at most, not {request.truncation:g}."
            )
        check_truncation(request.truncation)  # finite, and 0 or more
    _check_frames(request)
    _build_face_request(request, Path())  # raises if the format is unknown


def _check_seeds(request: GenerateRequest) -> None:
    """Check the seeds, also the last one of several faces, and the number of faces."""
    seeds = [request.seed] if request.to_seed is None else [request.seed, request.to_seed]
    for seed in seeds:
        if not 0 <= seed <= MAX_SEED:
            raise UsageError(f"A seed must be from 0 to {MAX_SEED}, not {seed}.")
    if request.to_seed is not None and request.count != 1:
        raise UsageError(f"An animation shows one face, not {request.count}. Omit the count.")
    if not 1 <= request.count <= MAX_FACES:
        raise UsageError(f"The count must be from 1 to {MAX_FACES}, not {request.count}.")
    if request.seed + request.count - 1 > MAX_SEED:
        raise UsageError(
            f"{request.count} faces from the seed {request.seed} go beyond the last seed, "
            f"{MAX_SEED}. Choose a smaller seed or count."
        )


def _check_frames(request: GenerateRequest) -> None:
    """Check format and number of frames of an animation, and that other images have no frames."""
    if request.to_seed is not None and request.format:  # else the default format
        known = [suffix.removeprefix(".") for suffix in ANIMATION_SUFFIXES]
        if request.format not in known:
            raise UsageError(
                f"The format of an animation must be one of {', '.join(known)}, not "
                f"{request.format}."
            )
    if request.frames is None:
        return
    if request.to_seed is None:
        raise UsageError("The number of frames needs `to_seed`, the last face of an animation.")
    if not 2 <= request.frames <= MAX_FRAMES:
        raise UsageError(
            f"The number of frames must be from 2 to {MAX_FRAMES}, not {request.frames}."
        )


def _build_face_request(request: GenerateRequest, folder: Path) -> FaceRequest:
    """Choose the output: one face, a grid, or an animation; and the name of its file."""
    first, count = request.seed, request.count
    if request.to_seed is not None:
        frames = DEFAULT_FRAMES if request.frames is None else request.frames
        suffix = f".{request.format or _DEFAULT_ANIMATION_FORMAT}"
        name = f"seed{first:04}-{request.to_seed:04}{suffix}"
        return request_animation((first, request.to_seed), frames, folder / name)
    suffix = FORMATS[find_format(request.format or "png")].suffixes[0]
    if count == 1:
        return request_faces([first], folder / f"seed{first:04}{suffix}")
    # The grid is as square as possible without an empty cell: its number of rows is the largest
    # divisor of the count up to the square root.
    rows = math.isqrt(count)
    while count % rows != 0:
        rows -= 1
    columns = count // rows
    name = f"seeds{first:04}-{first + count - 1:04}{suffix}"
    return request_sheet(range(first, first + count), (columns, rows), folder / name)
