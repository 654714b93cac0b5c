"""Access control of requests: allow-list of paths and methods, Host and Origin, and password."""

import asyncio
import base64
import hmac
import ipaddress
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from srgan_gp.serving.error_responses import Refusal
from srgan_gp.serving.guards.file_references import is_url
from srgan_gp.serving.server_settings import ServerSettings

_READ_METHODS = ("GET", "HEAD")
_ID = "[0-9a-f]{32}"  # of a job
_JOB = f"/api/jobs/{_ID}"
_API_METHODS = {
    r"/api/(upscale|generate)": ("POST",),
    rf"(/api/jobs/clear|{_JOB}/(cancel|remove))": ("POST",),
    r"/api/(docs|openapi\.json)": _READ_METHODS,
    r"/api/(preview|models|models/[^/]{1,100}/(speed|files))": ("GET",),
    rf"{_JOB}/result": _READ_METHODS,
    rf"(/api/jobs(/zip)?|{_JOB}(/(events|thumbnail))?)": ("GET",),
    rf"{_JOB}/tiles/(before|after)/\d{{1,2}}/\d{{1,5}}/\d{{1,5}}": ("GET",),
}
"""Allowed methods by path of the API; the path is a regular expression. GET without HEAD: FastAPI
would refuse HEAD, which only some routes declare. The path of a tile has its level, column and row.
"""
ALLOWED_PATHS = (
    r"/",
    r"/(healthz|readyz|config|theme\.css|favicon\.ico|manifest\.json|robots\.txt)",
    r"/(assets|static|svelte)/.*",
    *_API_METHODS,
    r"/page/[a-z0-9_-]+\.(js|css|svg|jpg)",
    r"/gradio_api/(upload|upload_progress|info|startup-events|app_id|reset|cancel)",
    r"/gradio_api/(queue/join|queue/data|run/predict)",
    r"/gradio_api/heartbeat/[A-Za-z0-9_-]+",
    r"/gradio_api/file=.*",
)
"""Allow-list of paths, as regular expressions; Gradio has many more routes."""

JOB_PATHS = ("/api/upscale", "/api/generate")
"""Paths that create jobs."""

NO_API_PATH = "Not found. /api/docs lists the paths of the API."
"""Message about an unknown path of the API."""

NO_JOB = "There is no such job."
"""Message about a job that does not exist, or belongs to another client."""

HEALTH_PATHS = ("/healthz", "/readyz")
"""Paths of health checks, which need no password."""

WRONG_PASSWORD_DELAY_SECONDS = 1.0
"""Delay of the response to a wrong password, against brute force. A shorter delay permits faster
guesses; with a longer one, a user who mistypes the password waits longer."""

_ALLOWED = re.compile("|".join(f"(?:{path})" for path in ALLOWED_PATHS), re.DOTALL)
_JOB_WITH_ANY_ID = re.compile(
    "|".join(path.replace(_ID, "[^/]+") for path in _API_METHODS if _ID in path)
)
"""Paths of a job, with any text in place of the id."""
_HOST = re.compile(r"(?:\[[0-9a-f:.]+\]|[^\s\[\]:/?#@\\]*)(?::[0-9]*)?", re.IGNORECASE)
"""Host header: an IPv6 address in brackets, or any other name, then the port (RFC 3986, 3.2.2)."""
_FILE_PATH = "/gradio_api/file="


