"""Heartbeat streams of open pages, with a limit of their number and duration.

While a page of Gradio is displayed, it keeps one response open that never ends, a heartbeat stream.
`client_limits` passes these requests to `Heartbeats`, and does not count them.
"""

import asyncio
from collections import Counter
from contextlib import suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEARTBEAT_PATH = "/gradio_api/heartbeat/"
MAX_HEARTBEATS = 200
"""Largest number of open streams of all clients. A new stream above it closes the oldest stream of
the client with the most streams. A page whose stream was closed opens another one: with a lower
limit, the pages of many visitors would do that all the time; with a higher one, streams take more
memory and connections."""
HEARTBEAT_SECONDS = 3600.0
"""Longest duration of one stream. A longer one keeps the streams of clients that vanished without
closing their connection; with a shorter one, open pages connect more often."""


class Heartbeats:
    """ASGI app of the heartbeat streams, with a limit of their number and duration.

    Args:
        app: inner ASGI app, which sends the streams.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._open: dict[asyncio.Task[None], str] = {}  # client by stream, the oldest first

    async def serve(self, client: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward the request of a stream, and end the response when the stream is closed.

        Args:
            client: client of the request, from `client_limits.client_of`.
            scope: ASGI scope of the request.
            receive: receives messages of the client.
            send: sends messages of the response.
        """
        has_response = is_complete = False

        async def send_and_track(message: Message) -> None:
            nonlocal has_response, is_complete
            has_response = True
            is_body = message["type"] == "http.response.body"
            is_complete = is_body and not message.get("more_body", False)
            await send(message)

        self._make_room()
        stream = asyncio.ensure_future(self._app(scope, receive, send_and_track))
        self._open[stream] = client
        try:
            await asyncio.wait({stream}, timeout=HEARTBEAT_SECONDS)
        finally:
            del self._open[stream]
            stream.cancel()  # has no effect on a stream that has ended
        with suppress(asyncio.CancelledError):
            await stream
        if has_response and not is_complete:
            await send({"type": "http.response.body", "body": b""})  # ends the response

    def _make_room(self) -> None:
        """If there are too many streams, close the oldest one of the client with the most streams.

        The call of `serve` that waits for this stream then ends its response.
        """
        # Without the streams that are closing already.
        clients = {task: client for task, client in self._open.items() if not task.cancelling()}
        if len(clients) < MAX_HEARTBEATS:
            return
        [(busiest_client, _count)] = Counter(clients.values()).most_common(1)
        streams = [task for task, client in clients.items() if client == busiest_client]
        streams[0].cancel()  # the oldest one
