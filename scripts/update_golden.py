#!/usr/bin/env python3
"""Update the golden image of each shipped model, after an intended change of its weights.

A golden image is a result in tests/golden/, which a test compares with that of the current code.
"""

from pathlib import Path

from PIL import Image

from srgan_gp import FaceGenerator, Upscaler, read_image
from srgan_gp.images.image_grid import join_in_grid
from srgan_gp.models.cards import FACES, read_card

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "tests" / "golden"


def main() -> None:
    """Upscale tests/golden/input.png, or generate 8 faces, with each model on the CPU."""
    low_res = read_image(GOLDEN / "input.png").pixels
    for path in sorted((ROOT / "weights").glob("*.toml")):
        card = read_card(path)
        if card.task == FACES:
            faces = FaceGenerator.load(card.name, device="cpu").generate(count=8)
            result = join_in_grid(faces, columns=4, rows=2)
        else:
            result = Upscaler.load(card.name, device="cpu").upscale(low_res)
        golden_image = GOLDEN / f"{card.name}.png"
        Image.fromarray(result).save(golden_image, optimize=True)
        print(golden_image)


if __name__ == "__main__":
    main()
