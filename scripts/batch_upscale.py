#!/usr/bin/env python3
"""Upscale every picture of a folder with a few lines of the library: copy this file, change it.

scripts/batch_upscale.py PHOTOS UPSCALED [--model photo-x4]

What `srgan-gp upscale` has beyond it: a journal to resume by, short names that cannot collide,
reading and writing beside the network, several GPUs, reports.
"""

import argparse
import sys
from pathlib import Path

from srgan_gp import SrganGpError, Upscaler, read_image, write_image

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp"}


def main() -> int:
    """Upscale a folder; return 0, or 3 when a picture could not be done."""
    parser = argparse.ArgumentParser(description="Upscale every picture of a folder to PNG.")
    parser.add_argument("folder", type=Path, help="where the pictures are")
    parser.add_argument("results", type=Path, help="folder for the results; made where missing")
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
        # The whole name is kept, so that a.jpg and a.png do not meet; a file that is there is done.
        target = options.results / f"{source.name}.png"
        if target.exists():
            continue
        try:
            # Your own steps go here: `picture.pixels` is an array (height, width, 3).
            picture = read_image(source)
            write_image(upscaler.upscale_picture(picture), target)
            print(target, flush=True)
        except SrganGpError as error:
            print(f"{source}: {error}", file=sys.stderr)
            failures += 1
    return 3 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
