"""Table of imported architectures, from `benchmarks/imports.json`.

That file is the output of `scripts/benchmark.py imports --json`. Its keys are names and
"ARCHITECTURE: QUANTITY".
"""

import json
from collections.abc import Iterator
from pathlib import Path


def import_rows(root: Path) -> Iterator[str]:
    """Yield the name of the machine, and a table with one row per architecture, refused ones last.

    Args:
        root: root of the repository.
    """
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
            has_float16 = "yes" if values[f"{kind}: float16"] else "no"
            columns = (
                f"{difference:.1e} | {_tiling(values, kind)} | {seconds:.1f} s | {has_float16}"
            )
            yield f"| {kind} | {columns} |"
    # The refused networks cannot be exported with a dynamic size of the image.
    refused = [kind for kind in kinds if f"{kind}: refused" in values]
    for kind in refused:
        yield f"| {kind} | refused: no graph of any size | | | |"


def _tiling(values: dict[str, object], kind: str) -> str:
    """Format whether tiles give the result of the whole image, for an architecture."""
    tiling = values[f"{kind}: tiling"]
    if tiling == "aligned":
        return f"exact, at multiples of {values[f'{kind}: multiple']}"
    if tiling == "approximate":
        return f"approximate, {values[f'{kind}: difference of tiles']:.2g} of 255 levels"
    return "exact"
