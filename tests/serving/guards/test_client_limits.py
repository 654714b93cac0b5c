import asyncio
import json

import pytest
from starlette.responses import PlainTextResponse

from srgan_gp.serving.guards import client_limits
from srgan_gp.serving.guards.client_limits import ClientLimits, client_of
from srgan_gp.serving.guards.lingering_close import respond_and_linger


@pytest.mark.parametrize(
    ("one", "other", "are_equal"),
    [
        ("2001:db8::1", "2001:db8::ffff:1:2:3", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("::1", "::2", False),
        ("proxy text", "proxy text", True),
    ],
)
def test_client_is_an_ipv6_prefix_or_an_ipv4_address(one, other, are_equal):
    names = [client_of({"client": (host, port)}) for port, host in enumerate((one, other))]
    assert (names[0] == names[1]) is are_equal


def test_client_without_an_address_is_unknown():
    assert client_of({"client": None}) == client_of({}) == "unknown"


@pytest.fixture
def respond_after(request_of):
    """Start `count` requests and then one more; returns the response to the last."""

    async def run(count, **named):
        leaving, arrived = asyncio.Event(), []

        async def slow(scope, receive, send):
            arrived.append(scope["path"])
            if len(arrived) <= count:
                await leaving.wait()
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b""})

        limits = ClientLimits(slow)
        waiting = [asyncio.create_task(request_of(limits)) for _ in range(count)]
        while len(arrived) < count:
            await asyncio.sleep(0)
        one_more = await request_of(limits, **named)
        leaving.set()
        assert {(await task).status for task in waiting} <= {200}
        assert (await request_of(limits)).status == 200, "finished requests free the limit"
        return one_more

    return lambda count, **named: asyncio.run(run(count, **named))


@pytest.mark.parametrize("limit", ["MAX_REQUESTS_PER_CLIENT", "MAX_REQUESTS"])
def test_requests_above_a_limit_are_refused_with_retry_after(respond_after, monkeypatch, limit):
    monkeypatch.setattr(client_limits, limit, 3)
    monkeypatch.setattr(client_limits, "is_loopback", lambda client: False)
    assert respond_after(2).status == 200
    response = respond_after(3)
    assert response.status == 503
    assert int(response.headers["retry-after"]) > 0
    assert json.loads(response.body)["code"] == "E_BUSY"


def test_loopback_is_exempt_from_the_limit_per_client(respond_after, monkeypatch):
    monkeypatch.setattr(client_limits, "MAX_REQUESTS_PER_CLIENT", 3)
    assert respond_after(4).status == 200


def test_health_checks_are_exempt_from_limits(respond_after, monkeypatch):
    monkeypatch.setattr(client_limits, "MAX_REQUESTS", 3)
    assert respond_after(3, path="/healthz").status == 200


def test_the_rest_of_a_refused_upload_is_not_limited(request_of, monkeypatch):
    monkeypatch.setattr(client_limits, "MAX_REQUESTS", 1)
    monkeypatch.setattr(client_limits, "is_loopback", lambda client: False)
    lingering = []

    async def refuse(scope, receive, send):
        async def receive_and_record():
            lingering.append(scope)
            return await receive()

        refusal = PlainTextResponse("refused", 413)
        await respond_and_linger(refusal, 1000, scope, receive_and_record, send)

    async def run():
        limits = ClientLimits(refuse)
        first = asyncio.create_task(request_of(limits, chunks=(), then="wait"))
        while not lingering:
            await asyncio.sleep(0)
        assert (await request_of(limits)).status == 413, "not 503"
        assert not limits._running
        first.cancel()

    asyncio.run(run())
