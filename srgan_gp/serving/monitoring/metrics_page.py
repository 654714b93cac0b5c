"""The page on which Prometheus reads the metrics of a server."""

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from srgan_gp.errors import UsageError
from srgan_gp.serving.jobs.service import Service
from srgan_gp.serving.server_settings import ServerSettings

if TYPE_CHECKING:
    from srgan_gp.serving.monitoring.server_metrics import ServerMetrics

METRICS_HOST = "127.0.0.1"
"""Address of the page; other machines need a proxy or a tunnel."""


def open_metrics(
    settings: ServerSettings, opened: ExitStack
) -> "tuple[ServerSettings, ServerMetrics | None]":
    """Serve the metrics if the settings have a port for them.

    Args:
        settings: settings of the server.
        opened: stack that closes the page when it is closed.

    Returns:
        The settings with the actual port, and the metrics; None: no port, nothing is imported.

    Raises:
        UsageError: the port cannot be opened.
    """
    if settings.metrics_port is None:
        return settings, None
    from prometheus_client import start_http_server

    from srgan_gp.serving.monitoring.server_metrics import ServerMetrics

    metrics = ServerMetrics()
    try:
        page, thread = start_http_server(settings.metrics_port, METRICS_HOST, metrics.registry)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(
            f"Port {settings.metrics_port} of {METRICS_HOST} cannot be opened for the metrics "
            f"({reason}). Pass another --metrics-port."
        ) from error
    # The stack calls them from the last to the first.
    opened.callback(thread.join)
    opened.callback(page.server_close)
    opened.callback(page.shutdown)
    return replace(settings, metrics_port=page.server_port), metrics


def build_service(settings: ServerSettings, metrics: "ServerMetrics | None") -> Service:
    """Build the service of a server; its jobs are counted if there are metrics."""
    if metrics is None:
        return Service(settings)
    from srgan_gp.serving.monitoring.metered_service import MeteredService

    return MeteredService(settings, metrics)
