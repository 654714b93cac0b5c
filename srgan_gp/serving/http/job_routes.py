"""Routes below `/api/jobs`: progress, result, cancellation and removal of the client's own jobs."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any, cast

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import FileResponse, JSONResponse, Response, StreamingResponse

from srgan_gp.errors import SrganGpError
from srgan_gp.serving.error_responses import Refusal, refusal_for
from srgan_gp.serving.guards.client_limits import client_of
from srgan_gp.serving.http.response_descriptions import FILE, REPORT_HEADER, problems
from srgan_gp.serving.jobs.job_requests import Result
from srgan_gp.serving.results.image_views import Layer, small_copy
from srgan_gp.serving.results.job_history import HistoryEntry, JobHistory

_LAST_STATES = ("done", "failed")
_NOT_STORED = {"Cache-Control": "no-store"}
_THUMBNAIL_SIDE = 192
_SECONDS_BETWEEN_CHECKS = 0.2
_SECONDS_BETWEEN_COMMENTS = 10  # so that proxies keep the stream open


def build_job_routes() -> APIRouter:
    """Build the routes; the app has the `JobHistory` as `app.state.history`."""
    router = APIRouter(prefix="/api/jobs")
    get, post = router.get, router.post
    changes = [Depends(_check_origin)]  # of every route that changes something
    mine, done = problems(404, 410), problems(404, 409, 410)
    changed: Any = {"dependencies": changes, "responses": problems(403, 404, 410)}
    get("", summary="List the jobs of this browser, the oldest first", responses=problems())(_list)
    post(
        "/clear",
        summary="Cancel and remove all jobs of this browser",
        dependencies=changes,
        responses=problems(403),
    )(_clear)
    get("/{id}", summary="State of a job", responses=mine)(_show)
    get("/{id}/events", summary="Progress of a job, as server-sent events", responses=mine)(_events)
    get("/{id}/thumbnail", summary="Small copy of the result, as PNG", responses=done)(_thumbnail)
    tile = "/{id}/tiles/{layer}/{level}/{column}/{row}"
    get(tile, summary="Tile of the viewer, as PNG", responses=done)(_tile)
    get(
        "/{id}/result",
        summary="File of a finished job",
        response_class=FileResponse,
        responses=FILE | done,
    )(_result)
    post("/{id}/cancel", summary="Cancel a job", **changed)(_cancel)
    post("/{id}/remove", summary="Remove a job and its files", **changed)(_remove)
    return router


def history_of(request: Request) -> JobHistory:
    """Return the jobs of all clients."""
    return cast(JobHistory, request.app.state.history)


def own_entry(
    request: Request, id: Annotated[str, Path(description="Id of the job.")]
) -> HistoryEntry:
    """Return a job of the client.

    Raises:
        Refusal: there is none of this id, or it has expired.
    """
    history, owner = history_of(request), owner_of(request)
    entry = history.find(owner, id)
    if entry is not None:
        return entry
    if history.has_expired(owner, id):
        minutes = history.service.settings.keep_seconds / 60
        message = f"This result was removed or has expired. Results are kept for {minutes:g} min."
        raise Refusal(410, "E_EXPIRED", message)
    raise Refusal(404, "E_NOT_FOUND", "There is no such job.")


OwnEntry = Annotated[HistoryEntry, Depends(own_entry)]
"""Parameter of a route: the job with the id of the path."""


async def _list(request: Request) -> JSONResponse:
    history = history_of(request)
    entries = _entries_of_visitor(request)
    jobs = [describe(entry, history) for entry in entries]
    settings = history.service.settings
    limits = {"max_upload_bytes": settings.max_upload_bytes, "max_pixels": settings.max_pixels}
    return _json({"server": history.server, **limits, "jobs": jobs})


async def _show(request: Request, entry: OwnEntry) -> JSONResponse:
    return _json(describe(entry, history_of(request)))


async def _events(request: Request, entry: OwnEntry) -> StreamingResponse:
    stream = _changes_of(entry, history_of(request))
    return StreamingResponse(stream, media_type="text/event-stream", headers=_NOT_STORED)


async def _result(entry: OwnEntry) -> FileResponse:
    found = finished(entry)
    headers = {REPORT_HEADER: json.dumps(found.report), **_NOT_STORED}
    return FileResponse(
        found.path, media_type=found.media_type, filename=found.name, headers=headers
    )


def _tile(entry: OwnEntry, layer: Layer, level: int, column: int, row: int) -> Response:
    view = finished(entry).view
    tile = None if view is None else view.tile(layer, level, column, row)
    return _png(tile, entry)


def _thumbnail(entry: OwnEntry) -> Response:
    result = finished(entry)
    if result.view is not None:
        return _png(result.view.thumbnail(_THUMBNAIL_SIDE), entry)
    is_image = result.media_type.startswith("image/")
    return _png(small_copy(result.path, _THUMBNAIL_SIDE) if is_image else None, entry)


def _png(data: bytes | None, entry: HistoryEntry) -> Response:
    """Respond with a PNG file that the browser may keep as long as this server does.

    Raises:
        Refusal: there is none.
    """
    if data is None:
        raise Refusal(404, "E_NOT_FOUND", "There is no such view.")
    seconds = round(entry.seconds_kept)
    headers = {"Cache-Control": f"private, max-age={seconds}, immutable"}
    return Response(data, media_type="image/png", headers=headers)


async def _cancel(request: Request, entry: OwnEntry) -> JSONResponse:
    entry.job.cancel()
    return _json(describe(entry, history_of(request)))


async def _remove(request: Request, entry: OwnEntry) -> JSONResponse:
    await asyncio.to_thread(history_of(request).remove, entry)
    return _json({"removed": 1})


def _entries_of_visitor(request: Request) -> list[HistoryEntry]:
    """Return the jobs of the cookie; without one none, since several people share an address."""
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
    """Return the owner of a client's jobs: the visitor of the page, or else the address."""
    visitor = request.scope.get("visitor")
    return client_of(request.scope) if visitor is None else f"visitor-{visitor}"


def finished(entry: HistoryEntry) -> Result:
    """Return the result of a job.

    Raises:
        Refusal: the job is not done.
        SrganGpError: the job failed.
    """
    outcome = entry.job.outcome
    if outcome is None:
        raise Refusal(409, "E_NOT_DONE", "The job is not done. Try again later.")
    if isinstance(outcome, Exception):
        raise outcome
    return outcome


def describe(entry: HistoryEntry, history: JobHistory) -> dict[str, Any]:
    """Describe a job for its owner; JSON-serialisable.

    Returns:
        `state` is a stage, `done` or `failed`; `ahead` counts jobs before a queued one. The keys of
        a running job, a result and an error differ.
    """
    job = entry.job
    facts: dict[str, Any] = {"id": entry.id, "title": entry.title, "tab": entry.tab}
    outcome = job.outcome
    if outcome is None:
        progress = job.progress
        facts |= {"state": progress.stage, "done": progress.done, "total": progress.total}
        if progress.stage == "queued":
            facts["ahead"] = history.service.jobs_ahead(job)
        seconds, fraction = progress.seconds_left(), progress.fraction()
        return facts | {
            "seconds_left": None if seconds is None else round(seconds, 1),
            "percent": None if fraction is None else round(100 * fraction, 2),
        }
    if isinstance(outcome, Result):
        base = f"/api/jobs/{entry.id}"
        return facts | {
            "state": "done",
            "name": outcome.name,
            "media_type": outcome.media_type,
            "report": outcome.report,
            "expires_seconds": entry.seconds_kept,
            "result": f"{base}/result",
            "view": None if outcome.view is None else outcome.view.facts(),
        }
    error = outcome if isinstance(outcome, SrganGpError) else SrganGpError("The job failed.")
    refusal = refusal_for(error)
    return facts | {"state": "failed", "error": {"code": refusal.code, "message": str(refusal)}}


async def _changes_of(entry: HistoryEntry, history: JobHistory) -> AsyncIterator[str]:
    """Yield an event for each change of a job, the last with its result or error."""
    last, silent = None, 0.0
    while True:
        facts = describe(entry, history)
        shown = {key: value for key, value in facts.items() if key != "seconds_left"}
        if shown != last:
            last, silent = shown, 0.0
            name = facts["state"] if facts["state"] in _LAST_STATES else "progress"
            yield f"event: {name}\ndata: {json.dumps(facts)}\n\n"
            if name != "progress":
                return
        elif silent >= _SECONDS_BETWEEN_COMMENTS:
            silent = 0.0
            yield ": the job continues\n\n"
        await asyncio.sleep(_SECONDS_BETWEEN_CHECKS)
        silent += _SECONDS_BETWEEN_CHECKS


def _check_origin(request: Request) -> None:
    """Require the Origin header from browsers, which send the cookie; access control compares it.

    Raises:
        Refusal: it is missing.
    """
    if "cookie" in request.headers and "origin" not in request.headers:
        raise Refusal(403, "E_ORIGIN", "A change needs the Origin header.")


def _json(value: object) -> JSONResponse:
    return JSONResponse(value, headers=_NOT_STORED)
