"""Finds, loads and mounts the Gradio page.

The page's file alone imports Gradio, so that everything else here works and is tested without.
"""

import os
import sys
import tempfile
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from starlette.requests import Request
from starlette.responses import Response

from srgan_gp.errors import UsageError
from srgan_gp.serving.error_responses import Refusal
from srgan_gp.serving.jobs.service import Service
from srgan_gp.serving.server_settings import ServerSettings

NO_TELEMETRY: TelemetryConfig = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "auto_configure": False,
}
"""For each FastAPI app: variables of the environment alone could turn it on."""

_PRIVATE = ("/boot", "/dev", "/etc", "/proc", "/run", "/sys", "/var")


def page_file() -> Path:
    """Find the page: inside an installed package, else in the checkout.

    Raises:
        UsageError: it is not there.
    """
    package = Path(__file__).parents[2]
    for folder in (package, package.parent):
        path = folder / "apps" / "gradio_app.py"
        if path.is_file():
            return path
    raise UsageError(f"{package.parent / 'apps' / 'gradio_app.py'} is missing; install again.")


def mount_page(
    app: FastAPI, service: Service, settings: ServerSettings, uploads: Path, path: Path
) -> None:
    """Put the page at `/`, behind the routes that the app has already.

    Args:
        app: takes it.
        service: does the page's work.
        settings: of the server.
        uploads: folder for what visitors upload, and for copies of their results.
        path: of the page's file: `build(service, settings)` gives the page and `appearance()` its
            looks.
    """
    _keep_to_itself(uploads)
    module = _load(path)
    page = module.build(service, settings)
    # Only a page that was launched asks whether a file that a request names was uploaded; one that
    # is mounted would hand out any file of the machine.
    page.has_launched = True
    module.gr.mount_gradio_app(
        app,
        page,
        path="/",
        app_kwargs={
            "telemetry": NO_TELEMETRY,
            "exception_handlers": {KeyError: _nothing_there},
        },
        server_name=settings.host,
        server_port=settings.port,
        show_error=False,
        ssr_mode=False,
        enable_monitoring=False,
        mcp_server=False,
        pwa=False,
        max_file_size=settings.max_upload_bytes,
        allowed_paths=[],
        blocked_paths=blocked_paths(uploads),
        **module.appearance(),
    )


def blocked_paths(uploads: Path) -> list[str]:
    """List the folders of which the page may serve no file, whatever else changes.

    Args:
        uploads: the page's own folder, which stays open.
    """
    keys = os.path.expanduser("~/.ssh")  # noqa: PTH111 - `Path.home` raises where there is none
    return [path for path in (*_PRIVATE, keys) if not uploads.is_relative_to(path)]


def _keep_to_itself(uploads: Path) -> None:
    """Let Gradio write below one folder and talk to nobody; it looks when it is imported."""
    os.environ |= {
        "GRADIO_TEMP_DIR": str(uploads),
        "GRADIO_EXAMPLES_CACHE": str(uploads / "examples"),
        "GRADIO_ANALYTICS_ENABLED": "False",
        "GRADIO_MCP_SERVER": "False",
        "GRADIO_RUN_HISTORY": "False",
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
    # Gradio copies results from below here only, and those of the service lie beside the uploads.
    tempfile.tempdir = str(uploads.parent)


def _nothing_there(_request: Request, _error: Exception) -> Response:
    """Answer a request for a function or a session that the page does not have."""
    return Refusal(404, "E_NOT_FOUND", "There is nothing here.").response()


def _load(path: Path) -> ModuleType:
    specification = spec_from_file_location(path.stem, path)
    assert specification is not None and specification.loader is not None  # it ends in .py
    module = module_from_spec(specification)
    sys.modules[path.stem] = module
    specification.loader.exec_module(module)
    return module