class AccessControl:
    """ASGI middleware: checks path, method, Host, Origin and password of a request.

    Args:
        app: inner ASGI app.
        settings: `host`, `public_name` and `auth` are used.
    """

    def __init__(self, app: ASGIApp, settings: ServerSettings) -> None:
        self._app = app
        self._auth = settings.auth
        self._public_name = (settings.public_name or "").lower()
        self._is_local = is_loopback(settings.host)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward a request, or refuse it."""
        if scope["type"] == "websocket":
            return  # Not supported; the server closes a connection that is not accepted.
        if scope["type"] == "http":
            try:
                self._check(scope, Headers(scope=scope))
            except Refusal as refusal:
                if refusal.status == 401 and "authorization" in Headers(scope=scope):
                    await asyncio.sleep(WRONG_PASSWORD_DELAY_SECONDS)
                await refusal.response()(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _check(self, scope: Scope, headers: Headers) -> None:
        """Check a request.

        Raises:
            Refusal: the request is not allowed.
        """
        path, method = scope["path"], scope["method"]
        # The password comes first, so that a client without it learns nothing from other errors.
        if self._auth is not None and path not in HEALTH_PATHS:
            _check_password(headers.get("authorization", ""), self._auth)
        host = headers.get("host", "")
        is_valid = _HOST.fullmatch(host) is not None
        name = _host_name(f"//{host}") if is_valid else ""  # "": neither loopback nor public
        if self._is_local and not is_loopback(name) and not self._is_public(name):
            # DNS rebinding: another site may resolve its name to the address of this machine.
            raise Refusal(421, "E_HOST", "This server is only available as localhost.")
        if not is_valid:  # on a server that is not local
            raise Refusal(400, "E_HOST", "The Host header must be a name with an optional port.")
        origin = headers.get("origin")
        if origin is not None and not self._is_same_origin(origin, host):
            # GET requests are refused too: Gradio lets every origin read its responses, and the
            # browser would send the password.
            raise Refusal(403, "E_ORIGIN", "Requests from pages of another origin are not allowed.")
        if not _ALLOWED.fullmatch(path) or "\0" in path or _is_remote_file(path):
            raise Refusal(404, "E_NOT_FOUND", _not_found_message(path))
        methods = allowed_methods(path)
        if method not in methods:
            allow = ", ".join(methods)
            message = f"This path only allows {allow}."
            raise Refusal(405, "E_METHOD", message, {"Allow": allow})

    def _is_public(self, name: str) -> bool:
        """Return whether a host name is the one under which a reverse proxy serves this server."""
        return name != "" and name == self._public_name

    def _is_same_origin(self, origin: str, host: str) -> bool:
        """Return whether an Origin header names this server, directly or through the proxy."""
        try:
            netloc = urlsplit(origin).netloc.lower()
        except ValueError:
            return False
        return netloc == host.lower() or self._is_public(_host_name(origin))


def _not_found_message(path: str) -> str:
    """Return the message about a path that is not allowed."""
    if _JOB_WITH_ANY_ID.fullmatch(path):
        return NO_JOB
    return NO_API_PATH if path == "/api" or path.startswith("/api/") else "Not found."


def allowed_methods(path: str) -> tuple[str, ...]:
    """Return the methods of an allowed path.

    For all paths outside the API (those of Gradio, the health checks and the files of the page),
    whose routes check the method themselves, these are GET, HEAD and POST.

    >>> allowed_methods("/api/upscale")
    ('POST',)
    """
    for pattern, methods in _API_METHODS.items():
        if re.fullmatch(pattern, path):
            return methods
    return (*_READ_METHODS, "POST")


def is_loopback(host: str) -> bool:
    """Return whether a host name or address is a loopback address.

    >>> [is_loopback(host) for host in ("localhost", "127.0.0.9", "::1", "0.0.0.0", "example.org")]
    [True, True, True, False, False]
    """
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_within(host: str, networks: Iterable[str]) -> bool:
    """Return whether an address is in a list of addresses and networks.

    Args:
        host: IP address; any other text is in no list.
        networks: addresses, and networks in CIDR notation.

    >>> [is_within(host, ["10.0.0.0/8", "::1"]) for host in ("10.1.2.3", "::1", "11.0.0.1", "x")]
    [True, True, False, False]
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return any(address in ipaddress.ip_network(network) for network in networks)


def _host_name(url: str) -> str:
    """Return the host name of a URL in lower case; empty if there is none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:  # such as an unclosed bracket
        return ""


def _is_remote_file(path: str) -> bool:
    """Return whether a path of Gradio names a file by a URL, which Gradio would fetch."""
    return path.startswith(_FILE_PATH) and is_url(path.removeprefix(_FILE_PATH))


def _check_password(authorization: str, auth: tuple[str, str]) -> None:
    """Compare user and password in constant time.

    Args:
        authorization: Authorization header of the request; empty: there is none.
        auth: user and password.

    Raises:
        Refusal: user or password is missing or wrong.

    Source:
        The "Basic" HTTP Authentication Scheme, RFC 7617.
    """
    scheme, _space, encoded = authorization.partition(" ")
    try:
        sent = base64.b64decode(encoded.strip(), validate=True)
    except ValueError:  # not Base64, or not ASCII
        sent = b""
    # `surrogateescape` restores the bytes of command-line arguments that are not UTF-8.
    expected = ":".join(auth).encode(errors="surrogateescape")
    is_correct = hmac.compare_digest(sent, expected)
    if scheme.lower() != "basic" or not is_correct:
        is_missing = not authorization
        message = "User and password are required." if is_missing else "User or password is wrong."
        challenge = {"WWW-Authenticate": 'Basic realm="srgan-gp", charset="UTF-8"'}
        raise Refusal(401, "E_PASSWORD", message, challenge)
