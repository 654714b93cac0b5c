"""The table of the cost of penalties, from what `scripts/benchmark.py penalties --json` printed."""

import json
from collections.abc import Iterator
from pathlib import Path

_FACTS = ("machine", "batch", "threads", "step_without_penalty_seconds")


def penalty_rows(root: Path) -> Iterator[str]:
    """Say on which machine it was measured, then list one row for each step."""
    values = json.loads((root / "scripts" / "benchmarks" / "penalties.json").read_text())
    machine, batch, threads, seconds = (values.pop(name) for name in _FACTS)
    count = "1 thread" if threads == 1 else f"{threads} threads"
    yield f"Time of a step of `face_critic` on {batch} values in float32, relative to a step"
    yield f"without penalty ({seconds:.3f} s of {count} of an {machine}):"
    yield ""
    yield "| penalty | time of a step |"
    yield "|---|---|"
    for name, ratio in values.items():
        penalty, *how = name.split(" ", 1)
        yield f"| `{penalty}`{' ' + how[0] if how else ''} | {ratio:.2f} |"
