"""Limits of one client, who is identified by address."""

import ipaddress
from collections import Counter

from starlette.types import ASGIApp, Receive, Scope, Send

from srgan_gp.serving.error_responses import Refusal, busy
from srgan_gp.serving.guards.access_control import UNGUARDED, is_loopback

MOST_REQUESTS = 600
"""Under way at once; many systems let a process have 1024 files and connections."""
MOST_OF_ONE_CLIENT = 300
"""Of them: a page that is opened asks for 100 files, through some proxies for all of them at once;
one that is open keeps two or three. A company may have one address, and a proxy on this machine
that does not say for whom it asks may have them all."""

_PREFIX_OF_A_HOME = 64
"""Bits of an IPv6 address: whoever has one has all that begin alike."""


def client_of(scope: Scope) -> str:
    """Name the client of a request by its address, as far as it cannot choose it.

    >>> client_of({"client": ("2001:db8::1:2:3:4", 50000)})
    '2001:db8::/64'
    >>> client_of({"client": ("::ffff:192.0.2.1", 50000)})
    '192.0.2.1'
    >>> client_of({"client": ("::1", 50000)})
    '::1'
    """
    host = (scope.get("client") or ("unknown", 0))[0]
    try:
        address = ipaddress.IPv6Address(host)
    except ValueError:  # IPv4, or what a proxy says
        return host
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    if address.is_loopback:
        return str(address)
    return str(ipaddress.IPv6Network((int(address), _PREFIX_OF_A_HOME), strict=False))


class FairShare:
    """ASGI middleware: refuses who has too many requests under way, or anybody where all have.

    Args:
        app: what comes behind.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._under_way: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http" or scope["path"] in UNGUARDED:
            await self._app(scope, receive, send)
            return
        client = client_of(scope)
        try:
            self._check(client)
        except Refusal as refusal:
            await refusal.response(scope["path"])(scope, receive, send)
            return
        self._under_way[client] += 1
        try:
            await self._app(scope, receive, send)
        finally:
            self._under_way[client] -= 1
            if not self._under_way[client]:
                del self._under_way[client]

    def _check(self, client: str) -> None:
        if self._under_way[client] >= MOST_OF_ONE_CLIENT and not is_loopback(client):
            raise busy("You have too many requests under way; wait for one of them.")
        if self._under_way.total() >= MOST_REQUESTS:
            raise busy("Too many visitors at this moment; try again in a few seconds.")
