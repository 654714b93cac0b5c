"""Server of `srgan-gp app`: HTTP API, Gradio page and health checks in one app, behind the guards.

A request passes this middleware in order: `ResponseCounter` if there are metrics,
`SecurityHeaders`, `VisitorCookies`, `RequestNumbers`, `ResponseTracker`, `ClientLimits`,
`AccessControl` (path, origin and password), `BodyLimits`. The routes come last.
"""

import socket
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
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
from srgan_gp.serving.finetuning.training_process import VisitorTrainings
from srgan_gp.serving.guards.access_control import NO_API_PATH, AccessControl
from srgan_gp.serving.guards.body_limits import BodyLimits
from srgan_gp.serving.guards.client_limits import ClientLimits
from srgan_gp.serving.guards.request_numbers import RequestNumbers
from srgan_gp.serving.guards.security_headers import SecurityHeaders
from srgan_gp.serving.guards.timeouts import TimeoutProtocol
from srgan_gp.serving.guards.visitor_cookies import VisitorCookies
from srgan_gp.serving.http.api import build_api
from srgan_gp.serving.http.docs_page import docs_page
from srgan_gp.serving.http.draining import DrainingServer, ResponseTracker
from srgan_gp.serving.http.forms import message_for
from srgan_gp.serving.http.gradio_page import NO_TELEMETRY, mount_page, page_file
from srgan_gp.serving.http.job_routes import build_job_routes
from srgan_gp.serving.http.preview_routes import build_preview_routes
from srgan_gp.serving.http.training_routes import build_training_routes
from srgan_gp.serving.jobs.service import Service
from srgan_gp.serving.monitoring.metrics_page import build_service, open_metrics
from srgan_gp.serving.monitoring.response_counter import ResponseCounter
from srgan_gp.serving.results.job_history import JobHistory
from srgan_gp.serving.server_settings import ServerSettings

# Requests on further connections get a status 503 from uvicorn. Each connection holds a file
# descriptor, and many systems allow a process 1024.
_MAX_CONNECTIONS = 1000
# Address to open in a browser of this machine, by wildcard address.
_LOCAL_ADDRESSES = {"0.0.0.0": "127.0.0.1", "::": "::1"}


def serve(settings: ServerSettings, *, on_started: Callable[[ServerSettings], None]) -> bool:
    """Serve until a signal ends the server.

    Args:
        settings: settings of the server; port 0 selects a free port.
        on_started: called when the server listens; gets the numeric address and the actual port.

    Returns:
        Whether all jobs were finished and all responses sent within `drain_seconds` of the signal.

    Raises:
        UsageError: a port cannot be opened, or the device is unknown.
        OutputError: temporary files cannot be created.
        ModelRefusedError: a model card is invalid, or the default model is missing or is not an
            upscaler.
        DeviceError: the requested GPU cannot be used.
    """
    with ExitStack() as exit_stack:
        listener = exit_stack.enter_context(_open_listener(settings))
        host, port = listener.getsockname()[:2]  # the numeric host, for access control
        settings = replace(settings, host=host, port=port)
        settings, metrics = open_metrics(settings, exit_stack)  # settings with its actual port
        service = build_service(settings, metrics)
        exit_stack.callback(service.close)
        service.check_default_model()
        history = JobHistory(service)
        trainings = VisitorTrainings(service) if settings.allow_finetune else None
        app = build_app(service, history, trainings)
        mount_page(app, history, settings, service.uploads, page_file())
        guarded, tracker = guard(app, settings, service.uploads, service.not_ready_reason)
        if metrics is not None:
            guarded = ResponseCounter(guarded, metrics.count_response)
        config = _uvicorn_config(guarded, settings)
        started = partial(on_started, settings)
        server = DrainingServer(config, service, tracker, settings.drain_seconds, started)
        server.run(sockets=[listener])
        return server.has_finished


def build_app(
    service: Service, history: JobHistory | None = None, trainings: VisitorTrainings | None = None
) -> FastAPI:
    """Build the app of the API and the health checks, without page or guards.

    Args:
        service: executes the jobs.
        history: jobs of all clients; None: a new history.
        trainings: training runs of visitors; None: visitors may not train.
    """
    app = FastAPI(
        title="srgan-gp",
        version=str(srgan_gp.__version__),
        description="Send an image, get it back upscaled. Errors are JSON: a code and a message.",
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        telemetry=NO_TELEMETRY,
    )
    app.state.history = history or JobHistory(service)
    app.include_router(build_api(service, app.state.history))
    app.include_router(build_job_routes())
    app.include_router(build_preview_routes(service))
    app.state.trainings = trainings
    if trainings is not None:
        app.include_router(build_training_routes(trainings))
    _add_unlisted_routes(app, service)
    _add_error_handlers(app)
    return app


