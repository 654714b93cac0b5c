"""Minimal HTTP/1.1 client that can send from several loopback addresses, with or without TLS.

The server limits clients by their address, so that a load test needs many.
"""

import asyncio
import socket
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass

BOUNDARY = "benchmark-of-srgan-gp"
"""Separates the parts of a form; does not occur in the files."""


@dataclass(frozen=True)
class Answer:
    """A response and its time; names and values of the headers are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float
    """Seconds from the start of the connection to the last byte."""


def address_of(number: int) -> str:
    """Return the loopback address of client `number`, from 0; Linux only."""
    return f"127.0.{1 + number // 250}.{1 + number % 250}"


async def get(port: int, path: str) -> Answer:
    """Send a GET request."""
    return await request(port, f"GET {path} HTTP/1.1\r\n", b"", "127.0.0.1")


async def post_file(port: int, path: str, field: str, data: bytes, client: int) -> Answer:
    """Send a form with one file, `data`, from the address of client `client`."""
    return await request(port, *build_form(path, field, data), address_of(client))


def build_form(path: str, field: str, data: bytes) -> tuple[str, bytes]:
    """Return the head and the body of a request with one file, for `request`."""
    part = f'Content-Disposition: form-data; name="{field}"; filename="a.png"'
    body = f"--{BOUNDARY}\r\n{part}\r\n\r\n".encode() + data + f"\r\n--{BOUNDARY}--\r\n".encode()
    kind = f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n"
    return f"POST {path} HTTP/1.1\r\n{kind}Content-Length: {len(body)}\r\n", body


async def request(
    port: int,
    head: str,
    body: bytes,
    source: str,
    *,
    tls: ssl.SSLContext | None = None,
    host: str = "127.0.0.1",
) -> Answer:
    """Send a request from the address `source`, and read the complete response.

    Args:
        port: port of this machine.
        head: request line and header lines, without Host.
        body: body of the request.
        source: loopback address of the client.
        tls: settings of an encrypted connection; None: not encrypted.
        host: name of the server.

    Raises:
        OSError: the connection fails.
    """
    started = time.perf_counter()
    reader, writer = await connect(port, source, tls=tls, host=host)
    try:
        writer.write(f"{head}Host: {host}\r\nConnection: close\r\n\r\n".encode() + body)
        await writer.drain()
        answer = await reader.read()
    finally:
        await close(writer)
    answer_head, _, content = answer.partition(b"\r\n\r\n")
    status_line, *lines = answer_head.decode("latin-1").split("\r\n")  # "HTTP/1.1 200 OK"
    status = int(status_line.split()[1])
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return Answer(status, headers, content, time.perf_counter() - started)


async def connect(
    port: int, source: str, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a connection from the address `source`; with `tls` to the server named `host`."""
    name = host if tls else None
    return await asyncio.open_connection(
        "127.0.0.1", port, local_addr=(source, 0), ssl=tls, server_hostname=name
    )


async def close(writer: asyncio.StreamWriter) -> None:
    """Close a connection; errors of a connection that is broken already are ignored."""
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


def free_ports(count: int) -> list[int]:
    """Return ports that are free now; another program may take them before they are used."""
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports
