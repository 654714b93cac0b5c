"""Forms of the HTTP API: fields, descriptions and validation."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from inspect import signature
from typing import Annotated, Any, Literal

from fastapi import File, Form, Request, UploadFile
from pydantic.json_schema import SkipJsonSchema

from srgan_gp.errors import UsageError
from srgan_gp.serving.guards.multipart_limits import has_fields_alone, is_form
from srgan_gp.serving.jobs.generating import (
    LARGEST_SEED,
    LARGEST_TRUNCATION,
    MOST_FACES,
    MOST_FRAMES,
)
from srgan_gp.serving.jobs.job_requests import (
    LARGEST_SCALE,
    LARGEST_TILE,
    LARGEST_WIDTH,
    SMALLEST_TILE,
    GenerateRequest,
    UpscaleRequest,
)

_MOST_SHOWN = 40  # characters of what a client sent
_WANTED = {"float": "a number", "int": "a whole number", "bool": "true or false"}


def _field(description: str, **schema: float) -> Any:  # noqa: ANN401 - as `Form` itself
    """Describe a field; its range is for the documents, the service checks it in its own words."""
    return Form(description=description, json_schema_extra=dict(schema))


_Nothing = SkipJsonSchema[None]
"""A field that was left out; a form cannot send `null`, so the schema does not name it."""

_Picture = Annotated[UploadFile, File(description="The file; of several frames the first.")]
_Model = Annotated[str | _Nothing, _field("A name that `srgan-gp models` lists.")]
_Fidelity = Annotated[
    float | _Nothing, _field("From the model, 0, to its partner, 1.", minimum=0, maximum=1)
]
_Scale = Annotated[
    float | _Nothing,
    _field("Enlargement of both sides [the model's].", exclusiveMinimum=0, maximum=LARGEST_SCALE),
]
_Width = Annotated[
    int | _Nothing,
    _field("Of the result in pixels, in place of scale.", minimum=1, maximum=LARGEST_WIDTH),
]
_Format = Annotated[str | _Nothing, _field("Such as png [the picture's own].")]
_Quality = Annotated[int | _Nothing, _field("Of JPEG, WebP and AVIF [95].", minimum=1, maximum=100)]
_Metadata = Annotated[bool, _field("Keep EXIF, XMP and resolution.")]
_Tile = Annotated[
    int | Literal["auto"],
    _field("Side of the tiles in pixels, or auto.", minimum=SMALLEST_TILE, maximum=LARGEST_TILE),
]
_Seed = Annotated[
    int, _field("The face; a seed is always the same one.", minimum=0, maximum=LARGEST_SEED)
]
_Count = Annotated[
    int,
    _field("Faces of the seeds from `seed` on, on one sheet.", minimum=1, maximum=MOST_FACES),
]
_Truncation = Annotated[
    float, _field("Below 1 faces are more alike.", minimum=0, maximum=LARGEST_TRUNCATION)
]
_ToSeed = Annotated[
    int | _Nothing,
    _field("Draw an animation from `seed` to this one.", minimum=0, maximum=LARGEST_SEED),
]
_Frames = Annotated[int, _field("Of the animation.", minimum=2, maximum=MOST_FRAMES)]
_FacesFormat = Annotated[str | _Nothing, _field("Such as jpg [png; of an animation webp].")]


async def upscale_request(
    picture: _Picture,
    model: _Model = None,
    fidelity: _Fidelity = None,
    scale: _Scale = None,
    width: _Width = None,
    format: _Format = None,
    quality: _Quality = None,
    keep_metadata: _Metadata = False,
    tile: _Tile = "auto",
) -> UpscaleRequest:
    """Read the form of an enlargement; the service checks the values."""
    return UpscaleRequest(
        data=await picture.read(),
        name=picture.filename or "picture",
        model=model,
        fidelity=fidelity,
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
    truncation: _Truncation = 1.0,
    to_seed: _ToSeed = None,
    frames: _Frames = 60,
    model: _Model = None,
    format: _FacesFormat = None,
) -> GenerateRequest:
    """Read the form of an order of faces; the service checks the values."""
    return GenerateRequest(seed, count, truncation, to_seed, frames, model, format)


def only_fields_of(read: Callable[..., Any]) -> Callable[[Request], Awaitable[None]]:
    """Make a check that nothing comes with a request that would be ignored.

    Args:
        read: reads the form; its parameters are the fields.

    Returns:
        It raises UsageError for anything but a form, for values in the address, and for a field
        that is unknown or comes more than once.
    """
    known = tuple(signature(read).parameters)

    async def check(request: Request) -> None:
        kind = request.headers.get("content-type", "")
        if kind and not is_form(kind) and not has_fields_alone(kind):
            raise UsageError(f"Send the values as a form, not as {kind[:_MOST_SHOWN]}.")
        for name in request.query_params:
            raise UsageError(f"Send {name[:_MOST_SHOWN]!r} in the form, not in the address.")
        counts = Counter(name for name, _ in (await request.form()).multi_items())
        for name, count in counts.items():
            if name not in known:
                raise UsageError(
                    f"There is no field {name[:_MOST_SHOWN]!r}; the fields are {', '.join(known)}."
                )
            if count > 1:
                raise UsageError(f"The field {name} came {count} times; send it once.")

    return check


def message_for(error: Mapping[str, Any]) -> str:
    """Say what is wrong with a field, with its value.

    Args:
        error: what FastAPI found first.
    """
    field = (*error["loc"], "request")[1]  # after "body"
    if field == "picture":  # its own words name classes of the program
        return "picture: a file is needed."
    wanted = _WANTED.get(error["type"].partition("_")[0])
    if wanted is None:
        return f"{field}: {error['msg'].rstrip('.')}."
    choice = " or auto" if field == "tile" else ""
    return f"{field} must be {wanted}{choice}, not {str(error['input'])[:_MOST_SHOWN]!r}."
