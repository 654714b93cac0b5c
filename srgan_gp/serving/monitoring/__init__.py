"""Metrics of a running server for Prometheus: jobs, queue, refusals and memory.

The health checks `/healthz` and `/readyz` are in `serving.http.server`.
"""
