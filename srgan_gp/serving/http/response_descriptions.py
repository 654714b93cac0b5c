"""Descriptions of HTTP responses, for the OpenAPI schema and the documentation page."""

from typing import Any

from pydantic import BaseModel

from srgan_gp.serving.http.answer_schemas import (
    JobAnswer,
    JobList,
    ModelList,
    ModelSpeed,
    Problem,
    Removed,
)

REPORT_HEADER = "X-Report"
"""Response header with the report of the job: one JSON object in ASCII."""

Responses = dict[int | str, dict[str, Any]]
"""Argument `responses` of FastAPI's route decorators: descriptions by HTTP status, and one by the
word "default", for all other statuses."""

_ERROR_DESCRIPTIONS: dict[int, str] = {
    400: "A value is invalid.",
    403: "The Origin header is missing or of another server.",
    404: "This client has no such job.",
    409: "The job is not done, or was cancelled.",
    410: "The job has been removed or has expired.",
    413: "The upload is too large.",
    422: "The image cannot be used.",
    503: "The server is busy; see Retry-After.",
}


def _answer(model: type[BaseModel], description: str) -> Responses:
    """Return the description of a response in JSON."""
    return {200: {"model": model, "description": description}}


# Responses of routes that send JSON.
MODELS = _answer(ModelList, "The models.")
SPEED = _answer(ModelSpeed, "The speed.")
JOBS = _answer(JobList, "The jobs.")
JOB = _answer(JobAnswer, "The job.")
REMOVED = _answer(Removed, "The number of removed jobs.")
FILE: Responses = {
    200: {
        "description": "The file.",
        "content": {"image/*": {"schema": {"type": "string", "format": "binary"}}},
        "headers": {
            REPORT_HEADER: {"description": "Report of the job; JSON.", "schema": {"type": "string"}}
        },
    }
}
"""Response of a route that sends the file of a job."""
ZIP: Responses = {
    200: {
        "description": "The zip file.",
        "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
    }
}
"""Response of a route that sends several files."""
PNG: Responses = {
    200: {
        "description": "The PNG file.",
        "content": {"image/png": {"schema": {"type": "string", "format": "binary"}}},
    }
}
"""Response of a route that sends a view of a result."""
EVENTS: Responses = {
    200: {
        "description": (
            "Server-sent events: `progress` for each change, and last `done` or `failed`. The data "
            "of each is the job, as JSON."
        ),
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}
"""Response of the route with the events of a job."""
ACCEPTED: Responses = {
    202: {
        "model": JobAnswer,
        "description": "With async=1: the job, as JSON, with the URLs of its routes.",
    }
}
"""Additional response of a route that creates a job."""


def problems(*statuses: int) -> Responses:
    """Return the descriptions of error responses: of these statuses, and of any other error.

    The entry "default" for other errors keeps FastAPI from adding a status 422 of its own.
    """
    descriptions: Responses = {}
    for status in statuses:
        descriptions[status] = {"model": Problem, "description": _ERROR_DESCRIPTIONS[status]}
    descriptions["default"] = {"model": Problem, "description": "Any other error."}
    return descriptions
