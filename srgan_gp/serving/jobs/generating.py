"""Runs a `GenerateRequest`; the file is byte-identical to that of `srgan-gp generate`."""

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
    FaceRequest,
    request_animation,
    request_faces,
    request_sheet,
)
from srgan_gp.images import FORMATS, Picture, find_format, write_image
from srgan_gp.models.cards import MAX_TRUNCATION
from srgan_gp.serving.jobs.job_cancellation import Cancellation
from srgan_gp.serving.jobs.job_requests import GenerateRequest, Result
from srgan_gp.serving.jobs.loaded_models import LoadedModels, default_face_model
from srgan_gp.serving.jobs.upscaling import media_type

MAX_FACES = 64
MAX_FRAMES = 120
DEFAULT_FRAMES = 60
MAX_SEED = 2**32 - 1
"""Limits of a request; those of `srgan-gp generate` are higher."""
_WEBM = "video/webm"


def generate(
    request: GenerateRequest, folder: Path, models: LoadedModels, cancellation: Cancellation
) -> Result:
    """Generate faces and write their files.

    Args:
        request: request of the client.
        folder: directory for the files; created if missing.
        models: loads the generator.
        cancellation: cancellation of the job.

    Raises:
        UsageError: a value of the request is invalid, or no face model is installed.
        Cancelled: the job was cancelled.
        SrganGpError: the model, the device or the disk failed.
    """
    _check(request)
    model = default_face_model(request.model)
    face_request = _face_request(request, folder)
    with models.faces(model, cancellation) as generator:
        started = time.monotonic()
        face_request.check(generator.image_size, may_replace=False)
        folder.mkdir(parents=True, exist_ok=True)
        faces = generate_faces(
            face_request, generator, upscaler=None, truncation=request.truncation
        )
        xmp = face_xmp(generator)
        parts = _Parts(folder if face_request.grid else None, request.seed, xmp)
        faces = parts.write_each(_with_progress(faces, face_request.count, cancellation))
        warnings = write_faces(face_request, faces, xmp)
        about = {
            "model": model,
            "device": generator.device,
            "truncation": (
                generator.default_truncation if request.truncation is None else request.truncation
            ),
            "side": generator.image_size,
            "seconds": time.monotonic() - started,
            "warnings": list(warnings),
        }
    [path] = face_request.files  # one image, one sheet or one animation
    kind = _WEBM if path.suffix == ".webm" else media_type(path.suffix)
    report = about | _facts(face_request, path, generator.image_size)
    return Result(path, kind, path.name, report, parts=tuple(parts.files))


def _facts(face_request: FaceRequest, path: Path, side: int) -> dict[str, Any]:
    """Describe the file, where possible with the keys of an upscale report."""
    return {
        "seeds": list(face_request.seeds),
        "frames": face_request.frames,
        "grid": face_request.grid,
        "result_size": tuple(side * count for count in face_request.grid or (1, 1)),
        "format": "WEBM" if path.suffix == ".webm" else find_format(path.suffix),
        "bytes": path.stat().st_size,
    }


class _Parts:
    """Writes each face of a grid as a separate PNG file too.

    Args:
        folder: directory of the files; None: write none.
        first_seed: seed of the first face; the next ones follow.
        xmp: metadata of the files.
    """

    def __init__(self, folder: Path | None, first_seed: int, xmp: bytes) -> None:
        self._folder, self._seed, self._xmp = folder, first_seed, xmp
        self.files: list[Path] = []

    def write_each(self, faces: Iterator[NDArray[Any]]) -> Iterator[NDArray[Any]]:
        """Yield the faces, (S, S, 3), uint8 RGB, and write each before it is yielded."""
        for number, face in enumerate(faces):
            if self._folder is not None:
                self.files.append(self._folder / f"seed{self._seed + number:04}.png")
                write_image(Picture(face, xmp=self._xmp), self.files[-1])
            yield face


def _with_progress(
    faces: Iterator[NDArray[Any]], total: int, cancellation: Cancellation
) -> Iterator[NDArray[Any]]:
    for done, face in enumerate(faces, start=1):
        cancellation.report(done, total)
        yield face


def _check(request: GenerateRequest) -> None:
    """Check the values that the generator accepts but a server must limit.

    Raises:
        UsageError: a value is out of range, or the format is not one of an animation.
    """
    for seed in (request.seed, request.to_seed or 0):
        if not 0 <= seed <= MAX_SEED:
            raise UsageError(f"A seed must be from 0 to {MAX_SEED}, not {seed}.")
    # The generator refuses a truncation that is negative or not a number.
    if request.truncation is not None and request.truncation > MAX_TRUNCATION:
        raise UsageError(
            f"The truncation must be {MAX_TRUNCATION} at most, not {request.truncation:g}."
        )
    if request.to_seed is not None and request.count != 1:
        raise UsageError(f"An animation shows one face, not {request.count}. Omit the count.")
    if not 1 <= request.count <= MAX_FACES:
        raise UsageError(f"The count must be from 1 to {MAX_FACES}, not {request.count}.")
    if request.to_seed is not None and f".{request.format or 'webp'}" not in ANIMATION_SUFFIXES:
        known = ", ".join(suffix.removeprefix(".") for suffix in ANIMATION_SUFFIXES)
        raise UsageError(
            f"The format of an animation must be one of {known}, not {request.format}."
        )
    if request.frames is None:
        return
    if request.to_seed is None:
        raise UsageError("The number of frames needs `to_seed`, the last face of an animation.")
    if not 2 <= request.frames <= MAX_FRAMES:
        raise UsageError(
            f"The number of frames must be from 2 to {MAX_FRAMES}, not {request.frames}."
        )


def _face_request(request: GenerateRequest, folder: Path) -> FaceRequest:
    """Choose the output: one face, a grid as square as its count allows, or an animation."""
    first, count = request.seed, request.count
    if request.to_seed is not None:
        frames = DEFAULT_FRAMES if request.frames is None else request.frames
        name = f"seed{first:04}-{request.to_seed:04}.{request.format or 'webp'}"
        return request_animation((first, request.to_seed), frames, folder / name)
    suffix = FORMATS[find_format(request.format or "png")].suffixes[0]
    if count == 1:
        return request_faces([first], folder / f"seed{first:04}{suffix}")
    rows = next(n for n in range(math.isqrt(count), 0, -1) if count % n == 0)
    name = f"seeds{first:04}-{first + count - 1:04}{suffix}"
    return request_sheet(range(first, first + count), (count // rows, rows), folder / name)
