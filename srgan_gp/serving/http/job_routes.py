"""Routes below `/api/jobs`: progress, result, cancellation and removal of the client's own jobs.

A client with the cookie of the page is a visitor; any other client is identified by its address.
The jobs of a client are entries of the `JobHistory`. An address may be shared by many. So a client
without a cookie can use a job only by its id, which is random, and cannot list, zip or clear jobs.
"""

import asyncio
import json
from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import FileResponse, JSONResponse, Response, StreamingResponse

from srgan_gp.errors import BusyError
from srgan_gp.serving.error_responses import Refusal
from srgan_gp.serving.guards.access_control import NO_JOB
from srgan_gp.serving.guards.client_limits import client_of
from srgan_gp.serving.http import response_descriptions as responses
from srgan_gp.serving.http.attachments import HeldStream, content_disposition, send_file
from srgan_gp.serving.http.job_descriptions import describe, events_of
from srgan_gp.serving.http.response_descriptions import REPORT_HEADER, problems
from srgan_gp.serving.jobs.job_requests import Result
from srgan_gp.serving.results.image_views import Layer, small_copy
from srgan_gp.serving.results.job_history import MAX_ENTRIES_PER_OWNER, HistoryEntry, JobHistory
from srgan_gp.serving.results.result_zip import zip_chunks

_NOT_STORED = {"Cache-Control": "no-store"}
_ZIP_NAME = "upscaled.zip"
_THUMBNAIL_SIDE = 192  # pixels: enough for the list of jobs, whose thumbnails are 110 pixels high


def build_job_routes() -> APIRouter:
    """Build the routes; the app has the `JobHistory` as `app.state.history`."""
    router = APIRouter(prefix="/api/jobs")
    # `get` and `post` return decorators, which are applied to the functions below.
    get, post = router.get, router.post
    # Error responses of a route about one job, and of a route that needs the job to be done.
    errors, errors_of_done = problems(404, 410), problems(404, 409, 410)
    check_origin = [Depends(_check_origin)]  # for every route that changes something
    png: Any = {"response_class": Response, "responses": responses.PNG | errors_of_done}
    jobs, changed_job = responses.JOBS | problems(), responses.JOB | problems(403, 404, 410)
    get("", summary="List the jobs of this browser, the oldest first", responses=jobs)(_list)
    post(
        "/clear",
        summary="Cancel and remove all jobs of this browser",
        dependencies=check_origin,
        responses=responses.REMOVED | problems(403),
    )(_clear)
    file: Any = {"response_class": StreamingResponse, "responses": responses.ZIP | errors}
    # Before `/{id}`, which would match its path too.
    get("/zip", summary="Zip file of results of this browser", **file)(_zip)
    get("/{id}", summary="State of a job", responses=responses.JOB | errors)(_show)
    events: Any = {"response_class": StreamingResponse, "responses": responses.EVENTS | errors}
    get("/{id}/events", summary="Server-sent events of a job", **events)(_events)
    get("/{id}/thumbnail", summary="Small copy of the result, as PNG", **png)(_thumbnail)
    tile = "/{id}/tiles/{layer}/{level}/{column}/{row}"
    get(tile, summary="Tile of the viewer, as PNG", **png)(_tile)
    get(
        "/{id}/result",
        summary="File of a finished job",
        response_class=FileResponse,
        responses=responses.FILE | errors_of_done,
    )(_result)
    router.head("/{id}/result", include_in_schema=False)(_result)
    cancel: Any = {"dependencies": check_origin, "responses": changed_job}
    post("/{id}/cancel", summary="Cancel a job", **cancel)(_cancel)
    remove: Any = {"dependencies": check_origin, "responses": changed_job | responses.REMOVED}
    post("/{id}/remove", summary="Remove a job and its files", **remove)(_remove)
    return router


def history_of(request: Request) -> JobHistory:
    """Return the history of the app, with the jobs of all clients."""
    return cast(JobHistory, request.app.state.history)


def own_entry(
    request: Request, id: Annotated[str, Path(description="Id of the job.")]
) -> HistoryEntry:
    """Return a job of the client that sent a request.

    Raises:
        Refusal: the client has no job of this id, or the job has expired.
    """
    history, owner = history_of(request), owner_of(request)
    entry = history.find(owner, id)
    if entry is not None:
        return entry
    if history.has_expired(owner, id):
        raise _expired("This result was removed or has expired.", history)
    raise Refusal(404, "E_NOT_FOUND", NO_JOB)


def _expired(message: str, history: JobHistory) -> Refusal:
    """Return the refusal of a job that is no longer kept."""
    minutes = history.service.settings.keep_seconds / 60
    return Refusal(410, "E_EXPIRED", f"{message} Results are kept for {minutes:g} min.")


OwnEntry = Annotated[HistoryEntry, Depends(own_entry)]
"""Parameter of a route: the client's job with the id of the path."""

# FastAPI publishes docstrings, so the routes have none. It runs routes without `async` in threads.


async def _list(request: Request) -> JSONResponse:
    history = history_of(request)
    jobs = [describe(entry, history) for entry in _entries_of_visitor(request)]
    settings = history.service.settings
    limits = {"max_upload_bytes": settings.max_upload_bytes, "max_pixels": settings.max_pixels}
    return _json({"server": history.server_id, **limits, "jobs": jobs})


