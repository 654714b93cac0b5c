"""Descriptions of the responses of each route, for the OpenAPI schema and the documentation."""

from typing import Any

from pydantic import BaseModel

REPORT_HEADER = "X-Report"
"""Response header with the report of the job: one JSON object in ASCII."""

Responses = dict[int | str, dict[str, Any]]


class Problem(BaseModel):
    """Body of an error response: a stable code, such as `E_DAMAGED`, and a message."""

    code: str
    message: str


_PROBLEMS: dict[int, str] = {
    400: "A value is invalid.",
    403: "The Origin header is missing or of another server.",
    404: "This client has no such job.",
    409: "The job is not done, or was cancelled.",
    410: "The job has been removed or has expired.",
    413: "The upload is too large.",
    422: "The image cannot be used.",
    503: "The server is busy; see Retry-After.",
}
FILE: Responses = {
    200: {
        "description": "The file.",
        "content": {"image/*": {"schema": {"type": "string", "format": "binary"}}},
        "headers": {
            REPORT_HEADER: {"description": "Report of the job; JSON.", "schema": {"type": "string"}}
        },
    }
}
ACCEPTED: Responses = {
    202: {"description": "With async=1: the job, as JSON, with the URLs of its routes."}
}


def problems(*statuses: int) -> Responses:
    """Describe the errors of a route: these statuses, and any other.

    With "default" in the schema FastAPI adds no 422 of its own.
    """
    described: Responses = {
        status: {"model": Problem, "description": _PROBLEMS[status]} for status in statuses
    }
    return described | {"default": {"model": Problem, "description": "Any other error."}}
