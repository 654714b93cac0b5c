"""The table of computed pixels, from what `scripts/benchmark.py tiling --json` printed."""

import json
from collections.abc import Iterator
from pathlib import Path


def tiling_rows(root: Path) -> Iterator[str]:
    """Name the model and the machine, then list one row for each size."""
    values = json.loads((root / "scripts" / "benchmarks" / "tiling.json").read_text())
    machine = values["machine"].replace("(R)", "")
    threads = "1 thread" if values["threads"] == 1 else f"{values['threads']} threads"
    yield f"Computed pixels for each pixel of the image, with `{values['model']}`; CPU time with"
    yield f"{threads} of an {machine}:"
    yield ""
    yield "| image | CPU: squares | rectangles | GPU: squares | rectangles | CPU time |"
    yield "|---|---|---|---|---|---|"
    for name in values:  # keys as `benchmarks.tiling` writes them
        size, _, what = name.partition(": ")
        if what == "squares, CPU":
            columns = [
                f"{values[f'{size}: {kind}, {place}']:.2f}"
                for place in ("CPU", "GPU")
                for kind in ("squares", "rectangles")
            ]
            yield f"| {size} | {' | '.join(columns)} | {_time(values, size)} |"


def _time(values: dict[str, float], size: str) -> str:
    ratio = values.get(f"{size}: time of rectangles over squares")
    if ratio is None:
        return "not timed"
    before, after = (values[f"{size}: {kind}, CPU seconds"] for kind in ("squares", "rectangles"))
    return f"{before:.1f} s to {after:.1f} s, ratio {ratio:.2f}"
