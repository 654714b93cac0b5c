"""Forms of the HTTP API: their fields with descriptions, their validation, and error messages.

Ranges in the fields are for the documentation only: the service validates the values, those of the
page too. Where the schema has no default of a field, the description has the default in brackets.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from inspect import signature
from typing import Annotated, Any, Literal

from fastapi import File, Form, Request, UploadFile
from pydantic.json_schema import SkipJsonSchema

from srgan_gp.errors import UsageError
from srgan_gp.models.cards import MAX_SCALE, MAX_TRUNCATION
from srgan_gp.serving.guards.multipart_limits import NEEDS_FILE, is_multipart, is_urlencoded
from srgan_gp.serving.jobs.generating import MAX_FACES, MAX_FRAMES, MAX_SEED
from srgan_gp.serving.jobs.job_requests import (
    MAX_TILE,
    MAX_WIDTH,
    MIN_TILE,
    GenerateRequest,
    UpscaleRequest,
)

_MAX_QUOTED = 40
"""Characters of a client's text that an error message quotes: enough to recognise the value, and
few enough that the message stays readable."""
_TYPE_WORDS = {"float": "a number", "int": "a whole number", "bool": "true or false"}
"""Words for the type of a field, by the beginning of the name of a pydantic error, such as `int` of
`int_parsing`."""


def _field(description: str, **range_schema: float) -> Any:  # noqa: ANN401 - as `Form` itself
    """Declare a form field.

    Args:
        description: description for the schema.
        **range_schema: keywords of JSON schema, such as `minimum` and `maximum`.
    """
    return Form(description=description, json_schema_extra=dict(range_schema))


_Missing = SkipJsonSchema[None]
"""Type of an optional field that was not sent. A form cannot send `null`, so that the schema does
not mention it."""

_Image = Annotated[
    UploadFile,
    File(
        description="The image file. Of an animation or a multi-page image the first frame is used."
    ),
]
_MODEL = "Name of a model, as listed by `srgan-gp models`"
_UpscaleModel = Annotated[
    str | _Missing,
    _field(f"{_MODEL} [the server's default, which may be another model for scales up to 2]."),
]
_Model = Annotated[str | _Missing, _field(f"{_MODEL}.")]
_Fidelity = Annotated[
    float | _Missing,
    _field(
        "0 uses the model; 1 its partner, a model closer to the input; a value between them a mix "
        "of both.",
        minimum=0,
        maximum=1,
    ),
]
_Look = Annotated[
    Literal["faithful", "natural", "crisp"] | _Missing,
    _field("Name for a fidelity of 1, 0.5 or 0, instead of fidelity."),
]
_Precision = Annotated[
    Literal["auto", "float32", "int8"],
    _field("auto is float32. int8 is faster on a CPU; the model's card states the difference."),
]
_FaceStrength = Annotated[
    float | _Missing,
    _field(
        "Strength of the enhancement of small faces in photos [they are not enhanced].",
        minimum=0,
        maximum=1,
    ),
]
_Scale = Annotated[
    float | _Missing,
    _field("Scale factor of both sides [the model's].", exclusiveMinimum=0, maximum=MAX_SCALE),
]
_Width = Annotated[
    int | _Missing,
    _field("Width of the result in pixels, instead of scale.", minimum=1, maximum=MAX_WIDTH),
]
_Format = Annotated[
    str | _Missing,
    _field(
        "Format of the result, such as png [that of the file; PNG if that format cannot hold the "
        "result, or if the file name has the suffix of another format]."
    ),
]
_Quality = Annotated[
    int | _Missing, _field("Quality of JPEG, WebP and AVIF [95].", minimum=1, maximum=100)
]
_Metadata = Annotated[bool, _field("Keep EXIF, XMP and resolution.")]
_Tile = Annotated[
    int | Literal["auto"],
    _field("Tile size in pixels, or auto.", minimum=MIN_TILE, maximum=MAX_TILE),
]
_Seed = Annotated[int, _field("Seed of the face.", minimum=0, maximum=MAX_SEED)]
_Count = Annotated[
    int, _field("Number of faces, from `seed` on, in one grid.", minimum=1, maximum=MAX_FACES)
]
_Truncation = Annotated[
    float | _Missing,
    _field("Truncation; below 1 faces vary less [the model's].", minimum=0, maximum=MAX_TRUNCATION),
]
_ToSeed = Annotated[
    int | _Missing,
    _field("Generate an animation from `seed` to this seed.", minimum=0, maximum=MAX_SEED),
]
_Frames = Annotated[
    int | _Missing,
    _field("Number of frames of the animation to `to_seed` [60].", minimum=2, maximum=MAX_FRAMES),
]
_FacesFormat = Annotated[
    str | _Missing, _field("Format of the result, such as jpg [png; webp for an animation].")
]


async def upscale_request(
    picture: _Image,
    model: _UpscaleModel = None,
    fidelity: _Fidelity = None,
    look: _Look = None,
    precision: _Precision = "auto",
    faces: _FaceStrength = None,
    scale: _Scale = None,
    width: _Width = None,
    format: _Format = None,
    quality: _Quality = None,
    keep_metadata: _Metadata = False,
    tile: _Tile = "auto",
) -> UpscaleRequest:
    """Read the form of `/api/upscale`; `Service.check` validates the values."""
    return UpscaleRequest(
        data=await picture.read(),
        name=picture.filename or "picture",
        model=model,
        fidelity=fidelity,
        look=look,
        precision=precision,
        faces=faces,
        scale=scale,
        width=width,
        format=format,
        quality=quality,
        strip_metadata=not keep_metadata,
        tile=tile,
    )


async def generate_request(
    seed: _Seed = 0,
    count: _Count = 1,
    truncation: _Truncation = None,
    to_seed: _ToSeed = None,
    frames: _Frames = None,
    model: _Model = None,
    format: _FacesFormat = None,
) -> GenerateRequest:
    """Read the form of `/api/generate`; `Service.check` validates the values."""
    return GenerateRequest(
        seed=seed,
        count=count,
        truncation=truncation,
        to_seed=to_seed,
        frames=frames,
        model=model,
        format=format,
    )


def only_fields_of(read: Callable[..., Any]) -> Callable[[Request], Awaitable[None]]:
    """Build a FastAPI dependency that rejects input which would otherwise be ignored.

    Args:
        read: `upscale_request` or `generate_request`, whose parameters are the fields.

    Returns:
        Coroutine function that raises UsageError for a body that is not a form, for query
        parameters other than `async`, and for a field that is unknown or repeated.
    """
    known = tuple(signature(read).parameters)
    needs_file = "picture" in known

    async def check(request: Request) -> None:
        media_type = request.headers.get("content-type", "")  # empty for a request without a body
        if media_type and not is_multipart(media_type) and not is_urlencoded(media_type):
            advice = f" {NEEDS_FILE}" if needs_file else ""
            raise UsageError(f"The body must be a form, not {media_type[:_MAX_QUOTED]}.{advice}")
        for name in set(request.query_params) - {"async"}:
            raise UsageError(f"Send {name[:_MAX_QUOTED]!r} as a form field, not in the URL.")
        form = await request.form()
        counts = Counter(name for name, _value in form.multi_items())
        if needs_file and "picture" not in counts and is_urlencoded(media_type):
            # Such as `curl --data-binary @photo.jpg`, whose bytes were parsed as fields.
            raise UsageError(NEEDS_FILE)
        for name, count in counts.items():
            if name not in known:
                raise UsageError(
                    f"Unknown field {name[:_MAX_QUOTED]!r}. The fields are {', '.join(known)}."
                )
            if count > 1:
                raise UsageError(f"The field {name} was sent {count} times. Send it once.")

    return check


def message_for(error: Mapping[str, Any]) -> str:
    """Return the error message for an invalid field, with its value.

    Args:
        error: item of `RequestValidationError.errors()`, with the keys `loc` (location of the
            value), `type`, `msg` and `input` (the value).
    """
    # The location is ("body", field), or ("body",) for an error of the whole form.
    field = error["loc"][1] if len(error["loc"]) > 1 else "request"
    if field == "picture":  # FastAPI's own message would name internal classes
        value = error.get("input")
        if not isinstance(value, str) or not value:
            return NEEDS_FILE
        quoted = value[:_MAX_QUOTED]
        return (
            f"picture: a file is required, not the text {quoted!r}. With curl, write @ before the "
            f"name of the file: -F picture=@{quoted}."
        )
    error_prefix = error["type"].partition("_")[0]
    if error_prefix not in _TYPE_WORDS:
        return f"{field}: {error['msg'].rstrip('.')}."
    expected = _TYPE_WORDS[error_prefix]
    if field == "tile":
        expected += " or auto"
    return f"{field} must be {expected}, not {str(error['input'])[:_MAX_QUOTED]!r}."
