"""Mounting of the Gradio page in the app of the server.

Gradio is imported by the file of the page only, which `mount_page` loads; the API works without
Gradio.
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
from starlette.staticfiles import StaticFiles

from srgan_gp.errors import UsageError
from srgan_gp.serving.error_responses import Refusal
from srgan_gp.serving.results.job_history import JobHistory
from srgan_gp.serving.server_settings import ServerSettings

NO_TELEMETRY: TelemetryConfig = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "auto_configure": False,
}
"""Argument of every FastAPI app, because environment variables could enable telemetry."""

_SYSTEM_DIRECTORIES = ("/boot", "/dev", "/etc", "/proc", "/run", "/sys", "/var")


def page_file() -> Path:
    """Return the path of the Python file of the page, in the installed package or the checkout.

    Raises:
        UsageError: the file is missing.
    """
    package = Path(__file__).parents[2]
    for folder in (package, package.parent):  # as installed, and in the checkout
        path = folder / "apps" / "gradio_app.py"
        if path.is_file():
            return path
    raise UsageError(f"{package.parent / 'apps' / 'gradio_app.py'} is missing. Reinstall srgan-gp.")


def mount_page(
    app: FastAPI, history: JobHistory, settings: ServerSettings, uploads: Path, path: Path
) -> None:
    """Mount the page at `/`. Routes that the app already has take precedence.

    Args:
        app: app of `server.build_app`; its `state.trainings`, the fine-tuning runs of visitors, is
            passed to the page.
        history: jobs of the visitors.
        settings: settings of the server.
        uploads: directory of uploads and of copies of results.
        path: file of the page; it defines `build(history, settings, trainings)`, which returns the
            page, and `appearance()`, which returns keyword arguments for `mount_gradio_app`.
    """
    _isolate_gradio(uploads)
    static = path.parent / "static"
    if static.is_dir():  # scripts and styles; the page of the tests has none
        app.mount("/page", StaticFiles(directory=static))
    page_module = _load(path)
    page = page_module.build(history, settings, app.state.trainings)
    # Only for a launched page does Gradio check that a requested file was uploaded. A page that is
    # mounted is not launched: without this line it would serve any file of the machine.
    page.has_launched = True
    gradio = page_module.gr  # the package, which the file of the page imports as `gr`
    gradio.mount_gradio_app(
        app,
        page,
        path="/",
        app_kwargs={
            "telemetry": NO_TELEMETRY,
            "exception_handlers": {
                KeyError: _not_found,
                gradio.route_utils.FnIndexInferError: _not_found,
            },
        },
        server_name=settings.host,
        server_port=settings.port,
        show_error=False,
        # Features of Gradio that this server does not offer.
        ssr_mode=False,
        enable_monitoring=False,
        mcp_server=False,
        pwa=False,
        max_file_size=settings.max_upload_bytes,
        allowed_paths=[],
        blocked_paths=blocked_paths(uploads),
        **page_module.appearance(),
    )


def blocked_paths(uploads: Path) -> list[str]:
    """Return the directories from which the page never serves a file.

    They are system directories and the directory of SSH keys.

    Args:
        uploads: directory of uploads; a directory that contains it is not blocked.
    """
    ssh_keys = os.path.expanduser("~/.ssh")  # noqa: PTH111 - `Path.home` may raise
    return [path for path in (*_SYSTEM_DIRECTORIES, ssh_keys) if not uploads.is_relative_to(path)]


def _isolate_gradio(uploads: Path) -> None:
    """Restrict Gradio to the parent directory of `uploads`, without network access.

    Call it before Gradio is imported, because Gradio reads these environment variables at import.
    """
    os.environ |= {
        "GRADIO_TEMP_DIR": str(uploads),
        "GRADIO_EXAMPLES_CACHE": str(uploads / "examples"),
        "GRADIO_ANALYTICS_ENABLED": "False",
        "GRADIO_MCP_SERVER": "False",
        "GRADIO_RUN_HISTORY": "False",
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
    # The directory of all files of the service. Gradio copies results only from below `tempdir`.
    tempfile.tempdir = str(uploads.parent)


def _not_found(_request: Request, _error: Exception) -> Response:
    """Respond to a request for an unknown function or session, for which Gradio raises an error."""
    return Refusal(404, "E_NOT_FOUND", "Not found.").response()


def _load(path: Path) -> ModuleType:
    """Import the module of the page by its path."""
    specification = spec_from_file_location(path.stem, path)
    assert specification is not None and specification.loader is not None  # the name ends in .py
    module = module_from_spec(specification)
    sys.modules[path.stem] = module
    specification.loader.exec_module(module)
    return module
