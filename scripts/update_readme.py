#!/usr/bin/env python3
"""Write the generated parts of README.md, CONTRIBUTING.md and the pages in docs/.

scripts/update_readme.py            write the parts between the markers again
scripts/update_readme.py --check    change nothing; exit 1 when a part is stale
scripts/update_readme.py --strip    also make the image docs/before-after.png again (takes seconds)

A marked part is between `<!-- begin NAME -->` and `<!-- end NAME -->`; the modules in `generated/`
make its lines.
"""

import argparse
import sys
from pathlib import Path

from generated.cards import card_sections, damage_rows, face_rows, model_rows, texture_rows
from generated.command_line import command_sections, preset_rows
from generated.degradations import degradation_rows
from generated.durations import duration_rows
from generated.errors import error_rows
from generated.imports import import_rows
from generated.marked import update_parts
from generated.penalties import penalty_rows
from generated.tiling import tiling_rows
from generated.tree import folder_lines, module_lines
from what_is_kept import rows as format_rows

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"

STRIP_SOURCE = ROOT / "apps" / "examples" / "cat.png"
STRIP_TARGET = ROOT / "docs" / "before-after.png"
STRIP_BOX = (66, 30, 140, 100)
"""Left, top, width and height of the part of `STRIP_SOURCE` that is shown, in its pixels."""

PARTS = {
    "cards": card_sections,
    "commands": command_sections,
    "damage": damage_rows,
    "degradations": degradation_rows,
    "durations": lambda: duration_rows(ROOT),
    "errors": error_rows,
    "faces": face_rows,
    "folders": lambda: folder_lines(ROOT),
    "formats": format_rows,
    "imports": lambda: import_rows(ROOT),
    "models": model_rows,
    "modules": lambda: module_lines(ROOT),
    "penalties": lambda: penalty_rows(ROOT),
    "presets": preset_rows,
    "texture": texture_rows,
    "tiling": lambda: tiling_rows(ROOT),
}
"""Functions that return the lines of a marked part, by its name."""


def main() -> int:
    """Update or check the documents; return the exit code: 1 if a part was stale in a check."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="change nothing, exit 1 when stale")
    parser.add_argument("--strip", action="store_true", help="make the image again as well")
    options = parser.parse_args()
    if options.strip:
        make_strip()
    stale = 0
    for path in documents():
        before = path.read_text(encoding="utf-8")
        after = update_parts(before, PARTS, path.name)
        if before == after:
            continue
        stale += 1
        if options.check:
            name = path.relative_to(ROOT)
            print(f"{name} is stale: run scripts/update_readme.py", file=sys.stderr)
        else:
            path.write_text(after, encoding="utf-8")
    return int(options.check and stale > 0)


def documents() -> list[Path]:
    """List the documents that may have marked parts."""
    return [README, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def make_strip() -> None:
    """Write docs/before-after.png: a part of an example, enlarged by bicubic and by photo-x4."""
    import numpy as np
    from PIL import Image

    from srgan_gp import Upscaler, read_image

    upscaler = Upscaler.load("photo-x4")
    pixels = read_image(STRIP_SOURCE).pixels
    scale = upscaler.scale
    left, top, width, height = STRIP_BOX
    small = Image.fromarray(pixels).crop((left, top, left + width, top + height))
    bicubic = small.resize((width * scale, height * scale), Image.Resampling.BICUBIC)
    # The whole image is upscaled, as a user would do, since a result depends on its surroundings.
    upscaled = upscaler.upscale(pixels)
    rows = slice(top * scale, (top + height) * scale)
    columns = slice(left * scale, (left + width) * scale)
    gap = np.full((height * scale, 8, 3), 255, np.uint8)  # white, 8 pixels wide
    strip = np.hstack([np.asarray(bicubic), gap, upscaled[rows, columns]])
    STRIP_TARGET.parent.mkdir(exist_ok=True)
    Image.fromarray(strip).save(STRIP_TARGET, optimize=True)


if __name__ == "__main__":
    sys.exit(main())
