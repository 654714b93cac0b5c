"""Requests of clients for upscaled images and generated faces, and the results of their jobs.

The forms of the API and the options of the page are converted to these requests. `check_upscale`
validates an `UpscaleRequest`; `jobs.generating` validates a `GenerateRequest`.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from srgan_gp.errors import UsageError
from srgan_gp.images import find_format
from srgan_gp.models.cards import MAX_SCALE, scale_message
from srgan_gp.models.helper_networks import FACE_DETECTOR
from srgan_gp.models.looks import check_look
from srgan_gp.serving.results.image_views import ImageView

MIN_TILE, MAX_TILE = 16, 1024
"""Tile sizes that a client may request, in pixels. Smaller tiles would be nearly all overlap, which
is computed for each tile again; larger ones could exhaust the memory."""
MAX_WIDTH = 1_000_000
"""Largest width of a result in pixels. Absurd widths are refused before any computation; the limits
of the pixels of a result and of the sides that its format can store are far lower, and are checked
later."""

Region = tuple[int, int, int, int]
"""Left, top, width and height in pixels of the image as it is displayed, after EXIF rotation."""


@dataclass(frozen=True)
class UpscaleRequest:
    """One image to upscale; of an animation or a multi-page file the first frame or page."""

    data: bytes | Path
    """Content of the image file, or its path on the server."""
    name: str
    """File name given by the client; the name of the result is derived from it."""
    model: str | None = None
    """Name listed by `list_models`; None: `ServerSettings.model`. Never a path."""
    model_by_scale: bool = False
    """Whether, for scales up to 2, the `x2_model` of the card of `model` replaces `model`. Has no
    effect if `model` is None: the `x2_model` of the server's model is then used in any case."""
    fidelity: float | None = None
    """Weight of the model's fidelity partner, a second model whose results are closer to the input,
    from 0 to 1; None: the model alone."""
    look: str | None = None
    """Name for a value of `fidelity`, a key of `cards.LOOKS`; None: `fidelity` is used."""
    precision: str = "auto"
    """A precision of `Upscaler.load`: `auto` is float32, and `int8` is the fast mode."""
    faces: float | None = None
    """Strength of the face model in small faces, 0 to 1; None: no special treatment of faces."""
    scale: float | None = None
    """Scale factor of both sides; None: that of the model, unless `width` is given."""
    width: int | None = None
    """Width in pixels of the result, instead of `scale`; `result_scale` computes the scale. With a
    `region` it is the width that the whole image would have. None: determined by `scale`."""
    format: str | None = None
    """File format of the result, such as `png`; None: that of the suffix of `name`, or else of the
    input, if it can store the result."""
    quality: int | None = None
    """Quality of a lossy format, 1 to 100; None: the default of the format."""
    strip_metadata: bool = True
    """Whether EXIF, XMP and resolution of the input are omitted from the result."""
    tile: int | Literal["auto"] = "auto"
    """Side of a tile in input pixels, from `MIN_TILE` to `MAX_TILE`; `auto`: chosen by the
    available memory."""
    region: Region | int | None = None
    """Region to upscale, or the side in pixels of a square with many details; clipped to the image.
    None: the whole image."""
    needs_viewer_tiles: bool = False
    """Whether the tiles that the viewer of the page shows are written too."""

    def result_scale(self, image_width: int) -> float | None:
        """Return the scale factor of both sides of the result; None: that of the model.

        Args:
            image_width: width of the whole image in pixels, also for a region.
        """
        if self.width is None:
            return self.scale
        scale = self.width / image_width
        # A region is a preview. If the width makes the image smaller, the region is shown at scale
        # 1: below it, few pixels of the region would remain, or none. Preview and image are still
        # from the same model, since a card may name another model for all scales up to 2.
        return scale if self.region is None else max(scale, 1.0)


@dataclass(frozen=True)
class GenerateRequest:
    """Generated faces: one face, a grid of several, or an animation between two seeds."""

    seed: int = 0
    count: int = 1
    """Number of faces, with seeds from `seed` on; more than one give a grid."""
    truncation: float | None = None
    """Factor of the latents; below 1 faces vary less. None: the default of the model."""
    to_seed: int | None = None
    """Seed of the last face of an animation, which starts with `seed`; None: no animation."""
    frames: int | None = None
    """Number of frames of the animation; None: `face_requests.DEFAULT_FRAMES`."""
    model: str | None = None
    """Name listed by `list_models`; None: the first face model. Never a path."""
    format: str | None = None
    """File format, such as `png`; None: PNG for faces, WebP for an animation."""


@dataclass(frozen=True)
class Result:
    """Result file and report of a job."""

    path: Path
    """Result file, in the directory of the client; removed `ServerSettings.keep_seconds` after the
    job has ended."""
    media_type: str
    """Such as `image/png`."""
    name: str
    """File name for the download."""
    report: dict[str, Any] = field(default_factory=dict[str, Any])
    """JSON-serialisable facts; `jobs.upscaling` and `jobs.generating` document their keys."""
    view: ImageView | None = None
    """Tiles of result and input for the viewer; None: the request did not want them."""
    parts: tuple[Path, ...] = ()
    """Each face of a grid as a separate PNG file; empty for other results."""


def title_of(request: UpscaleRequest | GenerateRequest) -> str:
    """Return the title of a request in lists of jobs: a file name, or the seeds.

    >>> title_of(GenerateRequest(seed=7, count=3)), title_of(GenerateRequest(seed=7, to_seed=2))
    ('Seeds 7 to 9', 'Seed 7 to 2')
    """
    if isinstance(request, UpscaleRequest):
        return request.name
    if request.to_seed is not None:
        return f"Seed {request.seed} to {request.to_seed}"
    if request.count == 1:
        return f"Seed {request.seed}"
    return f"Seeds {request.seed} to {request.seed + request.count - 1}"


def check_upscale(request: UpscaleRequest) -> None:
    """Validate the values that can be checked without the model and the image.

    Raises:
        UsageError: a value is out of range, the format or the look is unknown, or scale and width,
            or look and fidelity, are both given.
    """
    if request.look is not None:
        check_look(request.look, request.fidelity)
    if request.scale is not None and request.width is not None:
        raise UsageError("Pass a scale or a width, not both.")
    if request.scale is not None and not 0 < request.scale <= MAX_SCALE:
        message = scale_message(f"{request.scale:g}")  # begins with a small letter
        raise UsageError(f"{message[0].upper()}{message[1:]}.")
    if request.width is not None and not 1 <= request.width <= MAX_WIDTH:
        raise UsageError(f"The width must be from 1 to {MAX_WIDTH:,} pixels, not {request.width}.")
    if request.faces is not None and not 0 <= request.faces <= 1:
        raise UsageError(f"The strength of faces must be from 0 to 1, not {request.faces:g}.")
    if request.faces is not None and FACE_DETECTOR.installed() is None:
        raise UsageError("This server has no face detector. Leave out faces.")
    if request.quality is not None and not 1 <= request.quality <= 100:
        raise UsageError(f"The quality must be from 1 to 100, not {request.quality}.")
    if request.format is not None:
        find_format(request.format)  # raises if it is unknown
    if request.tile != "auto" and not MIN_TILE <= request.tile <= MAX_TILE:
        raise UsageError(
            f"The tile size must be auto or from {MIN_TILE} to {MAX_TILE} pixels, "
            f"not {request.tile}."
        )
