#!/usr/bin/env python3
"""Show models and two peers side by side on 24 crops of real images, with names or blind.

scripts/side_by_side.py photo-x4 runs/new/model.onnx            labelled sheets
scripts/side_by_side.py photo-x4 --blind --out runs/blind-1     shuffled and without names
scripts/side_by_side.py --tally anna.json ben.json --key runs/blind-1.key.json

The crops are those of `reference/peers_on_demo.zip`. Some inputs are for non-commercial use only:
the sheets are for looking, never to be committed or published.
"""

import argparse
import json
import os
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

from comparison.blinding import draw_key
from comparison.crops import PEERS, Collection, Model, Pixels, labels, to_grey
from comparison.sheets import contact_sheets, crop_sheet

from srgan_gp.errors import SrganGpError, UsageError

ROOT = Path(__file__).resolve().parent.parent


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the sheets; return the exit code."""
    options = build_parser().parse_args(arguments)
    try:
        make_sheets(options)
    except SrganGpError as error:
        print(f"side_by_side.py: error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def build_parser() -> argparse.ArgumentParser:
    """Build the command line."""
    shared = os.environ.get("SRGAN_GP_SHARED", ROOT.parent / "shared")
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("models", nargs="*", metavar="MODEL", help="name or .onnx file; NAME@F for a fidelity F")
    add("--blind", action="store_true", help="shuffle each crop, show letters, write a key")
    add("--spots", metavar="LIST", help="numbers and ranges of crops, such as 0-11,15 [all]")
    add("--no-peers", action="store_true", help="compare the models among themselves")
    add("--out", type=Path, help="folder for the sheets [runs/side_by_side]")
    add("--key", type=Path, help="the key of a blind comparison [beside --out, OUT.key.json]")
    add("--seed", type=int, help="seed of the shuffling [drawn, and noted in the key]")
    add("--shared", type=Path, default=shared, help="data folder [$SRGAN_GP_SHARED or ../shared]")
    add("--threads", type=int, help="CPU threads [all]")
    return parser


def make_sheets(options: argparse.Namespace) -> None:
    """Compute all crops and write the sheets."""
    out: Path = options.out or ROOT / "runs" / "side_by_side"
    collection = Collection(Path(options.shared))
    spots = parse_spots(options.spots, list(collection.spots))
    names = labels(options.models) + ([] if options.no_peers else list(PEERS))
    if not names:
        raise UsageError("There is nothing to compare: name a model.")
    results, hashes = compute(collection, options, spots)
    if options.blind:
        if len(names) < 2:
            raise UsageError("A blind comparison needs two results.")
        seed = secrets.randbelow(1 << 32) if options.seed is None else options.seed
        key = draw_key(spots, names, seed)
        shown = {n: {a: results[n][name] for a, name in key[n].items()} for n in spots}
        path: Path = options.key or out.parent / f"{out.name}.key.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"seed": seed, "models": hashes, "crops": key}, indent=1)
        path.write_text(text + "\n", encoding="utf-8")
        print(path)
    else:
        shown = results
        for n in spots:
            shown[n] = {"input": collection.source(n).crop.repeat(4, 0).repeat(4, 1)} | results[n]
    out.mkdir(parents=True, exist_ok=True)
    for n in spots:
        crop_sheet(f"crop {n}", shown[n]).save(out / f"crop-{n:02d}.png")
    for i, sheet in enumerate(contact_sheets([(f"crop {n}", shown[n]) for n in spots])):
        sheet.save(out / f"contact-{i}.png")
    print(out)


def compute(
    collection: Collection, options: argparse.Namespace, spots: Sequence[int]
) -> tuple[dict[int, dict[str, Pixels]], dict[str, str]]:
    """Give all results by crop and label, and the hashes of the models."""
    results: dict[int, dict[str, Pixels]] = {n: {} for n in spots}
    hashes: dict[str, str] = {}
    for text, label in zip(options.models, labels(options.models), strict=True):
        model = Model(text, options.threads)
        hashes[label] = model.sha256
        for n in spots:
            source = collection.source(n)
            spot = source.spot
            results[n][label] = model.enlarge_crop(source.image, spot.x, spot.y, spot.size)
    for n in spots:
        if not options.no_peers:
            results[n] |= {name: collection.peer(name, n) for name in PEERS}
        if collection.source(n).is_grey:
            results[n] = {name: to_grey(pixels) for name, pixels in results[n].items()}
    return results, hashes


def parse_spots(text: str | None, known: Sequence[int]) -> list[int]:
    """Read numbers and ranges of crops.

    >>> parse_spots("0-2,7", range(24))
    [0, 1, 2, 7]

    Raises:
        UsageError: it is not such a list, or a crop does not exist.
    """
    if text is None:
        return list(known)
    chosen: set[int] = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        try:
            chosen |= set(range(int(first), int(last or first) + 1))
        except ValueError:
            raise UsageError(f"--spots {text}: need numbers and ranges, such as 0-11,15.") from None
    if not chosen or not chosen <= set(known):
        raise UsageError(f"--spots {text}: the crops are {min(known)} to {max(known)}.")
    return sorted(chosen)


if __name__ == "__main__":
    sys.exit(main())
