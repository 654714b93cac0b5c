"""A service that answers at once, real ones with small models, and requests piece by piece."""

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
    """Gives back the bytes it got, as a file; notes what it was asked for."""

    def __init__(self, folder):
        self._folder = folder
        self.requests, self.jobs = [], []
        self.outcome = "echo"
        self.not_ready = None
        self.is_drained = True

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

    def folder(self, client):
        return self._folder / "client"

    def why_not_ready(self):
        return self.not_ready

    def drain(self, timeout_seconds=None):
        return self.is_drained


@pytest.fixture
def service(tmp_path):
    (tmp_path / "service").mkdir()
    return FakeService(tmp_path / "service")


class Answer:
    """What an app sent."""

    def __init__(self, messages):
        starts = [message for message in messages if message["type"] == "http.response.start"]
        self.status = starts[0]["status"] if starts else None
        pairs = starts[0]["headers"] if starts else ()
        self.headers = {name.decode().lower(): value.decode() for name, value in pairs}
        self.body = b"".join(message.get("body", b"") for message in messages)


async def _request_of(app, method="GET", path="/", headers=(), pieces=(b"",), then="disconnect"):
    """Send a request whose body comes in `pieces`; afterwards the client leaves, or waits."""
    headers = {"host": "127.0.0.1:7860"} | dict(headers)
    scope = {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(),
        "query_string": b"", "client": ("127.0.0.1", 50000), "server": ("127.0.0.1", 7860),
        "scheme": "http", "root_path": "", "http_version": "1.1",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }  # fmt: skip
    waiting, sent = list(pieces), []

    async def receive():
        await asyncio.sleep(0)
        if waiting:
            piece = waiting.pop(0)
            if piece is None:  # the client goes away in the middle
                return {"type": "http.disconnect"}
            return {"type": "http.request", "body": piece, "more_body": bool(waiting)}
        if then == "wait":
            await asyncio.sleep(3600)
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    await app(scope, receive, send)
    return Answer(sent)


@pytest.fixture
def request_of():
    """The same as `ask` within an event loop."""
    return _request_of


@pytest.fixture
def ask():
    """Send one request to an ASGI app and give its `Answer`."""

    def run(app, *words, **named):
        return asyncio.run(_request_of(app, *words, **named))

    return run


@pytest.fixture
def png(rng):
    """The bytes of a PNG of 16 x 12 pixels."""
    file = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (12, 16, 3), np.uint8)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def models(tiny_model, tiny_face_model, onnx_models, monkeypatch):
    """Install `tiny`, which enlarges twice, and `tiny-faces`; gives their folder."""
    path = tiny_model()
    onnx_models.write_card(path)
    faces = {"task": "face-generation", "scale": None, "image_size": 8}
    onnx_models.write_card(tiny_face_model(), **faces)
    monkeypatch.setenv("SRGAN_GP_MODELS", str(path.parent))
    return path.parent


class DecoderHere:
    """Decodes in this process, which is quick to start and nothing for clients."""

    max_pixels = 25_000_000

    def decode(self, data, name, stopper):
        stopper.check()
        data = data if isinstance(data, bytes) else data.read_bytes()
        return decode_picture(io.BytesIO(data), max_pixels=self.max_pixels)

    def close(self):
        """Nothing to end."""


@pytest.fixture
def open_service(models, tmp_path):
    """Open services with other settings; all are closed in the end."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    services = []

    def open_one(**changes):
        values = {"model": "tiny", "device": "cpu", "threads": 1, "folder": folder}
        services.append(Service(ServerSettings(**values | changes), decoders=DecoderHere()))
        return services[-1]

    yield open_one
    for service in services:
        service.close()


@pytest.fixture
def real_service(open_service):
    return open_service()
