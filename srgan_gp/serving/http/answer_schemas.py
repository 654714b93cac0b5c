"""Schemas of the JSON answers of the API, for its documentation only.

The answers are built as dictionaries, such as by `job_descriptions.describe`; a test compares them
with these classes.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel

from srgan_gp.serving.jobs.job_progress import Stage


class _Described(BaseModel):
    """Base class of the descriptions; their docstrings and comments are published."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class Problem(_Described):
    """Body of an error response: a stable code, such as `E_DAMAGED`, and a message."""

    code: str
    message: str


class JobUrls(_Described):
    """Paths of the routes of a job."""

    job: str
    events: str
    result: str
    cancel: str
    remove: str


class ViewerFacts(_Described):
    """Values for the viewer of the page."""

    size: tuple[int, int]
    """Width and height of the result in pixels."""
    levels: int
    """Number of zoom levels."""
    tile: int
    """Side of a tile in pixels."""
    detail: tuple[int, int]
    """Column and row in the result where the viewer starts."""


class _AnyJob(_Described):
    """Fields of a job in every state."""

    id: str
    """32 hexadecimal digits, by which its owner finds the job."""
    title: str
    """File name that the client sent, or the seeds of faces."""
    tab: str
    """Tab of the page that started the job; empty for a job of the API."""
    requested_model: str | None
    """Model that the client named; null: the server chooses it."""
    urls: JobUrls


class UnfinishedJob(_AnyJob):
    """A job that waits or is executed."""

    state: Stage
    percent: float | None
    """Share of the whole job that is done, 0 to 100; it never falls. null: unknown."""
    seconds_left: float | None
    """Estimated seconds until the whole job is done; null: unknown."""
    done: int
    """Tiles or faces that are done in this state."""
    total: int
    """Tiles or faces in this state in all; 0: unknown, or the state has no such steps."""
    ahead: int | None = None
    """Number of jobs before this one; only of a job that is queued."""


class DoneJob(_AnyJob):
    """A job with a result."""

    state: Literal["done"]
    percent: float
    """100."""
    seconds_left: float
    """0."""
    name: str
    """File name of the result."""
    media_type: str
    """Media type of the result, such as image/png."""
    report: dict[str, Any]
    """What was done: model, device, sizes, seconds, warnings; the header X-Report has the same."""
    expires_seconds: float
    """Seconds for which the result is still kept."""
    result: str
    """Path of the result, as in `urls`."""
    view: ViewerFacts | None
    """Values for the viewer of the page; null for a job of the API."""


class FailedJob(_AnyJob):
    """A job that failed or was cancelled; it has no result, and no name of one."""

    state: Literal["failed"]
    percent: float | None
    """Share that was done at the end, 0 to 100; null: unknown."""
    seconds_left: None
    error: Problem
    """E_CANCELLED is the code of a job that was cancelled."""


_Job = Annotated[UnfinishedJob | DoneJob | FailedJob, Field(discriminator="state")]


class JobAnswer(RootModel[_Job]):
    """A job; its fields depend on its state."""


class JobList(_Described):
    """The jobs of a browser, and limits of the server."""

    server: str
    """Random text that changes when the server is restarted, which ends all jobs."""
    max_upload_bytes: int
    """Largest size of a request in bytes."""
    max_pixels: int
    """Largest number of pixels of an image."""
    jobs: list[JobAnswer]
    """The oldest first."""


class Removed(_Described):
    """Answer to the removal of jobs."""

    removed: int
    """Number of removed jobs."""


class ModelAnswer(_Described):
    """A model. What its card does not state is left out."""

    name: str
    task: str
    """super-resolution or face-generation."""
    summary: str
    version: str
    licence: str
    scale: int | None = None
    """Scale factor of an upscaling model."""
    image_size: int | None = None
    """Height and width of a face in pixels, of a model that generates faces."""
    fidelity_partner: str | None = None
    """Model that `fidelity` and `look` mix with this one."""
    x2_model: str | None = None
    """Model for scales up to 2 in place of this one, if it is not named."""


class ModelList(_Described):
    """The models that clients can use."""

    models: list[ModelAnswer]


class ModelSpeed(_Described):
    """Speed of an upscaling model on this server."""

    name: str
    seconds_per_megapixel: float
    """Seconds per megapixel of the image, not of the result."""
