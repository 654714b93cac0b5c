"""Requests are numbered in the order of their arrival."""

from srgan_gp.serving.guards.request_numbers import RequestNumbers


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
