"""The server behind nginx, with the configuration of the documentation and many clients."""

import asyncio
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.app import Server, latencies, serve_app
from benchmarks.client_images import draw_client_image, owner, thumbnail
from benchmarks.http_client import address_of, build_form, free_ports, request

CONFIGURATION = Path(__file__).parents[2] / "docs" / "guides" / "deploy" / "nginx.conf"
NAME = "example.org"
"""Host name in the configuration."""

_SECONDS_TO_START = 20  # for nginx
# Configuration of the nginx process; it includes site.conf, the configuration in the documentation.
_MAIN = """\
{user}daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
events {{ worker_connections 2048; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""


@dataclass(frozen=True)
class Proxy:
    """A running nginx.

    Attributes:
        port: port of HTTPS.
        http_port: port of HTTP, which redirects.
        tls: settings of clients, which trust the certificate of this nginx only.
        log: file of its errors.
    """

    port: int
    http_port: int
    tls: ssl.SSLContext
    log: Path


def benchmark_nginx(
    model: str, users: int, side: int, queue_size: int, threads: int
) -> dict[str, Any]:
    """Upscale images of many clients through nginx, each from its own address.

    Args:
        model: a name that `srgan-gp models` lists.
        users: number of simultaneous clients.
        side: height and width of their images.
        queue_size: jobs in the queue of the server; it refuses more.
        threads: CPU threads of the server's network.

    Returns:
        The result of `send_all`, and the arguments.
    """
    values: dict[str, Any] = {"model": model, "threads": threads, "clients": users, "side": side}
    values["queue_size"] = queue_size
    options = ["--public-name", NAME, "--queue-size", str(queue_size)]
    with (
        tempfile.TemporaryDirectory() as folder,
        tempfile.TemporaryDirectory() as proxy_folder,
        serve_app(model, threads, folder, options) as server,
        serve_nginx(server.port, Path(proxy_folder)) as proxy,
    ):
        images = [draw_client_image(number, side) for number in range(users)]
        return values | asyncio.run(send_all(server, proxy, images))


async def send_all(server: Server, proxy: Proxy, images: Sequence[bytes]) -> dict[str, Any]:
    """Send the images of all clients at the same time.

    Returns:
        Counts of answers: `results`, `refused_with_retry_after` (the queue was full, or a limit of
        nginx was reached), `neither`, and `wrong_owners` (results of another client's image). Also
        the number of errors of nginx, of temporary files that the server left, and latencies in
        seconds.
    """
    requests = []
    for number, image in enumerate(images):
        head, body = build_form("/api/upscale", "picture", image)
        source = address_of(number)
        requests.append(request(proxy.port, head, body, source, tls=proxy.tls, host=NAME))
    answers = await asyncio.gather(*requests)
    done = [(number, answer) for number, answer in enumerate(answers) if answer.status == 200]
    # nginx refuses with 429, the server with 503.
    refused = [answer for answer in answers if answer.status in (429, 503)]
    thumbnails = np.stack([thumbnail(image) for image in images])
    return {
        "results": len(done),
        "refused_with_retry_after": sum("retry-after" in answer.headers for answer in refused),
        "neither": len(answers) - len(done) - len(refused),
        "wrong_owners": sum(owner(answer.body, thumbnails) != number for number, answer in done),
        "errors_of_nginx": len(proxy.log.read_text().splitlines()),
        "files_left": server.count_files(),
        **latencies("result", [answer.seconds for _, answer in done]),
    }


@contextmanager
def serve_nginx(app_port: int, folder: Path, changes: dict[str, str] | None = None) -> Generator[
    Proxy
]:  # fmt: skip
    """Run nginx with the configuration of the documentation, and free ports.

    Args:
        app_port: port of the server behind it.
        folder: an empty folder for its files.
        changes: texts of the configuration to replace, and their replacements.

    Yields:
        The running nginx, which is stopped at the end of the block.

    Raises:
        RuntimeError: nginx is not installed, or it does not start.
    """
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        raise RuntimeError("nginx is not installed: apt-get install nginx-light openssl")
    port, http_port = free_ports(2)
    tls = _make_certificate(folder)
    _write_configuration(folder, app_port, port, http_port, changes or {})
    log = folder / "error.log"
    command = [program, "-p", str(folder), "-e", str(log), "-c", str(folder / "nginx.conf")]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            _wait_until_open(port, process, log)
            yield Proxy(port, http_port, tls, log)
        finally:
            process.terminate()


def _write_configuration(
    folder: Path, app_port: int, port: int, http_port: int, changes: dict[str, str]
) -> None:
    """Write nginx.conf, and site.conf from the documentation, with local addresses and paths.

    Raises:
        RuntimeError: the documentation lacks a text that is replaced.
    """
    site = CONFIGURATION.read_text(encoding="utf-8")
    replacements = {
        "127.0.0.1:7860": f"127.0.0.1:{app_port}",
        "listen 443 ": f"listen 127.0.0.1:{port} ",
        "listen 80;": f"listen 127.0.0.1:{http_port};",
        "    listen [::]:80;\n": "",
        "    listen [::]:443 ssl http2;\n": "",
        "/etc/letsencrypt/live/example.org/fullchain.pem": str(folder / "certificate.pem"),
        "/etc/letsencrypt/live/example.org/privkey.pem": str(folder / "key.pem"),
    }
    for old, new in (replacements | changes).items():
        if old not in site:
            raise RuntimeError(f"{CONFIGURATION.name} does not contain {old!r}.")
        site = site.replace(old, new)
    (folder / "site.conf").write_text(site, encoding="utf-8")
    # Started by root, nginx would use an account that cannot read the folder.
    user = "user root;\n" if hasattr(os, "getuid") and os.getuid() == 0 else ""
    (folder / "nginx.conf").write_text(_MAIN.format(folder=folder, user=user), encoding="utf-8")


def _make_certificate(folder: Path) -> ssl.SSLContext:
    """Write a key and its certificate; return a context that trusts it."""
    certificate = folder / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-days", "2", "-subj", f"/CN={NAME}", "-addext"]
    command += [f"subjectAltName=DNS:{NAME}", "-keyout", str(folder / "key.pem")]
    subprocess.run([*command, "-out", str(certificate)], check=True, capture_output=True)
    return ssl.create_default_context(cafile=str(certificate))


def _wait_until_open(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until nginx listens.

    Raises:
        RuntimeError: nginx has ended, or it takes too long.
    """
    deadline = time.monotonic() + _SECONDS_TO_START
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError(f"nginx does not listen: {log.read_text() if log.exists() else ''}")
