import asyncio
import socket
from contextlib import suppress

import pytest
import uvicorn

from srgan_gp.serving import impatience
from srgan_gp.serving.impatience import ImpatientProtocol

REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def slow_app(scope, receive, send):
    """Takes three times as long as a head may."""
    await asyncio.sleep(0.6)
    headers = [(b"content-length", b"4")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"done"})


@pytest.fixture
def serve(monkeypatch):
    """Run a client's coroutine function against a server."""
    monkeypatch.setattr(impatience, "HEAD_SECONDS", 0.2)

    def run(client):
        async def both():
            listener = socket.create_server(("127.0.0.1", 0))
            config = uvicorn.Config(
                slow_app, http=ImpatientProtocol, log_config=None, lifespan="off", ws="none"
            )
            server = uvicorn.Server(config)
            serving = asyncio.create_task(server._serve([listener]))
            reader, writer = await asyncio.open_connection(*listener.getsockname())
            await asyncio.wait_for(client(reader, writer), 60)
            writer.close()
            server.should_exit = True
            await serving
            listener.close()

        asyncio.run(both())

    return run


@pytest.mark.parametrize("start", [b"", b"GET / HTTP/1.1\r\nHost: loc"], ids=["silent", "slow"])
def test_a_client_that_does_not_finish_its_head_is_let_go(serve, start):
    async def client(reader, writer):
        writer.write(start)
        assert await reader.read() == b""

    serve(client)


def test_one_byte_at_a_time_does_not_help(serve):
    async def client(reader, writer):
        closed = asyncio.create_task(reader.read())
        # What is still on its way when the server closes makes it a reset.
        with suppress(ConnectionResetError):
            for byte in REQUEST * 100:
                writer.write(bytes([byte]))
                await asyncio.sleep(0.02)
                if closed.done():
                    break
            assert await closed == b""

    serve(client)


def test_a_slow_answer_is_waited_for_and_the_next_request_has_its_own_time(serve):
    async def client(reader, writer):
        for _ in range(2):
            writer.write(REQUEST)
            assert (await reader.readuntil(b"done")).startswith(b"HTTP/1.1 200")
        writer.write(REQUEST[:9])
        assert await reader.read() == b""

    serve(client)
