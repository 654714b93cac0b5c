"""Heartbeat streams have their own limit, and never keep a request out."""

import asyncio

import pytest

from srgan_gp.serving.guards import client_limits, heartbeats
from srgan_gp.serving.guards.client_limits import ClientLimits

PATH = f"{heartbeats.HEARTBEAT_PATH}visitor"


async def endless(scope, receive, send):
    """Send a stream that ends when it is cancelled, as that of Gradio does."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"alive", "more_body": True})
    if scope["path"].startswith(heartbeats.HEARTBEAT_PATH):
        await asyncio.Event().wait()
    await send({"type": "http.response.body", "body": b""})


def open_streams(request_of, limits, count):
    return [asyncio.create_task(request_of(limits, path=PATH)) for _ in range(count)]


def test_open_streams_do_not_count_as_requests(request_of, monkeypatch):
    monkeypatch.setattr(client_limits, "MAX_REQUESTS", 3)

    async def run():
        limits = ClientLimits(endless)
        streams = open_streams(request_of, limits, 20)
        await asyncio.sleep(0.01)
        status = (await request_of(limits)).status
        for stream in streams:
            stream.cancel()
        return status

    assert asyncio.run(run()) == 200


def test_the_oldest_stream_of_the_client_with_the_most_makes_room(request_of, monkeypatch):
    monkeypatch.setattr(heartbeats, "MAX_HEARTBEATS", 4)
    names = iter(["modest", "greedy", "greedy", "greedy", "modest"])
    monkeypatch.setattr(client_limits, "client_of", lambda scope: next(names))

    async def run():
        limits = ClientLimits(endless)
        streams = []
        for _ in range(5):
            streams += open_streams(request_of, limits, 1)
            await asyncio.sleep(0.01)
        ended = [stream.done() for stream in streams]
        response = await streams[1]
        for stream in streams:
            stream.cancel()
        return ended, response

    ended, response = asyncio.run(run())
    assert ended == [False, True, False, False, False]
    assert (response.status, response.body) == (200, b"alive"), "the response is complete"


def test_a_stream_expires(request_of, monkeypatch):
    monkeypatch.setattr(heartbeats, "HEARTBEAT_SECONDS", 0.01)
    response = asyncio.run(request_of(ClientLimits(endless), path=PATH))
    assert response.status == 200


@pytest.mark.parametrize("leaves_early", [False, True])
def test_a_client_that_leaves_frees_its_stream(request_of, monkeypatch, leaves_early):
    async def fails(scope, receive, send):
        if not leaves_early:
            await endless({"path": ""}, receive, send)

    async def run():
        beats = heartbeats.Heartbeats(fails)
        await beats.serve("me", {}, None, send)
        return len(beats._open)

    async def send(message):
        """Discard the message."""

    assert asyncio.run(run()) == 0
