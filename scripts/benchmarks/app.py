"""Load test of `srgan-gp app`: many users, a decompression bomb, disconnects and SIGTERM.

A decompression bomb is a small image file with very many pixels. `Server` and `serve_app` start the
server for other benchmarks too.
"""

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks.client_images import bomb_file, draw_client_image, owner, thumbnail
from benchmarks.http_client import address_of, build_form, connect, free_ports, get, post_file
from benchmarks.shutdown import stop_with_jobs

_SECONDS_BETWEEN_PROBES = 0.1
_SECONDS_TO_CLEAN = 60  # longest wait until the files of disconnected clients are removed


def benchmark_app(model: str, users: int, side: int, threads: int, jobs: int) -> dict[str, Any]:
    """Start a server, send the requests of all users, and stop it by SIGTERM.

    Args:
        model: a name that `srgan-gp models` lists.
        users: number of simultaneous users, each with its own address and image.
        side: height and width of the images.
        threads: CPU threads of the server's network.
        jobs: number of running and queued jobs at SIGTERM.

    Returns:
        Counts, latencies in seconds, memory in MiB; see `_send_images`, `_send_bomb`,
        `_disconnect_clients` and `shutdown.stop_with_jobs`.
    """
    values: dict[str, Any] = {"model": model, "threads": threads, "users": users, "side": side}
    (metrics_port,) = free_ports(1)
    options = ("--metrics-port", str(metrics_port))
    with (
        tempfile.TemporaryDirectory() as folder,
        serve_app(model, threads, folder, options) as server,
    ):
        values["start_to_first_byte_seconds"] = server.start_seconds
        libraries = Path(f"/proc/{server.process.pid}/maps").read_text()
        values["torch_is_loaded"] = "libtorch" in libraries
        images = [draw_client_image(number, side) for number in range(users)]
        values |= asyncio.run(_send_images(server.port, images))
        values |= asyncio.run(_send_bomb(server))
        values |= asyncio.run(_disconnect_clients(server, images[:20]))
        job_images = [draw_client_image(number, side) for number in range(jobs)]
        values |= asyncio.run(stop_with_jobs(server, metrics_port, job_images))
    return values


@dataclass(frozen=True)
class Server:
    """A server in its own process."""

    process: subprocess.Popen[str]
    port: int
    folder: Path
    """Folder of the temporary files of the server."""
    start_seconds: float
    """Time from the start of the process to the first byte of the page."""

    def peak_memory_mib(self) -> float:
        """Return the sum of the peak resident memory of the server and its children, in MiB."""
        process = psutil.Process(self.process.pid)
        processes = (process, *process.children(recursive=True))
        return sum(_peak_mib(process.pid) for process in processes)

    def count_files(self) -> int:
        """Count the temporary files of the server, except the lock file of the folder."""
        return sum(path.is_file() and path.name != "lock" for path in self.folder.rglob("*"))


