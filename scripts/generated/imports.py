"""The table of imported architectures, from what `scripts/benchmark.py imports --json` printed."""

import json
from collections.abc import Iterator
from pathlib import Path


def import_rows(root: Path) -> Iterator[str]:
    """Name the machine, then list one row for each architecture; those that were refused last."""
    values = json.loads((root / "scripts" / "benchmarks" / "imports.json").read_text())
    machine = values["machine"].replace("(R)", "")
    threads = "1 thread" if values["threads"] == 1 else f"{values['threads']} threads"
    yield f"Small networks with random weights; CPU time with {threads} of an {machine}:"
    yield ""
    yield "| architecture | difference from PyTorch | tiling | CPU time per megapixel | float16 |"
    yield "|---|---|---|---|---|"
    kinds = list(dict.fromkeys(key.partition(": ")[0] for key in values if ": " in key))
    for kind in kinds:
        if f"{kind}: refused" not in values:
            difference = values[f"{kind}: difference from PyTorch"]
            seconds = values[f"{kind}: CPU seconds per megapixel"]
            half = "yes" if values[f"{kind}: float16"] else "no"
            columns = f"{difference:.1e} | {_tiling(values, kind)} | {seconds:.1f} s | {half}"
            yield f"| {kind} | {columns} |"
    refused = [kind for kind in kinds if f"{kind}: refused" in values]
    for kind in refused:
        yield f"| {kind} | refused: no graph of any size | | | |"


def _tiling(values: dict[str, object], kind: str) -> str:
    tiling = values[f"{kind}: tiling"]
    if tiling == "aligned":
        return f"exact, at multiples of {values[f'{kind}: multiple']}"
    if tiling == "approximate":
        return f"approximate, {values[f'{kind}: difference of tiles']:.2g} of 255 levels"
    return "exact"
