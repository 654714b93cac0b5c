"""Routes `/api/upscale`, `/api/generate` and `/api/models` of the HTTP API.

A request is a form. The response is the file, with the report of the job in a header. With
`?async=1` the response is a description of the job, and the routes of `serving.http.job_routes`
give its progress and its file.
"""

import asyncio
import json
from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import FileResponse, JSONResponse, Response
from starlette.background import BackgroundTask

from srgan_gp.models.cards import ModelCard
from srgan_gp.serving.guards.client_limits import client_of
from srgan_gp.serving.http.attachments import send_file
from srgan_gp.serving.http.forms import generate_request, only_fields_of, upscale_request
from srgan_gp.serving.http.job_descriptions import describe
from srgan_gp.serving.http.job_routes import owner_of
from srgan_gp.serving.http.response_descriptions import (
    ACCEPTED,
    FILE,
    MODELS,
    REPORT_HEADER,
    SPEED,
    problems,
)
from srgan_gp.serving.jobs.job import Job
from srgan_gp.serving.jobs.job_requests import GenerateRequest, Result, UpscaleRequest, title_of
from srgan_gp.serving.jobs.service import Service
from srgan_gp.serving.results.download_names import safe_name
from srgan_gp.serving.results.job_history import JobHistory

_JOB_RESPONSES = FILE | ACCEPTED | problems(400, 413, 422, 503)
"""Documented responses of the routes that create a job."""

_IsAsync = Annotated[
    bool,
    Query(
        alias="async",
        description="1: respond at once with the job, whose progress and result have own URLs.",
    ),
]


def build_api(service: Service, history: JobHistory) -> APIRouter:
    """Build the routes.

    Args:
        service: executes the jobs.
        history: submits the asynchronous jobs, and keeps their results.
    """
    # The nested functions have no docstrings: FastAPI would publish them in the schema.
    # `upscale_request` and `generate_request` convert the form to a request. `only_fields_of` also
    # refuses unknown and repeated fields, which FastAPI ignores.
    router = APIRouter(prefix="/api")

    @router.get("/models", summary="List the models", responses=MODELS | problems())
    async def models() -> JSONResponse:  # type: ignore[reportUnusedFunction] - FastAPI calls it
        cards = [*service.upscaling_models(), *service.face_models()]
        return JSONResponse({"models": [_about(card) for card in cards]})

    @router.get(
        "/models/{name}/speed",
        summary="Measured speed of an upscaling model",
        responses=SPEED | problems(),
    )
    # Not async: FastAPI calls it in a thread, since it may have to measure the speed.
    def speed(name: str) -> JSONResponse:  # type: ignore[reportUnusedFunction] - FastAPI calls it
        seconds = service.seconds_per_megapixel(name)
        return JSONResponse({"name": name, "seconds_per_megapixel": round(seconds, 3)})

    @router.post(
        "/upscale",
        summary="Upscale an image",
        response_class=FileResponse,
        responses=_JOB_RESPONSES,
        dependencies=[Depends(only_fields_of(upscale_request))],
    )
    async def upscale(  # type: ignore[reportUnusedFunction] - FastAPI calls it
        request: Request,
        job_request: Annotated[UpscaleRequest, Depends(upscale_request)],
        is_async: _IsAsync = False,
    ) -> Response:
        # In a thread, because the cards of the models are read.
        await asyncio.to_thread(service.check, job_request)
        if is_async:
            return _queue_job(history, request, job_request)
        return await _respond(service, request, job_request)

    @router.post(
        "/generate",
        summary="Generate faces",
        response_class=FileResponse,
        responses=_JOB_RESPONSES,
        dependencies=[Depends(only_fields_of(generate_request))],
    )
    async def generate(  # type: ignore[reportUnusedFunction] - FastAPI calls it
        request: Request,
        job_request: Annotated[GenerateRequest, Depends(generate_request)],
        is_async: _IsAsync = False,
    ) -> Response:
        # In a thread, because the cards of the models are read.
        await asyncio.to_thread(service.check, job_request)
        if is_async:
            return _queue_job(history, request, job_request)
        return await _respond(service, request, job_request)

    return router


def _about(card: ModelCard) -> dict[str, Any]:
    """Return the fields of a model card that clients need, without those that are None."""
    fields = {
        "name": card.name,
        "task": card.task,
        "summary": card.summary,
        "version": card.version,
        "licence": card.licence,
        "scale": card.scale,
        "image_size": card.image_size,
        "fidelity_partner": card.fidelity_partner,
        "x2_model": card.x2_model,
    }
    return {key: value for key, value in fields.items() if value is not None}


def _queue_job(
    history: JobHistory, request: Request, job_request: UpscaleRequest | GenerateRequest
) -> JSONResponse:
    """Queue a job and respond with its state and its URLs.

    The job belongs to the visitor (a browser with the page's cookie), or else to the address, by
    which later requests of the client find it.

    Raises:
        SrganGpError: the job was refused.
    """
    entry = history.submit(owner_of(request), job_request, title=safe_name(title_of(job_request)))
    description = describe(entry, history)
    return JSONResponse(description, 202, {"Location": description["urls"]["job"]})


async def _respond(
    service: Service, request: Request, job_request: UpscaleRequest | GenerateRequest
) -> FileResponse:
    """Wait for a job and respond with its file, which is removed after it was sent.

    No later request is about the job, so it belongs to the address, even of a visitor.

    Raises:
        SrganGpError: the job was refused or failed.
    """
    job = service.submit(client_of(request.scope), job_request)
    result = await _result_of(job, request)
    headers = {REPORT_HEADER: json.dumps(result.report), "Cache-Control": "no-store"}
    removal = BackgroundTask(_remove, result)
    return send_file(result.path, result.name, result.media_type, headers, removal)


async def _result_of(job: Job, request: Request) -> Result:
    """Wait for the result of a job, and cancel the job if the client disconnects first.

    Raises:
        SrganGpError: the job failed, or was cancelled.
    """
    job_result = asyncio.ensure_future(job.result())
    disconnect = asyncio.ensure_future(_wait_for_disconnect(request))
    try:
        await asyncio.wait((job_result, disconnect), return_when=asyncio.FIRST_COMPLETED)
        if not job_result.done():
            job.cancel()
        return await job_result
    except asyncio.CancelledError:  # the server ends the request
        job.cancel()
        raise
    finally:
        disconnect.cancel()


async def _wait_for_disconnect(request: Request) -> None:
    """Return when the client has disconnected; other messages are ignored."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _remove(result: Result) -> None:
    """Remove the files of a result that was sent, and their directory if it is empty."""
    with suppress(OSError):  # what remains is removed when it expires
        for path in (result.path, *result.parts):
            path.unlink(missing_ok=True)
        result.path.parent.rmdir()
