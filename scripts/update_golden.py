#!/usr/bin/env python3
"""Draw the golden picture of each shipped upscaler anew, after its weights changed on purpose."""

from pathlib import Path

from PIL import Image

from srgan_gp import Upscaler, list_models, read_image

GOLDEN = Path(__file__).resolve().parent.parent / "tests" / "golden"


def main() -> None:
    """Enlarge tests/golden/input.png with each model, on the CPU."""
    small = read_image(GOLDEN / "input.png").pixels
    for card in list_models():
        if card.task == "super-resolution":
            large = Upscaler.load(card.name, device="cpu").upscale(small)
            Image.fromarray(large).save(GOLDEN / f"{card.name}.png", optimize=True)
            print(GOLDEN / f"{card.name}.png")


if __name__ == "__main__":
    main()
