"""Uploads above the limit, against a server with real connections."""

import asyncio
import socket
import time

import httpx
import pytest
import uvicorn

from srgan_gp.serving.guards import lingering_close
from srgan_gp.serving.guards.body_limits import BodyLimits
from srgan_gp.serving.guards.timeouts import TimeoutProtocol
from srgan_gp.serving.server_settings import ServerSettings

LIMIT = 2_000_000
FORM = "multipart/form-data; boundary=xyz"
HEAD = (
    f"POST /api/upscale HTTP/1.1\r\nHost: localhost\r\nContent-Type: {FORM}\r\n"
    "Content-Length: %d\r\n\r\n"
)


@pytest.fixture
def serve():
    """Run a coroutine function of (port, server state) against a server with the limit."""

    def run(client):
        async def never(scope, receive, send):
            pytest.fail("the request was forwarded")

        async def both():
            listener = socket.create_server(("127.0.0.1", 0))
            app = BodyLimits(never, ServerSettings(max_upload_bytes=LIMIT))
            config = uvicorn.Config(
                app, http=TimeoutProtocol, log_config=None, lifespan="off", ws="none"
            )
            server = uvicorn.Server(config)
            serving = asyncio.create_task(server._serve([listener]))
            port = listener.getsockname()[1]
            try:
                return await asyncio.wait_for(client(port, server.server_state), 60)
            finally:
                server.should_exit = True
                await serving
                listener.close()

        return asyncio.run(both())

    return run


async def slowly(total, seconds):
    """Yield `total` bytes in 25 parts, in so many seconds."""
    for _ in range(25):
        yield bytes(total // 25)
        await asyncio.sleep(seconds / 25)


@pytest.mark.parametrize("has_length", [True, False])
def test_httpx_gets_the_answer_though_it_reads_it_after_it_has_sent_everything(serve, has_length):
    async def client(port, _state):
        headers = {"content-type": FORM}
        if has_length:
            headers["content-length"] = str(3_000_000)
        async with httpx.AsyncClient(timeout=30) as http:
            return await http.post(
                f"http://127.0.0.1:{port}/api/upscale",
                headers=headers,
                content=slowly(3_000_000, 1.5),
            )

    # The parts do not belong to a form, which is found when the first one arrives.
    response = serve(client)
    assert response.status_code == (413 if has_length else 400)
    assert response.json()["code"] == ("E_TOO_LARGE" if has_length else "E_USAGE")


def test_a_form_without_length_is_answered_at_the_limit(serve):
    part = b'--xyz\r\nContent-Disposition: form-data; name="picture"; filename="a.png"\r\n\r\n'

    async def parts():
        yield part
        async for data in slowly(3_000_000, 1.5):
            yield data

    async def client(port, _state):
        async with httpx.AsyncClient(timeout=30) as http:
            url = f"http://127.0.0.1:{port}/api/upscale"
            return await http.post(url, headers={"content-type": FORM}, content=parts())

    response = serve(client)
    assert (response.status_code, response.json()["code"]) == (413, "E_TOO_LARGE")


async def send_until_closed(port, state, data, pause):
    """Send a head and then `data` again and again, until the server closes the connection.

    Returns:
        The beginning of the answer, the seconds to the end, and the number of bytes sent.
    """
    started, sent = time.monotonic(), 0
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write((HEAD % 10_000_000_000).encode())
    answer = await reader.read(12)  # at once, before the rest is dropped
    assert state.connections
    while state.connections:
        writer.write(data)
        sent += len(data)
        try:
            await writer.drain()
        except ConnectionError:
            break
        await asyncio.sleep(pause)
    writer.close()
    return answer, time.monotonic() - started, sent


def test_a_fast_sender_is_cut_off_at_the_limit_of_bytes(serve):
    async def client(port, state):
        return await send_until_closed(port, state, bytes(50_000), 0)

    answer, seconds, sent = serve(client)
    assert answer == b"HTTP/1.1 413"
    # The buffers of both sockets hold some MB.
    assert lingering_close.LINGER_FACTOR * LIMIT <= sent < 20_000_000
    assert seconds < lingering_close.LINGER_IDLE_SECONDS


def test_a_steady_sender_is_cut_off_after_the_limit_of_time(serve, monkeypatch):
    monkeypatch.setattr(lingering_close, "LINGER_SECONDS", 0.5)

    async def client(port, state):
        return await send_until_closed(port, state, b"x", 0.02)

    answer, seconds, sent = serve(client)
    assert answer == b"HTTP/1.1 413"
    assert 0.5 <= seconds < 10
    assert sent < 1000


def test_a_silent_sender_is_cut_off_after_the_limit_of_pauses(serve, monkeypatch):
    monkeypatch.setattr(lingering_close, "LINGER_IDLE_SECONDS", 0.2)

    async def client(port, state):
        started = time.monotonic()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write((HEAD % 3_000_000).encode())
        answer = await reader.read()
        writer.close()
        return answer, time.monotonic() - started

    answer, seconds = serve(client)
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"E_TOO_LARGE" in answer
    assert 0.2 <= seconds < 10
    assert lingering_close.LINGER_SECONDS <= 30


def test_a_client_that_waits_for_continue_need_not_send(serve, monkeypatch):
    monkeypatch.setattr(lingering_close, "LINGER_IDLE_SECONDS", 0.2)

    async def client(port, _state):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        head = (HEAD % 3_000_000).replace("\r\n\r\n", "\r\nExpect: 100-continue\r\n\r\n")
        writer.write(head.encode())
        answer = await reader.read()
        writer.close()
        return answer

    assert serve(client).startswith(b"HTTP/1.1 413")
