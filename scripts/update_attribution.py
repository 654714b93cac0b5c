#!/usr/bin/env python3
"""Write weights/ATTRIBUTION.md: sources, authors and licences of the training photos.

scripts/update_attribution.py            update the file
scripts/update_attribution.py --check    change nothing; exit 1 if the file is not up to date
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from attribution.attribution_page import attribution
from attribution.photo_sources import read_sources

from srgan_gp.errors import SrganGpError
from srgan_gp.system.files import atomic_write

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "weights" / "ATTRIBUTION.md"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the file; return the exit code."""
    # The training data are outside the repository.
    shared = Path(os.environ.get("SRGAN_GP_SHARED", ROOT.parent / "shared"))
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--check", action="store_true", help="change nothing, exit 1 if not up to date"
    )
    parser.add_argument(
        "--data",
        type=Path,
        default=shared / "data",
        metavar="DIR",
        help="folder with the archives and their manifests [$SRGAN_GP_SHARED/data or "
        "../shared/data]",
    )
    options = parser.parse_args(arguments)
    try:
        text = attribution(read_sources(options.data))
    except SrganGpError as error:
        print(f"update_attribution.py: error: {error}", file=sys.stderr)
        return error.exit_code
    if options.check:
        is_stale = not TARGET.exists() or TARGET.read_text(encoding="utf-8") != text
        if is_stale:
            print(f"{TARGET} is not up to date: run scripts/update_attribution.py", file=sys.stderr)
        return int(is_stale)
    with atomic_write(TARGET) as file:
        file.write(text.encode())
    print(TARGET)
    return 0


if __name__ == "__main__":
    sys.exit(main())
