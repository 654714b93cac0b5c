#!/usr/bin/env python3
"""Upscale every image of a folder with the Python API: a template to copy and change.

scripts/batch_upscale.py PHOTOS UPSCALED [--model photo-x4]

`srgan-gp upscale` can also resume from a journal, choose short names without collisions, read and
write while the network runs, use several GPUs and write reports.
"""

import argparse
import sys
from pathlib import Path

from srgan_gp import SrganGpError, Upscaler, write_image

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp"}


def main() -> int:
    """Upscale a folder; return the exit codes of `srgan-gp`, such as 3 if an image failed."""
    parser = argparse.ArgumentParser(description="Upscale every image of a folder to PNG.")
    parser.add_argument("folder", type=Path, help="folder of images")
    parser.add_argument("results", type=Path, help="folder for the results; created if missing")
    parser.add_argument("--model", default="photo-x4", help="name or .onnx file [photo-x4]")
    options = parser.parse_args()
    try:
        upscaler = Upscaler.load(options.model)
        options.results.mkdir(parents=True, exist_ok=True)
        sources = sorted(p for p in options.folder.iterdir() if p.suffix.lower() in SUFFIXES)
    except (SrganGpError, OSError) as error:
        print(error, file=sys.stderr)
        return getattr(error, "exit_code", 2)
    failures = 0
    for source in sources:
        # The full name is kept, so that a.jpg and a.png do not collide.
        target = options.results / f"{source.name}.png"
        if target.exists():
            continue  # upscaled by an earlier run
        try:
            # Add your own steps here: `picture.pixels` is an array (height, width, 1 or 3), and
            # `picture.alpha` an array (height, width) or None.
            picture = upscaler.upscale(source)
            write_image(picture, target)
            print(target, flush=True)
        except SrganGpError as error:
            print(error, file=sys.stderr)
            failures += 1
    return 3 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
