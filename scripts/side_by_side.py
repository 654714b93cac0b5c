#!/usr/bin/env python3
"""Compare models and two peers side by side on 24 crops of real images, labelled or blind.

scripts/side_by_side.py photo-x4 runs/new/model.onnx           labelled sheets
scripts/side_by_side.py photo-x4 --blind --out runs/blind-1    shuffled, without names
scripts/side_by_side.py --tally r1.json r2.json --key runs/blind-1.key.json

The peers are two upscalers of other projects, Real-ESRGAN's general model and LSDIR-compact. Their
results and the list of crops are in `reference/peers_on_demo.zip`, which is not part of the
repository. Select models on crops 0-11, and report crops 12-23. Some inputs are for non-commercial
use only: do not commit or publish the sheets.

A reader gets the folder of a blind comparison without its key, and writes a JSON file with an
answer for each crop: a ranking, best first, in groups of equally good results (ties in at most a
quarter of the crops), and the letters of results with visible dots or worm-like artefacts:
{"reader": "R1", "crops": {"0": {"ranking": [["B"], ["A", "C"]], "dots": ["C"]}, ...}}
"""

import argparse
import os
import secrets
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from comparison.blinding import draw_key, read_key
from comparison.crops import PEERS, SCALE, Collection, Model, Pixels, labels, to_grey
from comparison.sheets import contact_sheets, crop_sheet
from comparison.tally import read_readers, tally_lines

from srgan_gp.errors import OutputError, SrganGpError, UsageError

ROOT = Path(__file__).resolve().parent.parent
OUT = ROOT / "runs" / "side_by_side"

Results = dict[int, dict[str, Pixels]]
"""Results by label, by the number of the crop: (size * scale, size * scale, 3), uint8 RGB."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the sheets or print a tally; return the exit code."""
    options = build_parser().parse_args(arguments)
    try:
        if options.tally:
            print_tally(options)
        elif options.blind:
            make_blind_sheets(options)
        else:
            make_labelled_sheets(options)
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
    add(
        "models",
        nargs="*",
        metavar="MODEL",
        help="name or .onnx file; NAME@F for a fidelity F from 0 to 1",
    )
    add(
        "--blind",
        action="store_true",
        help="shuffle the results of each crop, label them by letters, and write a key",
    )
    add("--crops", metavar="LIST", help="numbers and ranges of crops, such as 0-11,15 [all]")
    add("--no-peers", action="store_true", help="compare the models without the peers")
    add(
        "--scale",
        type=int,
        choices=(2, 3, 4),
        default=SCALE,
        help="scale of the results; those of a model of a larger scale are downscaled [4]",
    )
    add(
        "--zoom",
        type=int,
        nargs="+",
        choices=range(1, 9),
        default=[1, 2],
        metavar="N",
        help="zoom factors of the crops; `2` alone gives smaller sheets, for viewers that "
        "downscale large ones; contact sheets show 1:1 [1 2]",
    )
    add(
        "--out",
        type=Path,
        metavar="DIR",
        help="folder for the sheets, which --blind requires to be empty [runs/side_by_side]",
    )
    add("--key", type=Path, metavar="FILE", help="key of a blind comparison [OUT.key.json]")
    add("--seed", type=int, metavar="N", help="seed of the shuffling [random; stored in the key]")
    add("--tally", type=Path, nargs="+", metavar="FILE", help="answers of readers; needs --key")
    add("--threads", type=int, metavar="N", help="CPU threads [all]")
    add(
        "--shared",
        type=Path,
        default=Path(shared),
        metavar="DIR",
        help="folder with data/demo_inputs.zip and reference/ [$SRGAN_GP_SHARED or ../shared]",
    )
    return parser


def make_labelled_sheets(options: argparse.Namespace) -> None:
    """Write sheets of the inputs and the results with their names."""
    collection = Collection(options.shared)
    results, _ = compute(collection, options)
    sheets: Results = {}
    for number, results_of_crop in results.items():
        pixels = collection.source(number).pixels
        enlarged = pixels.repeat(options.scale, axis=0).repeat(options.scale, axis=1)
        sheets[number] = {"input": enlarged} | results_of_crop
    write_sheets(sheets, options.out or OUT, options.zoom)