def _zip(
    request: Request,
    ids: Annotated[
        str,
        Query(
            max_length=33 * MAX_ENTRIES_PER_OWNER,  # 32 characters and a comma for each
            description="Ids of jobs, separated by commas; empty: all. Previews are omitted.",
        ),
    ] = "",
) -> StreamingResponse:
    history, entries = history_of(request), _entries_of_visitor(request)
    existing = {entry.id for entry in entries}
    wanted = set(ids.split(",")) if ids else existing
    missing = wanted - existing
    expired = [id for id in missing if history.has_expired(owner_of(request), id)]
    if expired:
        raise _expired(f"Removed or expired: {len(expired)} of the {len(wanted)} results.", history)
    chosen = [entry for entry in entries if entry.id in wanted]
    results = [entry.result for entry in chosen if entry.result is not None]
    # Previews, the results of a region of an image, are omitted, even if `ids` names them.
    results = [result for result in results if "region" not in result.report]
    if missing or not results:
        raise Refusal(404, "E_NOT_FOUND", "There are no such results.")
    chunks = zip_chunks(results)  # raises here, before the response begins, if a file is missing

    headers = {"Content-Disposition": content_disposition(_ZIP_NAME), **_NOT_STORED}
    holding = history.holding(chosen)  # the jobs do not expire while the zip is sent
    return HeldStream(chunks, holding, media_type="application/zip", headers=headers)


async def _show(request: Request, entry: OwnEntry) -> JSONResponse:
    return _json(describe(entry, history_of(request)))


async def _events(request: Request, entry: OwnEntry) -> StreamingResponse:
    stream = events_of(entry, history_of(request))
    return StreamingResponse(stream, media_type="text/event-stream", headers=_NOT_STORED)


async def _result(entry: OwnEntry) -> FileResponse:
    result = require_result(entry)
    headers = {REPORT_HEADER: json.dumps(result.report), **_NOT_STORED}
    return send_file(result.path, result.name, result.media_type, headers)


def _tile(entry: OwnEntry, layer: Layer, level: int, column: int, row: int) -> Response:
    view = require_result(entry).view
    tile = None if view is None else view.tile(layer, level, column, row)
    return _respond_with_png(tile, entry)


def _thumbnail(entry: OwnEntry) -> Response:
    result = require_result(entry)
    if result.view is not None:
        return _respond_with_png(result.view.thumbnail(_THUMBNAIL_SIDE), entry)
    is_image = result.media_type.startswith("image/")
    return _respond_with_png(small_copy(result.path, _THUMBNAIL_SIDE) if is_image else None, entry)


def _respond_with_png(data: bytes | None, entry: HistoryEntry) -> Response:
    """Respond with a PNG file that the browser may keep as long as this server does.

    Raises:
        Refusal: `data` is None: the job has no such tile or thumbnail.
    """
    if data is None:
        raise Refusal(404, "E_NOT_FOUND", "There is no such view.")
    seconds = round(entry.seconds_to_expiry)
    headers = {"Cache-Control": f"private, max-age={seconds}, immutable"}
    return Response(data, media_type="image/png", headers=headers)


async def _cancel(request: Request, entry: OwnEntry) -> JSONResponse:
    entry.job.cancel()
    return _json(describe(entry, history_of(request)))


async def _remove(request: Request, entry: OwnEntry) -> JSONResponse:
    await asyncio.to_thread(history_of(request).remove, entry)
    return _json({"removed": 1})


def _entries_of_visitor(request: Request) -> list[HistoryEntry]:
    """Return the jobs of the visitor; none for a client without a cookie."""
    if request.scope.get("visitor") is None:
        return []
    return history_of(request).entries(owner_of(request))


async def _clear(request: Request) -> JSONResponse:
    history = history_of(request)
    entries = _entries_of_visitor(request)
    for entry in entries:
        await asyncio.to_thread(history.remove, entry)
    return _json({"removed": len(entries)})


def owner_of(request: Request) -> str:
    """Return the key of a client's jobs: from the cookie of the page, or else the address."""
    visitor = request.scope.get("visitor")
    return client_of(request.scope) if visitor is None else f"visitor-{visitor}"


def require_result(entry: HistoryEntry) -> Result:
    """Return the result of a job.

    Raises:
        Refusal: the job is not done, or the server was too busy for it.
        SrganGpError: the job failed for another reason.
    """
    if (outcome := entry.job.outcome) is None:
        raise Refusal(409, "E_NOT_DONE", "The job is not done. Try again later.")
    if isinstance(outcome, BusyError):  # its own status, 503, asks to repeat this request, in vain
        raise Refusal(409, outcome.code, str(outcome))
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def _check_origin(request: Request) -> None:
    """Require an Origin header, as a browser sends it, in a request with a cookie.

    SameSite=Strict of the cookie does not stop pages of other ports of this host.
    `guards.access_control` has already compared the header, if there is one, with the host.

    Raises:
        Refusal: the header is missing.
    """
    if "cookie" in request.headers and "origin" not in request.headers:
        origin = str(request.base_url).rstrip("/")
        raise Refusal(403, "E_ORIGIN", f"With a cookie, send the header 'Origin: {origin}'.")


def _json(value: object) -> JSONResponse:
    """Respond with JSON that the browser does not store."""
    return JSONResponse(value, headers=_NOT_STORED)
