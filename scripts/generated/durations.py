"""The table of how long a photo takes, from what `scripts/benchmark.py photo --json` printed."""

import json
from collections.abc import Iterator
from pathlib import Path


def duration_rows(root: Path) -> Iterator[str]:
    """Say on which machine it was measured, then list one row a photo."""
    values = json.loads((root / "scripts" / "benchmarks" / "photo.json").read_text())
    cores = "one core" if values["threads"] == 1 else f"{values['threads']} cores"
    machine = values["machine"].replace("(R)", "")
    yield f"Measured with `{values['model']}` on {cores} of an {machine}, from JPEG to JPEG:"
    yield ""
    yield "| photo | size | CPU time | memory |"
    yield "|---|---|---|---|"
    for name in values:  # keys as `benchmarks.photo` writes them
        megapixels, _, what = name.partition(" megapixels: ")
        if what == "size":
            start = f"{megapixels} megapixels: "
            seconds = values[f"{start}CPU seconds"]
            text = f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
            memory = f"{values[f'{start}MiB']:,} MiB"
            yield f"| {megapixels} megapixels | {values[name]} | {text} | {memory} |"
