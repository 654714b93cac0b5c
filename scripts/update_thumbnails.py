#!/usr/bin/env python3
"""Make the thumbnails of the models in the app, apps/static/model-*.jpg, from the example images.

scripts/update_thumbnails.py    upscale the example of each model, and write a crop of it
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import PIL.Image

import srgan_gp

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES, STATIC = ROOT / "apps" / "examples", ROOT / "apps" / "static"
REGIONS = {
    "classic-x4": ("coffee.jpg", (97, 81, 96, 72)),
    "face-x4": ("astronaut.jpg", (61, 15, 96, 72)),
    "photo-x4": ("cat.png", (96, 42, 72, 54)),
    "photo-x4-psnr": ("cat.png", (96, 42, 72, 54)),
}
"""Example and its region, by model: left, top, width and height in pixels of the example."""
SIZE = (192, 144)
"""Width and height of a thumbnail in pixels; the page may show a part of its height only."""
QUALITY = 85  # of the JPEG files


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the thumbnails; return the exit code."""
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args(arguments)
    for model, (example, (left, top, width, height)) in REGIONS.items():
        upscaler = srgan_gp.Upscaler.load(model, device="cpu")
        # The whole example, because the result at the borders of a cut-out region differs.
        original = PIL.Image.open(EXAMPLES / example).convert("RGB")
        image = upscaler.upscale(original)
        scale = image.width // original.width
        corners = (scale * left, scale * top, scale * (left + width), scale * (top + height))
        thumbnail = image.crop(corners).resize(SIZE, PIL.Image.Resampling.BOX)
        path = STATIC / f"model-{model}.jpg"
        srgan_gp.write_image(thumbnail, path, quality=QUALITY)
        print(path.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
