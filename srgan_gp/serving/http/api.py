"""HTTP API: a form in, a file out, the report in a header, errors as JSON."""

import asyncio
import json
from contextlib import suppress
from typing import Annotated, Any, Protocol

from fastapi import APIRouter, Depends, Request
from fastapi.responses import FileResponse
from pydantic import BaseModel
from starlette.background import BackgroundTask

from srgan_gp.serving.guards.client_limits import client_of
from srgan_gp.serving.http.forms import generate_request, only_fields_of, upscale_request
from srgan_gp.serving.jobs.job_requests import GenerateRequest, Result, UpscaleRequest

REPORT_HEADER = "X-Report"
"""What was done, as one JSON object of ASCII characters."""


class Job(Protocol):
    """A request that was taken."""

    async def result(self) -> Result:
        """Wait for the file."""
        ...

    def cancel(self) -> None:
        """End the job within one tile."""
        ...


class Service(Protocol):
    """Takes jobs; `srgan_gp.serving.jobs.service.Service` is one."""

    def submit(self, client: str, request: UpscaleRequest | GenerateRequest) -> Job:
        """Take a job, or refuse it at once."""
        ...


class Problem(BaseModel):
    """What comes back in place of a file: a stable code, such as `E_DAMAGED`, and a sentence."""

    code: str
    message: str


_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file.",
        "content": {"image/*": {"schema": {"type": "string", "format": "binary"}}},
        "headers": {
            REPORT_HEADER: {"description": "What was done; JSON.", "schema": {"type": "string"}}
        },
    },
    400: {"model": Problem, "description": "A value makes no sense."},
    413: {"model": Problem, "description": "The upload is too large."},
    422: {"model": Problem, "description": "The picture cannot be used."},
    503: {"model": Problem, "description": "Too much to do; Retry-After says when to ask again."},
    "default": {"model": Problem, "description": "Anything else that went wrong."},
}


def build_api(service: Service) -> APIRouter:
    """Make the routes below `/api`.

    Args:
        service: does the work.
    """
    router = APIRouter(prefix="/api", responses=_ANSWERS)

    @router.post(
        "/upscale",
        summary="Enlarge a picture",
        response_class=FileResponse,
        dependencies=[Depends(only_fields_of(upscale_request))],
    )
    async def upscale(  # type: ignore[reportUnusedFunction] - FastAPI calls it
        request: Request, wanted: Annotated[UpscaleRequest, Depends(upscale_request)]
    ) -> FileResponse:
        return await _answer(service, request, wanted)

    @router.post(
        "/generate",
        summary="Draw faces",
        response_class=FileResponse,
        dependencies=[Depends(only_fields_of(generate_request))],
    )
    async def generate(  # type: ignore[reportUnusedFunction] - FastAPI calls it
        request: Request, wanted: Annotated[GenerateRequest, Depends(generate_request)]
    ) -> FileResponse:
        return await _answer(service, request, wanted)

    return router


async def _answer(
    service: Service, request: Request, wanted: UpscaleRequest | GenerateRequest
) -> FileResponse:
    """Do the work and send the file, which is removed when it is on its way.

    Raises:
        SrganGpError: the work could not be done.
    """
    job = service.submit(client_of(request.scope), wanted)
    result = await _result_of(job, request)
    return FileResponse(
        result.path,
        media_type=result.media_type,
        filename=result.name,
        headers={REPORT_HEADER: json.dumps(result.report), "Cache-Control": "no-store"},
        background=BackgroundTask(_remove, result),
    )


async def _result_of(job: Job, request: Request) -> Result:
    """Wait for a job; when the client goes away before it is done, it is cancelled."""
    working = asyncio.ensure_future(job.result())
    leaving = asyncio.ensure_future(_until_the_client_leaves(request))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            job.cancel()
        return await working
    except asyncio.CancelledError:
        job.cancel()
        raise
    finally:
        leaving.cancel()


async def _until_the_client_leaves(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _remove(result: Result) -> None:
    """Remove the files of a result that was sent, and their folder if nothing else is in it."""
    with suppress(OSError):
        for path in (result.path, *(result.view or ()), *result.parts):
            path.unlink(missing_ok=True)
        result.path.parent.rmdir()
