"""As much of HTTP as a crowd of clients needs, each from an address of its own."""

import asyncio
import time
from dataclasses import dataclass

BOUNDARY = "benchmark-of-srgan-gp"


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float
    """From the connection to the last byte."""


def address_of(number: int) -> str:
    """Give client `number` an address of its own on the loopback of Linux."""
    return f"127.0.{1 + number // 250}.{1 + number % 250}"


async def get(port: int, path: str) -> Answer:
    """Ask for a path."""
    return await ask(port, f"GET {path} HTTP/1.1\r\n", b"", "127.0.0.1")


async def post_file(port: int, path: str, field: str, data: bytes, client: int) -> Answer:
    """Send a form with one file, `data`, in the name of client `client`."""
    return await ask(port, *form(path, field, data), address_of(client))


def form(path: str, field: str, data: bytes) -> tuple[str, bytes]:
    """Write the head of a request that sends one file, and its body."""
    part = f'Content-Disposition: form-data; name="{field}"; filename="a.png"'
    body = f"--{BOUNDARY}\r\n{part}\r\n\r\n".encode() + data + f"\r\n--{BOUNDARY}--\r\n".encode()
    kind = f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n"
    return f"POST {path} HTTP/1.1\r\n{kind}Content-Length: {len(body)}\r\n", body


async def ask(port: int, head: str, body: bytes, source: str) -> Answer:
    """Send one request from the address `source`, and read the answer to its end."""
    started = time.perf_counter()
    reader, writer = await connect(port, source)
    try:
        writer.write(f"{head}Host: 127.0.0.1\r\nConnection: close\r\n\r\n".encode() + body)
        await writer.drain()
        answer = await reader.read()
    finally:
        writer.close()
    start, _, content = answer.partition(b"\r\n\r\n")
    first, *lines = start.decode("latin-1").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return Answer(int(first.split()[1]), headers, content, time.perf_counter() - started)


async def connect(port: int, source: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a connection from the address `source`."""
    return await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
