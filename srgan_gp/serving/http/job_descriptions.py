"""Descriptions of jobs for clients: the state of one job as JSON, and its changes as events."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from srgan_gp.errors import SrganGpError
from srgan_gp.serving.error_responses import refusal_for
from srgan_gp.serving.jobs.job_progress import JobProgress
from srgan_gp.serving.jobs.job_requests import Result
from srgan_gp.serving.results.job_history import HistoryEntry, JobHistory

_FINAL_STATES = ("done", "failed")
_SECONDS_BETWEEN_CHECKS = 0.2
"""Seconds between two checks of the state of a job, for its event stream. A client sees a change up
to this much later; more checks take more time of the server."""
_SECONDS_BETWEEN_COMMENTS = 10
"""Seconds after which a comment is sent in an event stream without changes, so that proxies keep it
open: nginx closes a silent response after 60 s by default."""


def describe(entry: HistoryEntry, history: JobHistory) -> dict[str, Any]:
    """Describe a job for its owner as JSON values.

    Returns:
        `id`, `title`, `tab`, `requested_model`, `urls`, and `state`: a stage of `JobProgress`,
        `done` or `failed`. `tab` is the tab of the page that requested the job, "" for the API.
        `percent` and `seconds_left` are those of the whole job: 100 and 0 when it is done, and the
        last percent and None when it has failed. `percent` never falls.

        While the job has not ended, the keys `done` and `total` are the completed steps of the
        stage and all its steps. While it is queued, `ahead` is the number of jobs before it.

        A job in the state `done` has values that describe its result. `report` names the model that
        was used, which may be another one than the requested, chosen by the scale. `view` is what
        the viewer needs, as returned by `ImageView.facts`; None if the result has no view. A failed
        job has `error`.
    """
    job = entry.job
    facts: dict[str, Any] = {
        "id": entry.id,
        "title": entry.title,
        "tab": entry.tab,
        "requested_model": job.request.model,
        "urls": _urls_of(entry.id),
    }
    outcome, progress = job.outcome, job.progress
    if outcome is None:
        facts |= {"state": progress.stage, "done": progress.done, "total": progress.total}
        if progress.stage == "queued":
            facts["ahead"] = history.service.count_jobs_ahead(job)
        seconds = progress.seconds_left()
        facts["seconds_left"] = None if seconds is None else round(seconds, 1)
        return facts | {"percent": _percent(progress)}
    if isinstance(outcome, Result):
        return facts | {
            "state": "done",
            "percent": 100,
            "seconds_left": 0,
            "name": outcome.name,
            "media_type": outcome.media_type,
            "report": outcome.report,
            "expires_seconds": entry.seconds_to_expiry,
            "result": facts["urls"]["result"],
            "view": None if outcome.view is None else outcome.view.facts(),
        }
    # The message of any other exception may have details that are not for clients.
    error = outcome if isinstance(outcome, SrganGpError) else SrganGpError("The job failed.")
    refusal = refusal_for(error)
    return facts | {
        "state": "failed",
        "percent": _percent(progress, job.ended),
        "seconds_left": None,
        "error": {"code": refusal.code, "message": str(refusal)},
    }


def _percent(progress: JobProgress, now: float | None = None) -> float | None:
    """Return the estimated percentage of a job; None: it is unknown, as before the first estimate.

    Args:
        progress: progress of the job.
        now: time from `time.monotonic`; None: the current time.
    """
    share = progress.share(now)
    return None if share is None else round(100 * share, 2)


def _urls_of(id: str) -> dict[str, str]:
    """Return the paths of the routes of a job.

    >>> _urls_of("0f")["job"], _urls_of("0f")["result"]
    ('/api/jobs/0f', '/api/jobs/0f/result')
    """
    job = f"/api/jobs/{id}"
    names = ("events", "result", "cancel", "remove")
    return {"job": job} | {name: f"{job}/{name}" for name in names}


async def events_of(entry: HistoryEntry, history: JobHistory) -> AsyncIterator[str]:
    """Yield a server-sent event for each change of a job, the last with its result or error."""
    previous = None
    silent_seconds = 0.0  # since the last event or comment
    while True:
        facts = describe(entry, history)
        # The seconds change all the time; they are sent together with another change.
        compared = {key: value for key, value in facts.items() if key != "seconds_left"}
        if compared != previous:
            previous, silent_seconds = compared, 0.0
            is_final = facts["state"] in _FINAL_STATES
            event = facts["state"] if is_final else "progress"
            yield f"event: {event}\ndata: {json.dumps(facts)}\n\n"
            if is_final:
                return
        elif silent_seconds >= _SECONDS_BETWEEN_COMMENTS:
            silent_seconds = 0.0
            yield ": the job continues\n\n"
        await asyncio.sleep(_SECONDS_BETWEEN_CHECKS)
        silent_seconds += _SECONDS_BETWEEN_CHECKS
