"""Table of how long a photo takes, from `benchmarks/photo.json`.

That file is the output of `scripts/benchmark.py photo --json`.
"""

import json
from collections.abc import Iterator
from pathlib import Path


def duration_rows(root: Path) -> Iterator[str]:
    """Yield the name of the machine, and a table with one row per photo.

    Args:
        root: root of the repository.
    """
    values = json.loads((root / "scripts" / "benchmarks" / "photo.json").read_text())
    cores = "one core" if values["threads"] == 1 else f"{values['threads']} cores"
    machine = values["machine"].replace("(R)", "")
    yield f"Measured with `{values['model']}` on {cores} of an {machine}, from JPEG to JPEG:"
    yield ""
    yield "| photo | size | CPU time | memory |"
    yield "|---|---|---|---|"
    # The keys of a photo are "12 megapixels: size", "12 megapixels: CPU seconds" and so on.
    for name in values:
        megapixels, _, quantity = name.partition(" megapixels: ")
        if quantity == "size":  # once per photo
            start = f"{megapixels} megapixels: "
            seconds = values[f"{start}CPU seconds"]
            text = f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
            memory = f"{values[f'{start}MiB']:,} MiB"
            yield f"| {megapixels} megapixels | {values[name]} | {text} | {memory} |"
