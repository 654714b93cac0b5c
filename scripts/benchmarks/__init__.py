"""Benchmarks of `scripts/benchmark.py`, one per module, and modules that several of them use.

The function `benchmark_NAME` of the module NAME returns measured values by name. The JSON files are
outputs of earlier runs, which `scripts/generated` puts into the documents.
"""
