import asyncio
import socket
import time

import pytest
import uvicorn
from starlette.responses import PlainTextResponse

from srgan_gp.serving.guards import lingering_close
from srgan_gp.serving.guards.lingering_close import respond_and_linger
from srgan_gp.serving.http import draining
from srgan_gp.serving.http.draining import DrainingServer, ResponseTracker


async def fetch(port, path="/"):
    """Send one request over a socket; returns status line and body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    return head.split(b"\r\n")[0], body


class FakeWork:
    """An app with a slow response and an endless event stream, and its service."""

    def __init__(self):
        self.is_done = False
        self.release = asyncio.Event()
        self.loop = asyncio.get_running_loop()
        self.stops = self.times_found_done = 0

    def drain(self, timeout_seconds=None):
        is_done = self.is_done
        self.stops += 1
        self.times_found_done += is_done
        return is_done

    def cancel_jobs(self):
        self.loop.call_soon_threadsafe(self.release.set)

    async def app(self, scope, receive, send):
        if scope["type"] == "lifespan":
            return
        kind = b"text/event-stream" if scope["path"] == "/stream" else b"text/plain"
        if scope["path"] == "/refused":
            refusal = PlainTextResponse("refused", 413, {"connection": "close"})
            await respond_and_linger(refusal, 1000, scope, receive, send)
            return
        if scope["path"] == "/slow":
            await self.release.wait()
        headers = [(b"content-type", kind)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"delivered", "more_body": True})
        if scope["path"] == "/stream":
            await receive()
            assert (await receive())["type"] == "http.disconnect"
        await send({"type": "http.response.body", "body": b""})


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(draining, "IDLE_SECONDS", 0.05)
    monkeypatch.setattr(draining, "_GRACE_SECONDS", 0.1)


async def started(work, drain_seconds=30.0):
    listener = socket.create_server(("127.0.0.1", 0))
    tracker = ResponseTracker(work.app)
    config = uvicorn.Config(tracker, log_config=None, lifespan="off", ws="none")
    is_up = asyncio.Event()
    server = DrainingServer(config, work, tracker, drain_seconds, is_up.set)
    port = listener.getsockname()[1]
    task = asyncio.create_task(server._serve([listener]))
    task.add_done_callback(lambda _: listener.close())
    await is_up.wait()
    return server, task, port


def test_running_responses_finish_and_new_requests_are_answered(quick):
    async def run():
        work = FakeWork()
        server, task, port = await started(work)
        slow = asyncio.create_task(fetch(port, "/slow"))
        await fetch(port)
        server.handle_exit(15, None)
        while not work.stops:
            await asyncio.sleep(0.01)
        assert await fetch(port) == (b"HTTP/1.1 200 OK", b"9\r\ndelivered\r\n0\r\n\r\n")
        assert not slow.done() and not task.done()
        work.is_done = True  # all jobs are done, but one response is in progress
        work.release.set()
        assert (await slow)[1].startswith(b"9\r\ndelivered")
        await task

    asyncio.run(run())


def test_open_event_stream_does_not_delay_shutdown_or_log_errors(quick, caplog):
    async def run():
        work = FakeWork()
        work.is_done = True
        server, task, port = await started(work)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await reader.readuntil(b"delivered")
        server.handle_exit(15, None)
        await asyncio.wait_for(task, 60)
        assert server.has_finished
        assert not caplog.records, "no traceback may be logged"
        writer.close()

    asyncio.run(run())


def test_the_rest_of_a_refused_upload_does_not_delay_shutdown(quick, caplog, monkeypatch):
    for name in ("LINGER_SECONDS", "LINGER_IDLE_SECONDS"):
        monkeypatch.setattr(lingering_close, name, 3600)

    async def run():
        work = FakeWork()
        work.is_done = True
        server, task, port = await started(work, 10)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /refused HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900\r\n\r\n")
        await reader.readuntil(b"refused")
        server.handle_exit(15, None)
        await asyncio.wait_for(task, 60)
        assert server.has_finished
        assert not caplog.records
        writer.close()

    asyncio.run(run())


def test_server_stays_up_for_idle_seconds_after_the_last_job(quick):
    """Even without recent requests, since the page learns of the result from its stream."""

    async def run():
        work = FakeWork()
        server, task, port = await started(work)
        await fetch(port)
        server.handle_exit(15, None)
        while not work.stops or server._tracker.idle_seconds < draining.IDLE_SECONDS:
            await asyncio.sleep(0.01)
        work.is_done = True
        await task
        assert work.times_found_done >= 2, "the server ends after a later check only"

    asyncio.run(run())


@pytest.mark.parametrize("how", ["timeout", "a second signal"])
def test_unfinished_jobs_are_cancelled_and_answered(how):
    async def run():
        work = FakeWork()
        server, task, port = await started(work, 0.2 if how == "timeout" else 3600)
        slow = asyncio.create_task(fetch(port, "/slow"))
        await fetch(port)
        server.handle_exit(15, None)
        while not work.stops:
            await asyncio.sleep(0.01)
        if how == "a second signal":
            server.handle_exit(2, None)
        await asyncio.wait_for(task, 60)
        assert (await slow)[0] == b"HTTP/1.1 200 OK"
        assert not server.has_finished

    asyncio.run(run())


def test_tracker_is_idle_without_responses(ask):
    seen = []

    async def app(scope, receive, send):
        seen.append(tracker.idle_seconds)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})
        raise RuntimeError("an app may fail")

    tracker = ResponseTracker(app)
    assert tracker.idle_seconds >= 0
    with pytest.raises(RuntimeError):
        ask(tracker)
    assert seen == [0]
    time.sleep(0.01)
    assert tracker.idle_seconds > 0
