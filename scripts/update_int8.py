#!/usr/bin/env python3
"""Make the int8 network of exported models again, and write its difference on their cards.

An int8 network (NAME.int8.onnx) has weights and activations quantised to 8 bits; the card states by
how much its results differ from those of the float32 network. `srgan-gp export` does the same for a
new model. Use this script for cards that an earlier version wrote:

    scripts/update_int8.py weights/photo-x4.toml --photos photos_train.zip
"""

import argparse
import hashlib
import tomllib
from collections.abc import Sequence
from pathlib import Path

import tomli_w

from srgan_gp.data.image_sources import list_all_images
from srgan_gp.exporting.int8_network import make_int8_network
from srgan_gp.models.cards import read_card
from srgan_gp.system.files import atomic_write, atomic_write_bytes


def main(arguments: Sequence[str] | None = None) -> None:
    """Update each card and print the difference of its int8 network."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("cards", nargs="+", type=Path, help="cards of upscalers, NAME.toml")
    parser.add_argument(
        "--photos", nargs="+", required=True, help="folders or zip files of training photos"
    )
    options = parser.parse_args(arguments)
    for path in options.cards:
        print(f"{path.stem}: {update_int8(path, options.photos)}")


def update_int8(path: Path, photos: Sequence[str]) -> str:
    """Write `NAME.int8.onnx` beside a card and update the card.

    Args:
        path: the card, NAME.toml; the network file of the model is in the same folder.
        photos: folders or zip files of photos, for the calibration of the quantisation.

    Returns:
        A line about the difference from the float32 network.

    Raises:
        ModelRefusedError: the card is not valid.
        ValueError: the network cannot be quantised.
    """
    card = read_card(path)
    model = path.with_name(card.files["onnx"].name).read_bytes()
    sha256 = hashlib.sha256(model).hexdigest()
    network = make_int8_network(model, sha256, list_all_images(photos))
    target = path.with_name(f"{card.name}.int8.onnx")
    atomic_write_bytes(target, network.data)
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    table["files"]["int8"] = {
        "name": target.name,
        "sha256": hashlib.sha256(network.data).hexdigest(),
        "bytes": len(network.data),
    }
    table["int8"] = vars(network.record)
    with atomic_write(path) as file:
        file.write(tomli_w.dumps(table, multiline_strings=False).encode())
    return network.record.line


if __name__ == "__main__":
    main()
