"""Lingering close: an error response is sent at once, and then the rest of the upload is dropped.

A connection that is closed while the client still sends is reset, and the client loses a response
that it has not read. Many clients read only when they have sent everything.

The response and its end are ASGI messages, dicts that an app passes to the server.
"""

import asyncio
from contextlib import suppress

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

ANSWERED = "srgan_gp.is_answered"
"""Key that is added to the message with the body of the response, which is complete then.
`client_limits` and `draining` look for the key: the request no longer counts as running, although
the rest of its upload is still received."""
LINGER_FACTOR = 2
"""`body_limits` sets `max_bytes` such that of a refused upload this many times the largest allowed
upload is received in all. The client of a larger one may lose the response. A larger factor
receives more data in vain."""
LINGER_SECONDS = 20.0
"""Time after a response for which the rest of an upload is received. With less time, slower clients
lose the response; with more, refused clients keep their connections longer."""
LINGER_IDLE_SECONDS = 5.0
"""Longest pause of a client within `LINGER_SECONDS`; after it the connection is closed. The
consequences of a shorter or longer pause are the same."""


async def respond_and_linger(
    response: Response, max_bytes: int, scope: Scope, receive: Receive, send: Send
) -> None:
    """Send a response, drop what still arrives, and end the response, which closes the connection.

    The client has the complete response before anything is dropped. The connection is closed when
    the upload ends, or at the limit of bytes or time.

    Args:
        response: complete, with a Content-Length and `Connection: close`.
        max_bytes: about the largest number of bytes that are received and dropped; 0 or less: the
            connection is closed at once.
        scope: ASGI scope of the request.
        receive: receives the messages of the client.
        send: sends messages to the client.
    """

    async def send_without_end(message: Message) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "more_body": True, ANSWERED: True}
        await send(message)

    await response(scope, receive, send_without_end)
    with suppress(TimeoutError):
        async with asyncio.timeout(LINGER_SECONDS):
            await _drop(receive, max_bytes)
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _drop(receive: Receive, max_bytes: int) -> None:
    """Receive and drop at most about `max_bytes` of a body.

    Raises:
        TimeoutError: nothing has arrived for `LINGER_IDLE_SECONDS`.
    """
    dropped, more_body = 0, True
    while more_body and dropped < max_bytes:
        async with asyncio.timeout(LINGER_IDLE_SECONDS):
            message = await receive()
        dropped += len(message.get("body", b""))
        more_body = message.get("more_body", False)  # False if the client has disconnected
