#!/usr/bin/env python3
"""Update the golden image of each shipped model, after an intended change of its weights."""

from pathlib import Path

from PIL import Image

from srgan_gp import FaceGenerator, Upscaler, read_image
from srgan_gp.images.image_grid import tiled
from srgan_gp.models.cards import FACES, read_card

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "tests" / "golden"


def main() -> None:
    """Upscale tests/golden/input.png, or generate 8 faces, with each model on the CPU."""
    small = read_image(GOLDEN / "input.png").pixels
    for card in map(read_card, sorted((ROOT / "weights").glob("*.toml"))):
        if card.task == FACES:
            faces = FaceGenerator.load(card.name, device="cpu").generate(count=8)
            drawn = tiled(faces, columns=4, rows=2)
        else:
            drawn = Upscaler.load(card.name, device="cpu").upscale(small)
        Image.fromarray(drawn).save(GOLDEN / f"{card.name}.png", optimize=True)
        print(GOLDEN / f"{card.name}.png")


if __name__ == "__main__":
    main()
