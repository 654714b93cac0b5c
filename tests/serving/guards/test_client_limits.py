import asyncio
import json

import pytest

from srgan_gp.serving.guards import client_limits
from srgan_gp.serving.guards.client_limits import FairShare, client_of


@pytest.mark.parametrize(
    ("one", "other", "are_one"),
    [
        ("2001:db8::1", "2001:db8::ffff:1:2:3", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("::1", "::2", False),
        ("what a proxy says", "what a proxy says", True),
    ],
)
def test_a_home_has_one_network_of_ipv6_and_one_address_of_ipv4(one, other, are_one):
    names = [client_of({"client": (host, port)}) for port, host in enumerate((one, other))]
    assert (names[0] == names[1]) is are_one


def test_a_client_without_an_address_has_a_name():
    assert client_of({"client": None}) == client_of({}) == "unknown"


@pytest.fixture
def crowd(request_of):
    """Start as many requests as are told, then one more; gives the answer to that."""

    async def run(count, **named):
        leaving, arrived = asyncio.Event(), []

        async def slow(scope, receive, send):
            arrived.append(scope["path"])
            if len(arrived) <= count:
                await leaving.wait()
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b""})

        share = FairShare(slow)
        waiting = [asyncio.create_task(request_of(share)) for _ in range(count)]
        while len(arrived) < count:
            await asyncio.sleep(0)
        one_more = await request_of(share, **named)
        leaving.set()
        assert {(await task).status for task in waiting} <= {200}
        assert (await request_of(share)).status == 200, "what is over makes room again"
        return one_more

    return lambda count, **named: asyncio.run(run(count, **named))


@pytest.mark.parametrize("limit", ["MOST_OF_ONE_CLIENT", "MOST_REQUESTS"])
def test_one_request_too_many_is_refused_with_a_time_to_come_back(crowd, monkeypatch, limit):
    monkeypatch.setattr(client_limits, limit, 3)
    monkeypatch.setattr(client_limits, "is_loopback", lambda client: False)
    assert crowd(2).status == 200
    answer = crowd(3)
    assert answer.status == 503
    assert int(answer.headers["retry-after"]) > 0
    assert json.loads(answer.body)["code"] == "E_BUSY"


def test_a_proxy_that_does_not_say_for_whom_it_asks_may_have_all_requests(crowd, monkeypatch):
    monkeypatch.setattr(client_limits, "MOST_OF_ONE_CLIENT", 3)
    assert crowd(4).status == 200


def test_probes_are_answered_in_any_crowd(crowd, monkeypatch):
    monkeypatch.setattr(client_limits, "MOST_REQUESTS", 3)
    assert crowd(3, path="/healthz").status == 200
