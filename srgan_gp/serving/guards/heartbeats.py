"""Heartbeat streams: each open page keeps one, apart from the requests that `client_limits` counts.

The page of Gradio opens a stream that never ends, to tell the server that it is still displayed.
"""

import asyncio
from collections import Counter
from contextlib import suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEARTBEAT_PATH = "/gradio_api/heartbeat/"
MAX_HEARTBEATS = 200
"""Open streams of all clients; the oldest one of the client with the most makes room for a new one.
A page whose stream was closed opens another one."""
HEARTBEAT_SECONDS = 3600.0
"""Longest duration of one stream."""


class Heartbeats:
    """ASGI app of the heartbeat streams, with a limit of their number and duration.

    Args:
        app: inner ASGI app, which sends the streams.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._open: dict[asyncio.Task[None], str] = {}  # from the oldest to the newest

    async def serve(self, client: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward the request of a stream, and end the response when the stream is closed.

        Args:
            client: client of the request, from `client_limits.client_of`.
            scope: as of any ASGI app.
            receive: as of any ASGI app.
            send: as of any ASGI app.
        """
        is_started = is_complete = False

        async def tracked_send(message: Message) -> None:
            nonlocal is_started, is_complete
            is_started = True
            body = message["type"] == "http.response.body"
            is_complete = body and not message.get("more_body", False)
            await send(message)

        self._make_room()
        task = asyncio.ensure_future(self._stream(scope, receive, tracked_send))
        self._open[task] = client
        try:
            await asyncio.wait({task}, timeout=HEARTBEAT_SECONDS)
        finally:
            del self._open[task]
            task.cancel()  # has no effect on a stream that has ended
        with suppress(asyncio.CancelledError):
            await task
        if is_started and not is_complete:
            await send({"type": "http.response.body", "body": b""})

    async def _stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)

    def _make_room(self) -> None:
        """Close the oldest stream of the client with the most streams if there are too many.

        `serve` then ends its response.
        """
        open_now = {task: client for task, client in self._open.items() if not task.cancelling()}
        if len(open_now) >= MAX_HEARTBEATS:
            [(most, _)] = Counter(open_now.values()).most_common(1)
            next(task for task, client in open_now.items() if client == most).cancel()
