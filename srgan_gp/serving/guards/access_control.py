"""Path allow-list, Origin check and basic authentication."""

import asyncio
import base64
import binascii
import hmac
import ipaddress
import re
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from srgan_gp.serving.error_responses import Refusal
from srgan_gp.serving.guards.file_references import has_scheme
from srgan_gp.serving.server_settings import ServerSettings

OPEN_PATHS = (
    r"/",
    r"/(healthz|readyz|config|theme\.css|favicon\.ico|manifest\.json|robots\.txt)",
    r"/(assets|static|svelte)/.*",
    r"/api/(upscale|generate|docs|openapi\.json)",
    r"/gradio_api/(upload|upload_progress|info|startup-events|app_id|reset|cancel)",
    r"/gradio_api/(queue/join|queue/data|run/predict)",
    r"/gradio_api/heartbeat/[A-Za-z0-9_-]+",
    r"/gradio_api/file=.*",
)
"""Every path that is answered, as regular expressions; the page's framework has many more."""

JOB_PATHS = ("/api/upscale", "/api/generate")
"""Paths where jobs are ordered; they are posted."""

UNGUARDED = ("/healthz", "/readyz")
"""Paths that need no password: they say nothing but yes or no."""

WRONG_PASSWORD_SECONDS = 1.0
"""Before the answer, so that passwords cannot be tried by the thousand."""

_OPEN = re.compile("|".join(f"(?:{path})" for path in OPEN_PATHS), re.DOTALL)
_FILE = "/gradio_api/file="
_READING = ("GET", "HEAD")


class AccessControl:
    """ASGI middleware: refuses what is addressed to a closed path, forged or without the password.

    Args:
        app: what comes behind.
        settings: where the server listens, and the password.
    """

    def __init__(self, app: ASGIApp, settings: ServerSettings) -> None:
        self._app = app
        self._auth = settings.auth
        self._public_name = (settings.public_name or "").lower()
        self._is_local = is_loopback(settings.host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "websocket":
            return  # Nothing here speaks it; the server closes what nobody accepts.
        if scope["type"] == "http":
            try:
                self._check(scope, Headers(scope=scope))
            except Refusal as refusal:
                if refusal.status == 401 and "authorization" in Headers(scope=scope):
                    await asyncio.sleep(WRONG_PASSWORD_SECONDS)
                await refusal.response()(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _check(self, scope: Scope, headers: Headers) -> None:
        path, method = scope["path"], scope["method"]
        if self._auth is not None and path not in UNGUARDED:
            _check_password(headers.get("authorization", ""), self._auth)
        host = headers.get("host", "")
        name = _name_of(f"//{host}")
        if self._is_local and not is_loopback(name) and not self._is_public(name):
            # A page elsewhere may give its own name the address of this machine.
            raise Refusal(421, "E_HOST", "This server answers to localhost only.")
        origin = headers.get("origin")
        if origin is not None and not self._is_ours(origin, host):
            # To read is refused as well: the page's framework would allow it to every server's
            # page, and the browser would bring the password along.
            raise Refusal(403, "E_ORIGIN", "The request comes from the page of another server.")
        methods = ("POST",) if path in JOB_PATHS else (*_READING, "POST")
        if method not in methods:
            allow = ", ".join(methods)
            known = "POST alone" if path in JOB_PATHS else "GET, HEAD and POST"
            sentence = f"This address takes {known}."
            raise Refusal(405, "E_METHOD", sentence, {"Allow": allow})
        if not _OPEN.fullmatch(path) or "\0" in path or _names_an_address(path):
            raise Refusal(404, "E_NOT_FOUND", "There is nothing here.")

    def _is_public(self, name: str) -> bool:
        return name != "" and name == self._public_name

    def _is_ours(self, origin: str, host: str) -> bool:
        """Say whether a request comes from our own page, maybe through the proxy."""
        try:
            netloc = urlsplit(origin).netloc.lower()
        except ValueError:
            return False
        return netloc == host.lower() or self._is_public(_name_of(origin))


def is_loopback(host: str) -> bool:
    """Say whether a host's name or address means this very machine.

    >>> [is_loopback(host) for host in ("localhost", "127.0.0.9", "::1", "0.0.0.0", "example.org")]
    [True, True, True, False, False]
    """
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _name_of(address: str) -> str:
    """Give the host's name in an address, in small letters; empty where there is none."""
    try:
        return urlsplit(address).hostname or ""
    except ValueError:  # such as an open bracket
        return ""


def _names_an_address(path: str) -> bool:
    """Say whether a file is named by an address, which the page's framework would fetch."""
    return path.startswith(_FILE) and has_scheme(path.removeprefix(_FILE))


def _check_password(authorization: str, auth: tuple[str, str]) -> None:
    """Compare user and password, in a time that tells nothing.

    Raises:
        Refusal: they are not there, or wrong.

    Source:
        The "Basic" HTTP Authentication Scheme, RFC 7617.
    """
    kind, _, text = authorization.partition(" ")
    try:
        given = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        given = b""
    # What is no UTF-8 on the command line is compared as the bytes that were typed.
    is_right = hmac.compare_digest(given, ":".join(auth).encode(errors="surrogateescape"))
    if kind.lower() != "basic" or not is_right:
        challenge = {"WWW-Authenticate": 'Basic realm="srgan-gp", charset="UTF-8"'}
        raise Refusal(401, "E_PASSWORD", "User and password are needed.", challenge)
