"""Security headers of all responses: Content-Security-Policy and others.

A page may run only its own scripts; a file that a client sent may run no script.
"""

import base64
import hashlib
import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not `no-referrer`: it would remove the Origin of the page's own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_FILE_PATHS = re.compile(r"/gradio_api/file[=/]|/api/(?!docs)")
"""Beginnings of paths whose responses may be files of clients, which must not run scripts. The
documentation of the API, `/api/docs`, is a page of the server."""
_FILE_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"
"""Content-Security-Policy of the responses to `_FILE_PATHS`."""
_INLINE_SCRIPT = re.compile(rb"<script(?:\s[^>]*)?>(.*?)</script>", re.DOTALL | re.IGNORECASE)


class SecurityHeaders:
    """ASGI middleware: adds the headers to every response.

    The policy of a page allows the inline scripts of the page by their SHA-256, so that injected
    scripts do not run. Inline styles are allowed, because the components of the page need them.

    Args:
        app: inner ASGI app.

    Source:
        Content Security Policy Level 3, https://www.w3.org/TR/CSP3/, sections 2.3.1 and 6.7.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward a request, and add the headers to the response."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if "text/html" in Headers(scope=scope).get("accept", ""):
            # The inner app must not compress a page, because `_Response` hashes its scripts.
            headers = [(name, value) for name, value in scope["headers"]
                       if name != b"accept-encoding"]  # fmt: skip
            scope = {**scope, "headers": headers}
        await self._app(scope, receive, _Response(scope["path"], send).send)


class _Response:
    """Adds the headers to one response; a page is buffered until its scripts are hashed.

    Args:
        path: path of the request.
        send: sends messages of the response to the client.
    """

    def __init__(self, path: str, send: Send) -> None:
        self._is_file = _FILE_PATHS.match(path) is not None
        self._send = send
        self._page_start: Message | None = None  # first message of a page, until it is sent
        self._page = b""

    async def send(self, message: Message) -> None:
        """Send a message of the inner app; messages of a page are sent when it is complete."""
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers[name] = value
            # A page that is no file of a client gets another policy below, with the hashes of its
            # scripts.
            policy = _FILE_POLICY if self._is_file else page_policy(b"")
            headers["Content-Security-Policy"] = policy
            is_page = headers.get("content-type", "").startswith("text/html")
            if is_page and not self._is_file:
                self._page_start = message
                return
        elif self._page_start is not None:
            self._page += message.get("body", b"")
            if message.get("more_body", False):
                return
            headers = MutableHeaders(scope=self._page_start)
            headers["Content-Security-Policy"] = page_policy(self._page)
            await self._send(self._page_start)
            self._page_start = None
            message = {**message, "body": self._page}
        await self._send(message)


def page_policy(page: bytes) -> str:
    """Return the Content-Security-Policy of a page.

    Args:
        page: HTML; each inline script in it is allowed by its hash.
    """
    scripts = [script for script in _INLINE_SCRIPT.findall(page) if script.strip()]
    hashes = sorted({_hash_source(script) for script in scripts})
    return "; ".join(
        (
            "default-src 'none'",
            " ".join(["script-src 'self'", *hashes]),
            "script-src-attr 'none'",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "media-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "worker-src 'self' blob:",
            "manifest-src 'self'",
            "base-uri 'self'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


def _hash_source(script: bytes) -> str:
    """Return the source expression of a policy that allows one inline script."""
    digest = hashlib.sha256(script).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
