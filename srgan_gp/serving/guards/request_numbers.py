"""Numbers of requests, in the order of their arrival.

Gradio prepares the inputs of an event in threads, so that the events of two requests may begin in
another order. The numbers tell which request came first.
"""

from itertools import count

from starlette.types import ASGIApp, Receive, Scope, Send


class RequestNumbers:
    """ASGI middleware: writes the number of an HTTP request, from 1 on, into the scope.

    The key is `request_number`. A number is unique in one server, and larger than those before.

    Args:
        app: inner ASGI app.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._numbers = count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Number a request and forward it."""
        if scope["type"] == "http":
            scope = {**scope, "request_number": next(self._numbers)}
        await self._app(scope, receive, send)
