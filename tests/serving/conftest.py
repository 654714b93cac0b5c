"""Fixtures of the server tests: fake and real services, and requests sent in chunks."""

import asyncio
import io

import numpy as np
import pytest
from PIL import Image

from srgan_gp.errors import Cancelled
from srgan_gp.images.reading import decode_picture
from srgan_gp.serving.jobs.job_requests import Result
from srgan_gp.serving.jobs.service import Service
from srgan_gp.serving.server_settings import ServerSettings


class FakeJob:
    """A job that ends with `outcome`, or never where that is None."""

    def __init__(self, outcome):
        self.outcome = outcome
        self.is_cancelled = False

    async def result(self):
        while self.outcome is None and not self.is_cancelled:
            await asyncio.sleep(0.001)
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome

    def cancel(self):
        self.is_cancelled = True
        if self.outcome is None:
            self.outcome = Cancelled("The job was cancelled.")


class FakeService:
    """Returns the bytes of a request as a file, and records the requests."""

    def __init__(self, folder):
        self._folder = folder
        self.requests, self.jobs = [], []
        self.outcome = "echo"
        self.not_ready = None
        self.is_drained = True
        self.settings = ServerSettings()

    def submit(self, client, request, *, on_progress=None):
        self.requests.append((client, request))
        outcome = self.outcome
        if outcome == "echo":
            folder = self._folder / f"job{len(self.requests)}"
            folder.mkdir()
            path = folder / "result.png"
            path.write_bytes(getattr(request, "data", b"faces"))
            outcome = Result(path, "image/png", "photo_x4.png", {"model": "fake", "name": "ä"})
        self.jobs.append(FakeJob(outcome))
        return self.jobs[-1]

    def check(self, request):
        """Accepts every request."""

    def folder(self, client):
        return self._folder / "client"

    def not_ready_reason(self):
        return self.not_ready

    def drain(self, timeout_seconds=None):
        return self.is_drained


@pytest.fixture
def service(tmp_path):
    (tmp_path / "service").mkdir()
    return FakeService(tmp_path / "service")


class Response:
    """Status, headers and body that an app sent."""

    def __init__(self, messages):
        starts = [message for message in messages if message["type"] == "http.response.start"]
        self.status = starts[0]["status"] if starts else None
        pairs = starts[0]["headers"] if starts else ()
        self.headers = {name.decode().lower(): value.decode() for name, value in pairs}
        self.body = b"".join(message.get("body", b"") for message in messages)


async def _request_of(app, method="GET", path="/", headers=(), chunks=(b"",), then="disconnect"):
    """Send a request with its body in `chunks`; then the client disconnects or waits."""
    headers = {"host": "127.0.0.1:7860"} | dict(headers)
    scope = {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(),
        "query_string": b"", "client": ("127.0.0.1", 50000), "server": ("127.0.0.1", 7860),
        "scheme": "http", "root_path": "", "http_version": "1.1",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }  # fmt: skip
    waiting, sent = list(chunks), []

    async def receive():
        await asyncio.sleep(0)
        if waiting:
            chunk = waiting.pop(0)
            if chunk is None:  # the client disconnects
                return {"type": "http.disconnect"}
            return {"type": "http.request", "body": chunk, "more_body": bool(waiting)}
        if then == "wait":
            await asyncio.sleep(3600)
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    await app(scope, receive, send)
    return Response(sent)


@pytest.fixture
def request_of():
    """Coroutine function that sends one request to an ASGI app."""
    return _request_of


@pytest.fixture
def ask():
    """Send one request to an ASGI app and return its `Response`."""

    def run(app, *arguments, **named):
        return asyncio.run(_request_of(app, *arguments, **named))

    return run


@pytest.fixture
def png(rng):
    """Return the bytes of a PNG of 16 x 12 pixels."""
    file = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (12, 16, 3), np.uint8)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def models(tiny_model, tiny_face_model, onnx_models, monkeypatch):
    """Install `tiny`, an x2 upscaler, and `tiny-faces`; returns their directory."""
    path = tiny_model()
    onnx_models.write_card(path)
    faces = {"task": "face-generation", "scale": None, "image_size": 8}
    onnx_models.write_card(tiny_face_model(), **faces)
    monkeypatch.setenv("SRGAN_GP_MODELS", str(path.parent))
    return path.parent


class InProcessDecoder:
    """Decodes in this process, which needs no start-up time."""

    max_pixels = 25_000_000

    def decode(self, data, name, cancellation):
        cancellation.raise_if_cancelled()
        data = data if isinstance(data, bytes) else data.read_bytes()
        return decode_picture(io.BytesIO(data), max_pixels=self.max_pixels)

    def close(self):
        """No resources."""


@pytest.fixture
def decoder():
    return InProcessDecoder()


@pytest.fixture
def open_service(models, tmp_path, decoder):
    """Open services with changed settings; all are closed at the end."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    services = []

    def open_one(**changes):
        values = {"model": "tiny", "device": "cpu", "threads": 1, "folder": folder}
        services.append(Service(ServerSettings(**values | changes), decoders=decoder))
        return services[-1]

    yield open_one
    for service in services:
        service.close()


@pytest.fixture
def real_service(open_service):
    return open_service()
