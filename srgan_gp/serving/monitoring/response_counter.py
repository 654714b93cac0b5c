"""Middleware that reports the status of every response, for the metrics of the server."""

from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send


class ResponseCounter:
    """ASGI middleware: reports the HTTP status of every response.

    Args:
        app: inner ASGI app.
        on_response: called with the HTTP status, such as `ServerMetrics.count_response`.
    """

    def __init__(self, app: ASGIApp, on_response: Callable[[int], None]) -> None:
        self._app = app
        self._on_response = on_response

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward a request, and report the status when the response begins."""

        async def send_and_report(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._on_response(message["status"])
            await send(message)

        await self._app(scope, receive, send_and_report)