@contextmanager
def serve_app(
    model: str, threads: int, folder: str, options: Sequence[str] = (), port: int = 0
) -> Generator[Server]:
    """Run `srgan-gp app` until the block ends.

    Args:
        model: a name that `srgan-gp models` lists.
        threads: CPU threads of the server's network.
        folder: folder for the server's temporary files.
        options: more options of the command.
        port: port to listen on; 0: a free one.
    """
    started = time.perf_counter()
    command = [sys.executable, "-m", "srgan_gp", "app", "--port", str(port), "--model", model]
    command += ["--device", "cpu", "--threads", str(threads), "--folder", folder, *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None  # because of stdout=PIPE
            # The server prints its address when it listens.
            port = int(process.stdout.readline().rpartition(":")[2])
            asyncio.run(get(port, "/"))
            seconds = time.perf_counter() - started
            yield Server(process, port, Path(folder), seconds)
        finally:
            process.terminate()


async def _send_images(port: int, images: Sequence[bytes]) -> dict[str, Any]:
    """Upload to the page, then upscale by the API, each for all users simultaneously.

    Returns:
        Counts: accepted uploads, results, refusals (the queue was full), other answers, and results
        of another user's image (`wrong_owners`). Latencies of uploads, results, refusals, and of
        the health check, which is sent all the time.
    """
    probes: list[float] = []  # latencies of the health check
    probing = asyncio.create_task(_probe(port, probes))
    await asyncio.sleep(5 * _SECONDS_BETWEEN_PROBES)  # for some probes without load
    clients = list(enumerate(images))
    uploads = await asyncio.gather(
        *(post_file(port, "/gradio_api/upload", "files", image, n) for n, image in clients)
    )
    results = await asyncio.gather(
        *(post_file(port, "/api/upscale", "picture", image, n) for n, image in clients)
    )
    probing.cancel()
    done = [(number, answer) for number, answer in enumerate(results) if answer.status == 200]
    refused = [answer for answer in results if answer.status == 503]
    thumbnails = np.stack([thumbnail(image) for image in images])
    values = {
        "uploads_accepted": sum(answer.status == 200 for answer in uploads),
        "results": len(done),
        "refused_with_503_and_retry_after": sum(
            "retry-after" in answer.headers for answer in refused
        ),
        "neither": len(results) - len(done) - len(refused),
        "wrong_owners": sum(owner(answer.body, thumbnails) != number for number, answer in done),
    }
    values |= latencies("upload", [answer.seconds for answer in uploads])
    values |= latencies("result", [answer.seconds for _, answer in done])
    values |= latencies("refusal", [answer.seconds for answer in refused])
    return values | latencies("health", probes)


async def _probe(port: int, seconds: list[float]) -> None:
    """Append the latency of the health check to a list, again and again until cancelled."""
    while True:
        seconds.append((await get(port, "/healthz")).seconds)
        await asyncio.sleep(_SECONDS_BETWEEN_PROBES)


async def _send_bomb(server: Server) -> dict[str, Any]:
    """Send a small file that decodes to half a gigabyte of pixels.

    Returns:
        Size of the file, status and seconds of the answer, and increase of the peak memory in MiB.
    """
    bomb, before = bomb_file(), server.peak_memory_mib()
    answer = await post_file(server.port, "/api/upscale", "picture", bomb, 0)
    return {
        "bomb_bytes": len(bomb),
        "bomb_status": answer.status,
        "bomb_seconds": answer.seconds,
        "bomb_memory_mib": server.peak_memory_mib() - before,
    }


async def _disconnect_clients(server: Server, images: Sequence[bytes]) -> dict[str, Any]:
    """Disconnect some clients during the upload, and others while their image is upscaled.

    Returns:
        The number of temporary files that the server leaves, and the seconds until it has removed
        all other files of these clients.
    """
    before = server.count_files()
    for number, image in enumerate(images):
        if number % 2 == 1:
            head, body = build_form("/api/upscale", "picture", image)
        else:
            head, body = build_form("/gradio_api/upload", "files", image)
        _reader, writer = await connect(server.port, address_of(number))
        # Of the clients of the API every second one sends all, and leaves during its job. All
        # other clients leave after half of the body.
        sent_body = body if number % 4 == 1 else body[: len(body) // 2]
        writer.write(f"{head}Host: 127.0.0.1\r\n\r\n".encode() + sent_body)
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.close()
    started = time.perf_counter()
    while server.count_files() > before and time.perf_counter() - started < _SECONDS_TO_CLEAN:
        await asyncio.sleep(0.1)
    return {
        "files_left_by_disconnected_clients": server.count_files() - before,
        "disconnected_clients_cleaned_after_seconds": time.perf_counter() - started,
    }


def latencies(name: str, seconds: Sequence[float]) -> dict[str, float]:
    """Return `NAME_p50_seconds` and `NAME_p99_seconds`, the median and the 99th percentile.

    For fewer than two times the result is empty.
    """
    if len(seconds) < 2:
        return {}
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    return {f"{name}_p50_seconds": cuts[49], f"{name}_p99_seconds": cuts[98]}


def _peak_mib(pid: int) -> float:
    """Return the peak resident memory of a process in MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0
