"""Counters and gauges of a server, in the format of Prometheus.

No label holds an address, a file name or any other text of a client.
"""

from collections.abc import Callable
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

import srgan_gp

Kind = Literal["upscale", "generate"]
"""Label of a job by its request: an image is upscaled, or faces are generated."""
Outcome = Literal["done", "failed", "cancelled", "refused"]
"""Label of a job by its end; `refused`: it was not accepted, because the server was busy."""

_KINDS: tuple[Kind, ...] = ("upscale", "generate")
_OUTCOMES: tuple[Outcome, ...] = ("done", "failed", "cancelled", "refused")
_BUCKET_SECONDS = (0.1, 0.3, 1, 3, 10, 30, 100, 300)
"""Upper bounds of the histogram's buckets, two for each power of ten. More bounds would give finer
quantiles, but Prometheus stores a series for each."""
_FIRST_ERROR_STATUS = 400  # lowest HTTP status of an error


class ServerMetrics:
    """Counters and gauges of one server.

    Attributes:
        registry: holds the metrics of this server and of its process, and no others.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)  # memory, CPU time, open files; Linux only
        info = Gauge("srgan_gp_info", "Version.", ["version"], registry=self.registry)
        info.labels(str(srgan_gp.__version__)).set(1)
        # `prometheus_client` adds `_total` to the name of a counter.
        self._jobs = Counter(
            "srgan_gp_jobs",
            "Jobs that ended, or that were refused because the server was busy.",
            ["kind", "outcome"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "srgan_gp_job_seconds",
            "Seconds from the queue to the result of the jobs that were done.",
            ["kind"],
            buckets=_BUCKET_SECONDS,
            registry=self.registry,
        )
        # Errors of any kind, not only those of jobs with the outcome `refused`.
        self._error_responses = Counter(
            "srgan_gp_refusals",
            "Requests answered with an error, by HTTP status.",
            ["status"],
            registry=self.registry,
        )
        # Zeros for all labels, so that Prometheus can compute a rate from the first job on. Not for
        # `_error_responses`: the statuses that will occur are not known.
        for kind in _KINDS:
            self._seconds.labels(kind)
            for outcome in _OUTCOMES:
                self._jobs.labels(kind, outcome)

    def add_gauge(self, name: str, text: str, value: Callable[[], float]) -> None:
        """Add a gauge whose value is computed whenever Prometheus reads the page.

        Args:
            name: name of the metric, without `srgan_gp_`.
            text: description.
            value: returns the current value, from any thread.
        """
        Gauge(f"srgan_gp_{name}", text, registry=self.registry).set_function(value)

    def count_job(self, kind: Kind, outcome: Outcome, seconds: float | None = None) -> None:
        """Count a job that has ended or was refused.

        Args:
            kind: kind of the request.
            outcome: how the job ended.
            seconds: time from the submission to the result; None: there is no result.
        """
        self._jobs.labels(kind, outcome).inc()
        if seconds is not None:
            self._seconds.labels(kind).observe(seconds)

    def count_response(self, status: int) -> None:
        """Count a response if its HTTP status is an error."""
        if status >= _FIRST_ERROR_STATUS:
            self._error_responses.labels(str(status)).inc()
