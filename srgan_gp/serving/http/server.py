"""The server: API, page and probes in one app, inside the guards.

From the outside to the inside: headers on every answer, the count of answers under way, the share
of each client, the gate (paths, origins, password), the limits of bodies, then the routes.
"""

import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp

import srgan_gp
from srgan_gp.errors import SrganGpError, UsageError
from srgan_gp.serving.error_responses import Refusal, busy, refusal_for
from srgan_gp.serving.guards.access_control import AccessControl
from srgan_gp.serving.guards.body_limits import BodyLimits
from srgan_gp.serving.guards.client_limits import FairShare
from srgan_gp.serving.guards.security_headers import SecurityHeaders
from srgan_gp.serving.guards.timeouts import TimeoutProtocol
from srgan_gp.serving.http.api import build_api
from srgan_gp.serving.http.docs_page import docs_page
from srgan_gp.serving.http.draining import DrainingServer, Traffic
from srgan_gp.serving.http.forms import message_for
from srgan_gp.serving.http.gradio_page import NO_TELEMETRY, mount_page, page_file
from srgan_gp.serving.jobs.service import Service
from srgan_gp.serving.server_settings import ServerSettings

_MOST_CONNECTIONS = 1000
_OWN_ADDRESSES = {"0.0.0.0": "127.0.0.1", "::": "::1"}
"""For all addresses of a machine at once, which no browser opens, the one that it calls itself."""
_DESCRIPTION = "Send a picture, get it back larger. Errors are JSON: a code and a sentence."


def serve(settings: ServerSettings, *, on_started: Callable[[ServerSettings], None]) -> bool:
    """Serve until a signal ends it.

    Args:
        settings: of the server; port 0 takes any that is free.
        on_started: called when the server listens, with the numeric address and the port where it
            does in the settings.

    Returns:
        Whether all work was delivered; else it took too long, and who waited was told so.

    Raises:
        UsageError: the address cannot be listened on, or there is no such device.
        OutputError: no temporary files can be made.
        ModelRefusedError: a model card is not as it should be, or the model for requests that name
            none is not there or enlarges nothing.
        DeviceError: the GPU asked for cannot be used.
    """
    with _listening(settings) as listener:
        # A name may be that of this machine alone, and then only pages of this machine are let in.
        host, port = listener.getsockname()[:2]
        settings = replace(settings, host=host, port=port)
        service = Service(settings)
        try:
            service.prove()
            uploads = service.uploads
            app = build_app(service)
            mount_page(app, service, settings, uploads, page_file())
            guarded, traffic = guard(app, settings, uploads, service.why_not_ready)
            config = uvicorn.Config(
                guarded,
                http=TimeoutProtocol,
                access_log=False,
                limit_concurrency=_MOST_CONNECTIONS,
                log_config=None,
                server_header=False,
                ws="none",
            )
            server = DrainingServer(
                config,
                service,
                traffic,
                settings.drain_seconds,
                lambda: on_started(settings),
            )
            server.run(sockets=[listener])
            return server.has_delivered
        finally:
            service.close()


def build_app(service: Service) -> FastAPI:
    """Make the app of API and probes, without page or guards.

    Args:
        service: does the work.
    """
    app = FastAPI(
        title="srgan-gp",
        version=str(srgan_gp.__version__),
        description=_DESCRIPTION,
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        telemetry=NO_TELEMETRY,
    )
    app.include_router(build_api(service))
    _add_probes(app, service)
    _add_answers(app)
    return app


def guard(
    app: ASGIApp,
    settings: ServerSettings,
    uploads: Path | None = None,
    why_not_ready: Callable[[], str | None] = lambda: None,
) -> tuple[ASGIApp, Traffic]:
    """Put the guards around an app.

    Args:
        app: what to guard.
        settings: of the server.
        uploads: the folder of the page's files; None: there is no page.
        why_not_ready: as for `BodyLimits`.

    Returns:
        The guarded app, and what knows which of its answers are on their way.
    """
    limits = BodyLimits(app, settings, uploads, why_not_ready)
    traffic = Traffic(FairShare(AccessControl(limits, settings)))
    return SecurityHeaders(traffic), traffic


def _add_probes(app: FastAPI, service: Service) -> None:
    """Answer whether the process lives, and whether it would take a job."""

    async def healthz() -> JSONResponse:
        return JSONResponse({"status": "alive"})

    async def readyz() -> Response:
        reason = service.why_not_ready()
        if reason is not None:
            return busy(f"Not ready: {reason}.").response()
        return JSONResponse({"status": "ready"})

    async def docs() -> HTMLResponse:
        return HTMLResponse(docs_page(app.openapi()))

    for path, endpoint in (("/healthz", healthz), ("/readyz", readyz), ("/api/docs", docs)):
        app.add_api_route(path, endpoint, methods=["GET", "HEAD"], include_in_schema=False)


def _add_answers(app: FastAPI) -> None:
    """Answer every error with a code and a sentence, which say nothing about the server."""

    async def ours(_request: Request, error: Exception) -> Response:
        assert isinstance(error, SrganGpError)
        return refusal_for(error).response()

    async def invalid(_request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return Refusal(400, UsageError.code, message_for(error.errors()[0])).response()

    async def http(_request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return Refusal(error.status_code, "E_HTTP", f"{str(error.detail).rstrip('.')}.").response()

    async def unexpected(_request: Request, _error: Exception) -> Response:
        return Refusal(
            500, SrganGpError.code, "Something went wrong on the server; try again."
        ).response()

    app.add_exception_handler(SrganGpError, ours)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(Exception, unexpected)


def _listening(settings: ServerSettings) -> socket.socket:
    """Open the port before anything slow is loaded.

    Raises:
        UsageError: it is taken, or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        found = socket.getaddrinfo(settings.host, settings.port, family, socket.SOCK_STREAM)
        return socket.create_server(found[0][4][:2], family=family, backlog=2048)
    except (OSError, OverflowError, UnicodeError) as error:  # the last: no name can be like this
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(
            f"Port {settings.port} of {settings.host} cannot be opened ({reason}); pass another "
            "--port or --host."
        ) from error


def address_of(settings: ServerSettings) -> str:
    """Give an address at which this machine can open the page.

    Args:
        settings: as `serve` hands them to `on_started`.

    >>> [address_of(Settings(host=host)) for host in ("0.0.0.0", "::1")]
    ['http://127.0.0.1:7860', 'http://[::1]:7860']
    """
    host = _OWN_ADDRESSES.get(settings.host, settings.host)
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"