def guard(
    app: ASGIApp,
    settings: ServerSettings,
    uploads: Path | None = None,
    not_ready_reason: Callable[[], str | None] = lambda: None,
) -> tuple[ASGIApp, ResponseTracker]:
    """Wrap an app in the guards.

    Args:
        app: inner ASGI app.
        settings: settings of the server.
        uploads: directory of the page's files; None: no page is mounted.
        not_ready_reason: returns why no new job is accepted now; None: the service is ready.

    Returns:
        The guarded app, and the tracker of its responses.
    """
    body_limits = BodyLimits(app, settings, uploads, not_ready_reason)
    tracker = ResponseTracker(ClientLimits(AccessControl(body_limits, settings)))
    return SecurityHeaders(VisitorCookies(RequestNumbers(tracker), settings.port)), tracker


def _uvicorn_config(app: ASGIApp, settings: ServerSettings) -> uvicorn.Config:
    """Return the configuration of uvicorn: our timeouts, no access log, and no WebSockets."""
    return uvicorn.Config(
        app,
        http=TimeoutProtocol,
        access_log=False,
        # Passed explicitly, because uvicorn would read it from the environment otherwise.
        forwarded_allow_ips=list(settings.trusted_proxies),
        limit_concurrency=_MAX_CONNECTIONS,
        log_config=None,
        server_header=False,
        ws="none",
    )


def _add_unlisted_routes(app: FastAPI, service: Service) -> None:
    """Add routes that openapi.json does not list: health checks, documentation, unknown paths."""

    async def healthz() -> JSONResponse:
        return JSONResponse({"status": "alive"})

    async def readyz() -> Response:
        reason = service.not_ready_reason()
        if reason is not None:
            return busy(f"Not ready: {reason}.").response()
        return JSONResponse({"status": "ready"})

    async def docs(request: Request) -> HTMLResponse:
        address = str(request.base_url).rstrip("/")
        return HTMLResponse(docs_page(app.openapi(), service.settings, address))

    async def no_route() -> Response:
        # Without this route the Gradio page, mounted at `/`, would respond to GET with HTML.
        raise Refusal(404, "E_NOT_FOUND", NO_API_PATH)

    for path, endpoint in (("/healthz", healthz), ("/readyz", readyz), ("/api/docs", docs)):
        app.add_api_route(path, endpoint, methods=["GET", "HEAD"], include_in_schema=False)
    app.add_api_route("/api/{path:path}", no_route, methods=["GET"], include_in_schema=False)


def _add_error_handlers(app: FastAPI) -> None:
    """Respond to errors with JSON, without internals; each handler gets errors of one class."""

    async def package_error(_request: Request, error: Exception) -> Response:
        assert isinstance(error, SrganGpError)
        return refusal_for(error).response()

    async def invalid(_request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return Refusal(400, UsageError.code, message_for(error.errors()[0])).response()

    async def http(_request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        code = {404: "E_NOT_FOUND", 405: "E_METHOD"}.get(error.status_code, "E_HTTP")
        return Refusal(error.status_code, code, f"{str(error.detail).rstrip('.')}.").response()

    async def unexpected(_request: Request, _error: Exception) -> Response:
        # Starlette raises the error again after this response, and uvicorn prints it.
        message = "Something went wrong inside the server. Try again."
        return Refusal(500, SrganGpError.code, message).response()

    async def refused(_request: Request, error: Exception) -> Response:
        assert isinstance(error, Refusal)
        return error.response()

    app.add_exception_handler(Refusal, refused)
    app.add_exception_handler(SrganGpError, package_error)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(Exception, unexpected)


def _open_listener(settings: ServerSettings) -> socket.socket:
    """Open the port; `serve` does so before it loads anything slow, to report a used port at once.

    Raises:
        UsageError: the port is in use, or the address is not one of this machine.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        addresses = socket.getaddrinfo(settings.host, settings.port, family, socket.SOCK_STREAM)
        address = addresses[0][4][:2]  # host and port of the first; IPv6 has two more values
        return socket.create_server(address, family=family, backlog=2048)  # uvicorn's default
    except (OSError, OverflowError, UnicodeError) as error:  # UnicodeError: not a host name
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(
            f"Port {settings.port} of {settings.host} cannot be opened ({reason}). Pass another "
            "--port or --host."
        ) from error


def address_of(settings: ServerSettings) -> str:
    """Return a URL at which this machine can open the page.

    Args:
        settings: as `serve` passes them to `on_started`.

    >>> [address_of(ServerSettings(host=host)) for host in ("0.0.0.0", "::1")]
    ['http://127.0.0.1:7860', 'http://[::1]:7860']
    """
    host = _LOCAL_ADDRESSES.get(settings.host, settings.host)
    if ":" in host:  # IPv6
        host = f"[{host}]"
    return f"http://{host}:{settings.port}"