def make_blind_sheets(options: argparse.Namespace) -> None:
    """Write sheets of the results labelled by letters, and the key beside the folder.

    Raises:
        UsageError: the folder is not empty, or the file of the key exists.
    """
    out: Path = options.out or OUT
    if out.exists() and any(out.iterdir()):
        # Sheets of two comparisons must not be mixed.
        raise UsageError(f"{out} is not empty. Choose a new --out for a blind comparison.")
    results, hashes = compute(Collection(options.shared), options)
    names = list(next(iter(results.values())))  # every crop has results of the same names
    seed = secrets.randbelow(1 << 32) if options.seed is None else options.seed
    key = replace(draw_key(list(results), names, seed), models=hashes)
    path: Path = options.key or out.parent / f"{out.name}.key.json"
    key.write(path)
    print(path)
    sheets: Results = {}
    for number, letters in key.crops.items():
        sheets[number] = {letter: results[number][name] for letter, name in letters.items()}
    write_sheets(sheets, out, options.zoom)


def compute(
    collection: Collection, options: argparse.Namespace
) -> tuple[Results, Mapping[str, str]]:
    """Compute the results of all models, read those of the peers, and hash the models.

    Returns:
        The results, and the SHA-256 of each model by its label.

    Raises:
        UsageError: there is nothing to compare, or a crop does not exist.
        ModelRefusedError: a model cannot be loaded.
    """
    if not options.models:
        raise UsageError("Pass at least one model.")
    if options.scale != SCALE and not options.no_peers:
        raise UsageError(f"The peers upscale by {SCALE}: pass --no-peers with another --scale.")
    numbers = parse_crops(options.crops, list(collection.crops))
    results: Results = {number: {} for number in numbers}
    hashes: dict[str, str] = {}
    for text, label in zip(options.models, labels(options.models), strict=True):
        model = Model(text, options.threads, options.scale)
        hashes[label] = model.sha256
        for number in numbers:
            source = collection.source(number)
            crop = source.crop
            pixels = model.upscale_crop(source.image, crop.x, crop.y, crop.size)
            results[number][label] = pixels
    for number in numbers:
        if not options.no_peers:
            results[number] |= {name: collection.peer(name, number) for name in PEERS}
        if collection.source(number).is_grey:
            # A tint of the grey image would identify the model.
            for label, pixels in results[number].items():
                results[number][label] = to_grey(pixels)
    return results, hashes


def write_sheets(results: Results, out: Path, zooms: Sequence[int]) -> None:
    """Write `crop-NN.png` for each crop and `contact-N.png` for all.

    Raises:
        OutputError: a file cannot be written.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        rows = [(f"crop {number}", by_label) for number, by_label in results.items()]
        for number, (title, by_label) in zip(results, rows, strict=True):
            crop_sheet(title, by_label, zooms).save(out / f"crop-{number:02d}.png")
        for i, sheet in enumerate(contact_sheets(rows)):
            sheet.save(out / f"contact-{i}.png")
    except OSError as error:
        raise OutputError(f"The sheets cannot be written to {out}: {error}") from error
    print(out)


def print_tally(options: argparse.Namespace) -> None:
    """Print how often each result was ranked first, as Markdown."""
    if options.key is None:
        raise UsageError("--tally needs the --key of the blind comparison.")
    key = read_key(options.key)
    readers = read_readers(options.tally, key)
    print("\n".join(tally_lines(readers, key.names)))


def parse_crops(text: str | None, known: Sequence[int]) -> list[int]:
    """Parse numbers and ranges of crops.

    Args:
        text: value of `--crops`; None: all crops.
        known: numbers of all crops.

    Returns:
        The numbers, sorted, each once.

    >>> parse_crops("0-2,7", range(24))
    [0, 1, 2, 7]

    Raises:
        UsageError: the text is not such a list, or a crop does not exist.
    """
    if text is None:
        return list(known)
    selected: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.partition("-")
        try:
            numbers = range(int(first), int(last if dash else first) + 1)
        except ValueError:
            raise UsageError(f"--crops {text}: need numbers and ranges, such as 0-11,15.") from None
        if not numbers or numbers[0] < min(known) or numbers[-1] > max(known):
            raise UsageError(f"--crops {text}: the crops are {min(known)} to {max(known)}.")
        selected |= set(numbers)
    return sorted(selected)


if __name__ == "__main__":
    sys.exit(main())
