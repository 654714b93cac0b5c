"""Progress of a large photo in `srgan-gp app`, its estimated time, and the memory over many jobs.

The server reports the progress of a job as server-sent events: the state of the job, the number of
tiles (parts of the image) that are done, and the estimated time left.
"""

import asyncio
import io
import json
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from PIL import Image

from benchmarks.app import Server, serve_app
from benchmarks.client_images import draw_client_image
from benchmarks.http_client import address_of, close, connect, get, post_file

_EXAMPLE = Path(__file__).parents[2] / "apps" / "examples" / "coffee.jpg"
_ASPECT = 4 / 3  # width over height of the photo
_WARM_JOBS = 50
"""Jobs before the first measurement of the memory, which the first jobs fill with caches."""
_SIDE = 64  # pixels: side of the images of small jobs
_SHARE_OF_TILES = 0.1
"""Share of the tiles after which the time left is compared with the time that was needed."""


def benchmark_progress(model: str, megapixels: float, threads: int, jobs: int) -> dict[str, Any]:
    """Follow the job of one photo by its events, then run many small jobs.

    Args:
        model: a name that `srgan-gp models` lists.
        megapixels: size of the photo.
        threads: CPU threads of the server's network.
        jobs: number of small jobs, at least `_WARM_JOBS`; fewer: none.

    Returns:
        Seconds to the first event and between events, with the state of the job at the largest gap,
        estimate and duration in seconds, memory in MiB; see `_follow_photo` and
        `_run_small_jobs`.
    """
    values: dict[str, Any] = {"model": model, "threads": threads, "megapixels": megapixels}
    # 10 % more pixels than requested, because the sides of the photo are rounded.
    options = ("--max-pixels", str(round(megapixels * 1.1e6)), "--max-upload-mb", "100")
    with (
        tempfile.TemporaryDirectory() as folder,
        serve_app(model, threads, folder, options) as server,
    ):
        values |= asyncio.run(_follow_photo(server, model, megapixels))
        if jobs >= _WARM_JOBS:
            values |= asyncio.run(_run_small_jobs(server, jobs))
    return values


async def _follow_photo(server: Server, model: str, megapixels: float) -> dict[str, Any]:
    """Upscale a photo, and compare its events with the estimates of the server.

    Returns:
        `size` and `tiles`; seconds to the first event, the largest gap between events and the
        largest gap between tiles; the estimate before the job and the time that the network needed,
        in seconds; the relative errors of this estimate, and of the time left that was reported
        after a tenth of the tiles; and seconds of the whole job.
    """
    photo, (width, height) = _draw_photo(megapixels)
    speed = json.loads((await get(server.port, f"/api/models/{model}/speed")).body)
    estimate = speed["seconds_per_megapixel"] * width * height / 1e6
    answer = await post_file(server.port, "/api/upscale?async=1", "picture", photo, 0)
    accepted = time.perf_counter()
    job = json.loads(answer.body)
    event_times, states = [accepted], ["accepted"]
    tile_times = [accepted]  # of events after which more tiles were done
    predicted_end: float | None = None
    last: dict[str, Any] = {}
    async for event_time, event in _events(server.port, job["id"]):
        event_times.append(event_time)
        states.append(event["state"])
        done, total = event.get("done", 0), event.get("total", 0)
        if done > last.get("done", 0):
            tile_times.append(event_time)
        if predicted_end is None and done > _SHARE_OF_TILES * total:
            predicted_end = event_time + (event["seconds_left"] or 0)
        last = event
    if last["state"] != "done" or predicted_end is None:
        raise SystemExit(f"The job ended as {last}.")
    network_seconds = last["report"]["seconds"]
    gaps, tile_gaps = np.diff(event_times), np.diff([*tile_times, event_times[-1]])
    # The network ended with the event after the last one in the state "running".
    last_running = max(i for i, state in enumerate(states) if state == "running")
    network_end = event_times[last_running + 1]
    return {
        "size": f"{width} x {height}",
        "tiles": last["report"]["tiles"],
        "first_movement_seconds": float(gaps[0]),
        "largest_gap_seconds": float(gaps.max()),
        "largest_gap_after": states[int(gaps.argmax())],
        "largest_gap_between_tiles_seconds": float(tile_gaps.max()),
        "estimate_seconds": estimate,
        "network_seconds": network_seconds,
        "error_of_the_estimate": estimate / network_seconds - 1,
        "error_of_the_time_left_at_a_tenth": (predicted_end - network_end) / network_seconds,
        "whole_job_seconds": event_times[-1] - accepted,
    }


async def _events(port: int, job_id: str) -> AsyncIterator[tuple[float, dict[str, Any]]]:
    """Yield the times and server-sent events of a job, until it has ended.

    An event has `state`; while the job is running also `done` and `total` (tiles) and
    `seconds_left` (None: unknown); at its end `report`.
    """
    # The address of the client that sent the photo: no other client may see the job.
    reader, writer = await connect(port, address_of(0))
    writer.write(f"GET /api/jobs/{job_id}/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    try:
        while line := await reader.readline():  # empty at the end of the connection
            if line.startswith(b"data: "):
                event = json.loads(line.removeprefix(b"data: "))
                yield time.perf_counter(), event
                if event["state"] in ("done", "failed"):
                    return
    finally:
        await close(writer)


async def _run_small_jobs(server: Server, jobs: int) -> dict[str, Any]:
    """Run small jobs, one after the other; return the memory after `_WARM_JOBS` and after all."""
    image = draw_client_image(0, _SIDE)
    memory: list[float] = []
    for number in range(1, jobs + 1):
        client = number % 100  # the server limits clients by their address
        answer = await post_file(server.port, "/api/upscale", "picture", image, client)
        if answer.status != 200:
            raise SystemExit(f"Job {number} was refused with {answer.status}.")
        if number in (_WARM_JOBS, jobs):
            memory.append(_resident_mib(server))
    return {
        "jobs": jobs,
        f"memory_after_{_WARM_JOBS}_jobs_mib": memory[0],
        "memory_after_all_jobs_mib": memory[-1],
    }


def _resident_mib(server: Server) -> float:
    """Return the resident memory of the server without its decoder processes, in MiB."""
    return psutil.Process(server.process.pid).memory_info().rss / 2**20


def _draw_photo(megapixels: float) -> tuple[bytes, tuple[int, int]]:
    """Enlarge an example image; return it as JPEG, and its width and height."""
    height = round((megapixels * 1e6 / _ASPECT) ** 0.5)
    size = round(height * _ASPECT), height
    file = io.BytesIO()
    with Image.open(_EXAMPLE) as image:
        image.convert("RGB").resize(size, Image.Resampling.BICUBIC).save(file, "JPEG", quality=90)
    return file.getvalue(), size
