"""What `scripts/benchmark.py` can measure, one file each."""
