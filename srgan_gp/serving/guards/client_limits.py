"""Limits of concurrent requests, per client and in total; and the identification of clients.

`client_of` identifies a client by its network address, for all limits of the server.
"""

import ipaddress
from collections import Counter

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from srgan_gp.serving.error_responses import Refusal, busy
from srgan_gp.serving.guards.access_control import HEALTH_PATHS, is_loopback
from srgan_gp.serving.guards.heartbeats import HEARTBEAT_PATH, Heartbeats
from srgan_gp.serving.guards.lingering_close import ANSWERED

MAX_REQUESTS = 600
"""Concurrent requests of all clients; many systems allow a process 1024 files and connections."""
MAX_REQUESTS_PER_CLIENT = 300
"""Concurrent requests of one client. Opening the page requests 100 files, through some proxies all
at once, and an open page keeps two or three requests in progress. With this limit three people
behind one address, as in a company, can open the page at once. A client at a loopback address has
no limit: it may be a reverse proxy that does not forward the addresses of its clients."""

_IPV6_PREFIX_BITS = 64
"""Length of the IPv6 prefix that identifies one client: providers assign at least a /64 to each."""


def client_of(scope: Scope) -> str:
    """Return the client of a request: an IPv4 address, or the IPv6 network of 64 bits.

    A client can choose the other bits of an IPv6 address. All clients without an address share the
    name `unknown`.

    Args:
        scope: ASGI scope; its key `client` is (host, port) or None.

    >>> client_of({"client": ("2001:db8::1:2:3:4", 50000)})
    '2001:db8::/64'
    >>> client_of({"client": ("::ffff:192.0.2.1", 50000)})
    '192.0.2.1'
    >>> client_of({"client": ("::1", 50000)})
    '::1'
    """
    client = scope.get("client")
    host = client[0] if client else "unknown"
    try:
        address = ipaddress.IPv6Address(host)
    except ValueError:  # IPv4, or any text that a proxy forwards
        return host
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    if address.is_loopback:
        return str(address)
    return str(ipaddress.IPv6Network((int(address), _IPV6_PREFIX_BITS), strict=False))


class ClientLimits:
    """ASGI middleware: refuses requests above the limit per client or the total limit.

    Args:
        app: inner ASGI app.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._heartbeats = Heartbeats(app)  # endless streams of open pages, with their own limits
        self._running: Counter[str] = Counter()  # requests in progress by client

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward a request, or refuse it."""
        # Health checks must succeed under load too, so they have no limit.
        if scope["type"] != "http" or scope["path"] in HEALTH_PATHS:
            await self._app(scope, receive, send)
            return
        client = client_of(scope)
        if scope["path"].startswith(HEARTBEAT_PATH):
            await self._heartbeats.serve(client, scope, receive, send)
            return
        try:
            self._check(client)
        except Refusal as refusal:
            await refusal.response(scope["path"])(scope, receive, send)
            return
        await self._count(client, scope, receive, send)

    async def _count(self, client: str, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward a request, and count it as running until its response is complete.

        A message with the key `ANSWERED` completes the response to a refused upload: the app still
        receives the rest of the upload, but the request counts no more.
        """
        is_counted = True
        self._running[client] += 1

        def end_count() -> None:
            nonlocal is_counted
            if not is_counted:  # the second call, at the end of a refused upload
                return
            is_counted = False
            self._running[client] -= 1
            if self._running[client] == 0:
                del self._running[client]

        async def send_and_check(message: Message) -> None:
            await send(message)
            if ANSWERED in message:
                end_count()

        try:
            await self._app(scope, receive, send_and_check)
        finally:
            end_count()

    def _check(self, client: str) -> None:
        """Raise a `Refusal` if one more request of a client would exceed a limit."""
        if self._running[client] >= MAX_REQUESTS_PER_CLIENT and not is_loopback(client):
            raise busy("You have too many requests in progress. Wait for one of them.")
        if self._running.total() >= MAX_REQUESTS:
            raise busy("The server has too many requests in progress. Try again in a few seconds.")
