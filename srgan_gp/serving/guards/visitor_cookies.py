"""Identity of a visitor: a random number in a signed cookie, without a login.

The key is drawn when the server starts and is never written, since no result outlives the server.
"""

import hashlib
import hmac
import secrets
from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_PAGE, _JOBS_OF_PAGE = "/", "/api/jobs"
_ID_BYTES = 16
_SIGNATURE_BYTES = 16


class VisitorCookies:
    """ASGI middleware: writes the visitor of a request into `scope["visitor"]`.

    It is None without a cookie, and for a cookie that this server did not sign.

    The page sets the cookie. It ends with the browser; scripts cannot read it, and pages of other
    sites do not send it.

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
        # A page that was open when the server was restarted has a cookie that is not valid.
        is_old_page = scope["path"] == _JOBS_OF_PAGE and self._name in header
        if visitor is not None or not (scope["path"] == _PAGE or is_old_page):
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
        """Return the identity in a Cookie header; None: there is none, or it was not set here."""
        try:
            morsel = SimpleCookie(header).get(self._name)
        except CookieError:
            return None
        visitor, _, signature = (morsel.value if morsel else "").partition(".")
        is_ours = hmac.compare_digest(signature.encode(), self._signature(visitor).encode())
        return visitor if is_ours else None

    def _signature(self, visitor: str) -> str:
        digest = hmac.digest(self._key, visitor.encode(errors="replace"), hashlib.sha256)
        return digest[:_SIGNATURE_BYTES].hex()
