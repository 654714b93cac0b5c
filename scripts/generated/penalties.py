"""Table of the cost of gradient penalties, from `benchmarks/penalties.json`.

That file is the output of `scripts/benchmark.py penalties --json`: facts about the measurement, and
the time of a step with each penalty, relative to a step without one.
"""

import json
from collections.abc import Iterator
from pathlib import Path

_FACTS = ("machine", "batch", "threads", "step_without_penalty_seconds")
"""Keys of the facts about the measurement; all other keys are names of steps."""


def penalty_rows(root: Path) -> Iterator[str]:
    """Yield a sentence about the measurement, and a table with one row for each kind of step.

    Args:
        root: root of the repository.
    """
    values = json.loads((root / "scripts" / "benchmarks" / "penalties.json").read_text())
    # After this, `values` has ratios only.
    machine, batch, threads, seconds = (values.pop(name) for name in _FACTS)
    count = "1 thread" if threads == 1 else f"{threads} threads"
    yield f"Time of a step of `face_critic` on {batch} values in float32, relative to a step"
    yield f"without penalty ({seconds:.3f} s of {count} of an {machine}):"
    yield ""
    yield "| penalty | time of a step |"
    yield "|---|---|"
    for name, ratio in values.items():
        penalty, space, variant = name.partition(" ")  # such as "wgan_gp on half of the batch"
        yield f"| `{penalty}`{space}{variant} | {ratio:.2f} |"
