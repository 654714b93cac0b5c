"""Requests are numbered in the order of their arrival."""

from srgan_gp.serving.guards.request_numbers import RequestNumbers
from srgan_gp.serving.http.server import guard
from srgan_gp.serving.server_settings import ServerSettings


def test_later_requests_have_larger_numbers(ask):
    numbers = []

    async def inside(scope, receive, send):
        numbers.append(scope["request_number"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    app = RequestNumbers(inside)
    for _ in range(3):
        ask(app)
    assert numbers == [1, 2, 3]


def test_the_server_numbers_the_requests_behind_its_guards(ask, tmp_path):
    scopes = []

    async def inside(scope, receive, send):
        scopes.append(scope)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    app, _tracker = guard(inside, ServerSettings(folder=tmp_path))
    ask(app)
    assert scopes[0]["request_number"] == 1
