"""Table of computed pixels of tiled images, from `benchmarks/tiling.json`.

That file is the output of `scripts/benchmark.py tiling --json`. Tiles overlap, so that more pixels
are computed than the image has. Squares are the tiles of earlier versions.
"""

import json
from collections.abc import Iterator
from pathlib import Path


def tiling_rows(root: Path) -> Iterator[str]:
    """Yield the names of the model and the machine, and a table with one row per size of an image.

    Args:
        root: root of the repository.
    """
    values = json.loads((root / "scripts" / "benchmarks" / "tiling.json").read_text())
    machine = values["machine"].replace("(R)", "")
    threads = "1 thread" if values["threads"] == 1 else f"{values['threads']} threads"
    yield f"Computed pixels for each pixel of the image, with `{values['model']}`; CPU time with"
    yield f"{threads} of an {machine}:"
    yield ""
    yield "| image | CPU: squares | rectangles | GPU: squares | rectangles | CPU time |"
    yield "|---|---|---|---|---|---|"
    columns = ("squares, CPU", "rectangles, CPU", "squares, GPU", "rectangles, GPU")
    for name in values:
        size, _, quantity = name.partition(": ")  # such as "512 x 512: squares, CPU"
        if quantity == columns[0]:  # once per size
            cells = [f"{values[f'{size}: {column}']:.2f}" for column in columns]
            yield f"| {size} | {' | '.join(cells)} | {_time(values, size)} |"


def _time(values: dict[str, float], size: str) -> str:
    """Format the CPU time of squares and of rectangles for images of a size."""
    ratio = values.get(f"{size}: time of rectangles over squares")
    if ratio is None:
        return "not timed"
    squares = values[f"{size}: squares, CPU seconds"]
    rectangles = values[f"{size}: rectangles, CPU seconds"]
    return f"{squares:.1f} s to {rectangles:.1f} s, ratio {ratio:.2f}"
