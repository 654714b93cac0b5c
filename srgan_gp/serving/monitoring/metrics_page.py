"""Metrics page of a server, which Prometheus reads, and the choice of a service with metrics."""

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from srgan_gp.errors import UsageError
from srgan_gp.serving.jobs.service import Service
from srgan_gp.serving.server_settings import ServerSettings

if TYPE_CHECKING:
    from srgan_gp.serving.monitoring.server_metrics import ServerMetrics

METRICS_HOST = "127.0.0.1"
"""Address of the page, which has no access control; other machines need a proxy or a tunnel."""


def open_metrics(
    settings: ServerSettings, exit_stack: ExitStack
) -> "tuple[ServerSettings, ServerMetrics | None]":
    """Start the metrics page in a thread if the settings have a port for it.

    Args:
        settings: settings of the server; `metrics_port` 0 selects a free port.
        exit_stack: gets the callbacks that close the page.

    Returns:
        The settings with the actual port, and the metrics. Without a port: the same settings, and
        None; `prometheus_client` is then not imported.

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
    except (OSError, OverflowError) as error:  # OverflowError: the port is above 65535
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(
            f"Port {settings.metrics_port} of {METRICS_HOST} cannot be opened for the metrics "
            f"({reason}). Pass another --metrics-port."
        ) from error
    # The stack calls these from the last to the first: the thread ends after `shutdown`.
    exit_stack.callback(thread.join)
    exit_stack.callback(page.server_close)
    exit_stack.callback(page.shutdown)
    return replace(settings, metrics_port=page.server_port), metrics


def build_service(settings: ServerSettings, metrics: "ServerMetrics | None") -> Service:
    """Build the service of a server.

    Args:
        settings: settings of the server.
        metrics: counts the jobs of the service; None: they are not counted.
    """
    if metrics is None:
        return Service(settings)
    from srgan_gp.serving.monitoring.metered_service import MeteredService

    return MeteredService(settings, metrics)
