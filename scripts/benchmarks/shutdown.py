"""Shutdown of a server with running and queued jobs, for the load test in `benchmarks.app`."""

import asyncio
import signal
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from benchmarks.http_client import Answer, get, post_file

if TYPE_CHECKING:
    from benchmarks.app import Server

_SECONDS_BETWEEN_CHECKS = 0.05
_SECONDS_TO_ACCEPT = 120  # longest wait until the server has accepted all jobs
_PENDING = ("srgan_gp_queued_jobs", "srgan_gp_running_jobs")  # names of metrics


async def stop_with_jobs(
    server: "Server", metrics_port: int, images: Sequence[bytes]
) -> dict[str, Any]:
    """Send one image of each client, and SIGTERM when the server has accepted all jobs.

    Args:
        server: server without jobs.
        metrics_port: port of its metrics.
        images: images of the clients.

    Returns:
        The number of unfinished jobs at the signal; the number of results delivered before and
        after it, of errors with a time to try again (`cut_off`: jobs that `--drain-seconds` after
        the signal were not finished), and of other answers and failed connections (`lost`); the
        exit code; the seconds from the signal to the end of the server; and the number of temporary
        files left.

    Raises:
        RuntimeError: the jobs are not accepted within two minutes.
        TimeoutExpired: the server has not ended a minute after the last answer.
    """
    tasks = [
        asyncio.create_task(post_file(server.port, "/api/upscale", "picture", image, number))
        for number, image in enumerate(images)
    ]
    await _wait_until_accepted(metrics_port, tasks)
    finished_before = sum(task.done() for task in tasks)
    started = time.perf_counter()
    server.process.send_signal(signal.SIGTERM)
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    code = await asyncio.to_thread(server.process.wait, 60)
    received = [answer for answer in answers if isinstance(answer, Answer)]
    delivered = sum(answer.status == 200 for answer in received)
    cut_off = sum(answer.status == 503 and "retry-after" in answer.headers for answer in received)
    return {
        "jobs_at_sigterm": len(tasks) - finished_before,
        "delivered": delivered,
        "cut_off": cut_off,
        "lost": len(tasks) - delivered - cut_off,
        "exit_code": code,
        "seconds_to_end": time.perf_counter() - started,
        "files_left_at_the_end": server.count_files(),
    }


async def _wait_until_accepted(metrics_port: int, tasks: Sequence[asyncio.Task[Answer]]) -> None:
    """Wait until each request has been answered, or its job is queued or running.

    Raises:
        RuntimeError: it takes more than two minutes.
    """
    deadline = time.perf_counter() + _SECONDS_TO_ACCEPT
    while await _pending(metrics_port) + sum(task.done() for task in tasks) < len(tasks):
        if time.perf_counter() > deadline:
            raise RuntimeError(f"the server accepts no {len(tasks)} jobs at a time")
        await asyncio.sleep(_SECONDS_BETWEEN_CHECKS)


async def _pending(metrics_port: int) -> int:
    """Return the number of queued and running jobs, from the metrics."""
    text = (await get(metrics_port, "/metrics")).body.decode()
    lines = [line.split() for line in text.splitlines()]
    return sum(int(float(words[1])) for words in lines if words[:1] and words[0] in _PENDING)
