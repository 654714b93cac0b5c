import asyncio
import socket
from contextlib import suppress

import pytest
import uvicorn

from srgan_gp.serving import impatience
from srgan_gp.serving.impatience import ImpatientProtocol

REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
LARGE = b"GET /large HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


async def slow_app(scope, receive, send):
    """Takes three times as long as a head may; `/large` is more than a connection can hold."""
    if scope["path"] == "/large":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(400):
            await send({"type": "http.response.body", "body": bytes(1 << 16), "more_body": True})
        await send({"type": "http.response.body", "body": b"end"})
        return
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
            while server.server_state.connections:
                await asyncio.sleep(0.01)  # until the server has let go
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


def test_a_client_that_does_not_read_is_let_go(serve, monkeypatch):
    """It would hold its connection, and the file that is sent, for ever."""
    monkeypatch.setattr(impatience, "READING_SECONDS", 0.3)

    async def client(reader, writer):
        writer.write(LARGE)
        await asyncio.sleep(1)
        with suppress(ConnectionResetError):
            assert b"end" not in (await reader.read())[-20:]

    serve(client)


def test_a_client_that_reads_slowly_gets_everything(serve):
    async def client(reader, writer):
        writer.write(LARGE)
        for _ in range(10):
            await reader.readexactly(1 << 20)
            await asyncio.sleep(0.05)
        assert b"end" in (await reader.read())[-20:]

    serve(client)


@pytest.mark.parametrize("is_local", [False, True])
def test_one_address_has_so_many_connections_unless_it_is_the_proxy(serve, monkeypatch, is_local):
    monkeypatch.setattr(impatience, "HEAD_SECONDS", 60)
    monkeypatch.setattr(impatience, "MOST_CONNECTIONS_OF_ONE_ADDRESS", 1)
    monkeypatch.setattr(impatience, "is_loopback", lambda host: is_local)

    async def client(reader, writer):
        address = writer.get_extra_info("peername")
        second, writer_of_second = await asyncio.open_connection(*address)
        writer_of_second.write(REQUEST)
        answer = b""
        with suppress(ConnectionResetError):
            answer = await second.read(8)
        assert (answer == b"HTTP/1.1") is is_local
        writer_of_second.close()
        writer.write(REQUEST)
        assert await reader.read(8) == b"HTTP/1.1"

    serve(client)
