"""The benchmarks of `scripts/benchmark.py`, one in each file."""
