"""Identity of a visitor: a random number in a signed cookie, without a login.

The key of the signatures is chosen when the server starts, and never stored. A visitor needs no
identity after the end of the server, which removes the results of all visitors.
"""

import hashlib
import hmac
import secrets
from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_PAGE_PATH, _JOBS_PATH = "/", "/api/jobs"
# Each has 128 bits, too many to guess. The signature is an HMAC, cut to `_SIGNATURE_BYTES`.
_ID_BYTES, _SIGNATURE_BYTES = 16, 16


class VisitorCookies:
    """ASGI middleware: writes the visitor of a request into `scope["visitor"]`.

    The visitor is 32 hexadecimal digits; None without a cookie, and for a cookie that this server
    did not sign. The response of the page sets the cookie. The cookie ends with the browser,
    scripts cannot read it, and pages of other sites do not send it.

    Args:
        app: inner ASGI app.
        port: port of the server; cookies of servers on different ports must differ in name.
    """

    def __init__(self, app: ASGIApp, port: int) -> None:
        self._app = app
        self._name = f"srgan-gp-visitor-{port}"
        self._key = secrets.token_bytes(32)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward a request, and set the cookie with the page."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        header = Headers(scope=scope).get("cookie", "")
        visitor = self._visitor_of(header)
        scope = {**scope, "visitor": visitor}
        # A page that was open when the server was restarted has a cookie that is not valid any
        # more. It gets a new one when it requests its jobs.
        is_old_page = scope["path"] == _JOBS_PATH and self._name in header
        needs_cookie = visitor is None and (scope["path"] == _PAGE_PATH or is_old_page)
        if not needs_cookie:
            await self._app(scope, receive, send)
            return

        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 200:
                MutableHeaders(scope=message).append("set-cookie", self._cookie(scope["scheme"]))
            await send(message)

        await self._app(scope, receive, send_with_cookie)

    def _cookie(self, scheme: str) -> str:
        """Return the value of a Set-Cookie header with a new identity.

        Source:
            RFC 6265, and its revision rfc6265bis for SameSite.
        """
        visitor = secrets.token_hex(_ID_BYTES)
        secure = "; Secure" if scheme == "https" else ""
        value = f"{visitor}.{self._signature(visitor)}"
        return f"{self._name}={value}; Path=/; HttpOnly; SameSite=Strict{secure}"

    def _visitor_of(self, header: str) -> str | None:
        """Return the visitor in a Cookie header; None: there is none that this server signed."""
        try:
            cookie = SimpleCookie(header).get(self._name)
        except CookieError:
            return None
        if cookie is None:
            return None
        # The value may be any text of a client. A header is decoded as Latin-1, so that the text
        # can always be encoded again.
        visitor, _dot, signature = cookie.value.partition(".")
        is_valid = hmac.compare_digest(signature.encode(), self._signature(visitor).encode())
        return visitor if is_valid else None

    def _signature(self, visitor: str) -> str:
        """Return the truncated HMAC-SHA256 of a visitor, in hexadecimal digits."""
        digest = hmac.digest(self._key, visitor.encode(), hashlib.sha256)
        return digest[:_SIGNATURE_BYTES].hex()
