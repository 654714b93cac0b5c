import asyncio
import socket
from contextlib import suppress

import pytest
import uvicorn
from uvicorn.server import ServerState

from srgan_gp.serving.guards import timeouts
from srgan_gp.serving.guards.timeouts import TimeoutProtocol

REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
LARGE = b"GET /large HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


async def slow_app(scope, receive, send):
    """Takes three times the head timeout; `/large` exceeds the buffers of a connection."""
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
    """Run a coroutine function of a client against a server."""
    monkeypatch.setattr(timeouts, "HEAD_TIMEOUT_SECONDS", 0.2)

    def run(client, trusted=()):
        async def both():
            listener = socket.create_server(("127.0.0.1", 0))
            config = uvicorn.Config(
                slow_app, http=TimeoutProtocol, log_config=None, lifespan="off", ws="none",
                forwarded_allow_ips=list(trusted),
            )  # fmt: skip
            server = uvicorn.Server(config)
            serving = asyncio.create_task(server._serve([listener]))
            reader, writer = await asyncio.open_connection(*listener.getsockname())
            await asyncio.wait_for(client(reader, writer), 60)
            writer.close()
            while server.server_state.connections:
                await asyncio.sleep(0.01)  # until the server has closed it
            server.should_exit = True
            await serving
            listener.close()

        asyncio.run(both())

    return run


@pytest.mark.parametrize("start", [b"", b"GET / HTTP/1.1\r\nHost: loc"], ids=["silent", "slow"])
def test_incomplete_request_head_times_out(serve, start):
    async def client(reader, writer):
        writer.write(start)
        assert await reader.read() == b""

    serve(client)


def test_slow_request_head_times_out(serve):
    async def client(reader, writer):
        closed = asyncio.create_task(reader.read())
        # Bytes in flight when the server closes cause a reset.
        with suppress(ConnectionResetError):
            for byte in REQUEST * 100:
                writer.write(bytes([byte]))
                await asyncio.sleep(0.02)
                if closed.done():
                    break
            assert await closed == b""

    serve(client)


def test_slow_response_is_not_limited_by_the_head_timeout(serve):
    async def client(reader, writer):
        for _ in range(2):
            writer.write(REQUEST)
            assert (await reader.readuntil(b"done")).startswith(b"HTTP/1.1 200")
        writer.write(REQUEST[:9])
        assert await reader.read() == b""

    serve(client)


def test_client_that_does_not_read_times_out(serve, monkeypatch):
    """It would keep its connection and the sent file open for ever."""
    monkeypatch.setattr(timeouts, "READ_TIMEOUT_SECONDS", 0.3)

    async def client(reader, writer):
        is_closed, connection_lost = asyncio.Event(), TimeoutProtocol.connection_lost

        def record(protocol, error):
            connection_lost(protocol, error)
            is_closed.set()

        monkeypatch.setattr(TimeoutProtocol, "connection_lost", record)
        writer.write(LARGE)
        await is_closed.wait()
        with suppress(ConnectionResetError):
            assert b"end" not in (await reader.read())[-20:]

    serve(client)


class StuckTransport(asyncio.Transport):
    """Has a few unsent bytes that the client does not read."""

    def __init__(self, host):
        super().__init__({"peername": (host, 50000)})
        self.aborted = asyncio.Event()

    def get_write_buffer_size(self):
        return 9

    def is_closing(self):
        return False

    def abort(self):
        self.aborted.set()


def connected(transport, state):
    """Create a connection to a server."""
    config = uvicorn.Config(slow_app, http=TimeoutProtocol, log_config=None, ws="none")
    config.load()
    protocol = TimeoutProtocol(config, state, {})
    protocol.connection_made(transport)
    return protocol


def test_client_that_does_not_read_the_end_times_out(monkeypatch):
    """Below 16 KiB writing is resumed, and after the response nothing is written."""
    monkeypatch.setattr(timeouts, "READ_TIMEOUT_SECONDS", 0.05)

    async def read_all_but_the_end():
        transport = StuckTransport("192.0.2.1")
        protocol = connected(transport, ServerState())
        protocol.pause_writing()
        protocol.on_response_complete()
        protocol.resume_writing()
        await asyncio.wait_for(transport.aborted.wait(), 60)
        protocol.connection_lost(ConnectionResetError())

    asyncio.run(read_all_but_the_end())


def test_addresses_of_one_ipv6_prefix_count_as_one_client(monkeypatch):
    monkeypatch.setattr(timeouts, "MAX_CONNECTIONS_PER_CLIENT", 2)

    async def connect():
        state, transports = ServerState(), []
        for host in ("2001:db8::1", "2001:db8::2", "2001:db8:0:1::1", "2001:db8::3"):
            transports.append(StuckTransport(host))
            connected(transports[-1], state)
        aborted = [transport.aborted.is_set() for transport in transports]
        for protocol in list(state.connections):
            protocol.connection_lost(ConnectionResetError())
        return aborted

    assert asyncio.run(connect()) == [False, False, False, True]


def test_slow_reader_gets_the_whole_response(serve):
    async def client(reader, writer):
        writer.write(LARGE)
        for _ in range(10):
            await reader.readexactly(1 << 20)
            await asyncio.sleep(0.05)
        assert b"end" in (await reader.read())[-20:]

    serve(client)


@pytest.mark.parametrize(
    ("is_local", "trusted", "is_exempt"),
    [(False, [], False), (False, ["10.0.0.0/8"], False), (True, [], True),
     (False, ["10.0.0.0/8", "127.0.0.1"], True)],
)  # fmt: skip
def test_connections_per_client_are_limited_except_for_loopback_and_proxies(
    serve, monkeypatch, is_local, trusted, is_exempt
):
    monkeypatch.setattr(timeouts, "HEAD_TIMEOUT_SECONDS", 60)
    monkeypatch.setattr(timeouts, "MAX_CONNECTIONS_PER_CLIENT", 1)
    monkeypatch.setattr(timeouts, "is_loopback", lambda host: is_local)

    async def client(reader, writer):
        address = writer.get_extra_info("peername")
        second, writer_of_second = await asyncio.open_connection(*address)
        writer_of_second.write(REQUEST)
        response = b""
        with suppress(ConnectionResetError):
            response = await second.read(8)
        assert (response == b"HTTP/1.1") is is_exempt
        writer_of_second.close()
        writer.write(REQUEST)
        assert await reader.read(8) == b"HTTP/1.1"

    serve(client, trusted)
