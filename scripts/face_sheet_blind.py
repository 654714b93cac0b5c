"""Build unlabelled sheets of generated and real faces, and count the marks of readers.

python scripts/face_sheet_blind.py --real faces_val.zip --seed 1000 -o runs/sheets/1000
python scripts/face_sheet_blind.py --tally runs/sheets/1000-key.json marks-1.json marks-2.json

A sheet has 80 numbered faces in random order: 64 generated from consecutive seeds and 16 real. The
key, a JSON file that readers do not see, says which is which. Readers judge the faces by eye: the
marks of a reader are a JSON file with the positions, from 1, of the faces free of gross deformity
and of those that pass as a photograph: {"sound": [1, 2, 5], "photo": [2]}
"""

import argparse
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from srgan_gp.data.aligned_faces import read_faces
from srgan_gp.data.image_sources import list_images
from srgan_gp.data.validation_halves import REPORT, validation_half
from srgan_gp.errors import SrganGpError, UsageError
from srgan_gp.inference.face_generator import DEFAULT_MODEL, FaceGenerator
from srgan_gp.system.files import atomic_write_bytes

GENERATED, REAL = 64, 16  # faces on a sheet
COLUMNS = 10  # faces in a row
MARGIN, CAPTION = 8, 14  # pixels around a face, and above a face for its number
GREY = 127  # level of the background
KINDS = {"sound": "free of gross deformity", "photo": "pass as a photograph"}
"""Kinds of marks: the key in a file of marks, and the text in the tally."""


def main() -> int:
    """Build a sheet or count marks; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default=DEFAULT_MODEL, help=f"face generator [{DEFAULT_MODEL}]")
    parser.add_argument("--seed", type=int, default=1000, help="of the first face [1000]")
    parser.add_argument("--trunc", type=float, help="truncation [the default of generate]")
    parser.add_argument("--real", metavar="PATH", help="folder or zip file of real faces")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="NAME", help="name of the sheet, without .png"
    )
    parser.add_argument(
        "--tally", type=Path, metavar="KEY", help="count marks instead of building a sheet"
    )
    parser.add_argument("marks", type=Path, nargs="*", help="with --tally: a file for each reader")
    options = parser.parse_args()
    try:
        if options.tally:
            key = json.loads(options.tally.read_text(encoding="utf-8"))
            marks = {path.name: read_marks(path, key) for path in options.marks}
            print(*tally(key, marks), sep="\n")
        elif options.real and options.output:
            build_sheet(options)
        else:
            parser.error("pass --real and -o to build a sheet, or --tally")
    except SrganGpError as error:
        parser.error(str(error))
    return 0


def build_sheet(options: argparse.Namespace) -> None:
    """Write the sheet as NAME.png and its key as NAME-key.json.

    The key has `model`, `sha256`, `truncation`, and `positions`: by position on the sheet, "seed N"
    for a generated face and "real FILE" for a real one.
    """
    generator = FaceGenerator.load(options.model)
    truncation = generator.default_truncation if options.trunc is None else options.trunc
    generated = generator.generate(seed=options.seed, count=GENERATED, truncation=truncation)
    # The half of the validation faces that no model was selected on.
    files = validation_half(list_images(options.real), REPORT)
    rng = np.random.default_rng(options.seed)
    real_files = [files[i] for i in rng.permutation(len(files))[:REAL]]
    faces = np.concatenate([generated, read_faces(real_files, generator.image_size)])
    # `tally` recognises real faces by their labels.
    labels = [f"seed {options.seed + n}" for n in range(GENERATED)]
    labels += [f"real {file.stem}" for file in real_files]
    order = rng.permutation(len(faces))  # index of the face at each position
    key = {
        "model": generator.name,
        "sha256": generator.sha256,
        "truncation": truncation,
        "positions": {str(n): labels[i] for n, i in enumerate(order, start=1)},
    }
    options.output.parent.mkdir(parents=True, exist_ok=True)
    pixels = draw_sheet(faces[order])
    encoded = cv2.imencode(".png", pixels[..., ::-1])[1].tobytes()  # OpenCV expects BGR
    atomic_write_bytes(options.output.with_name(f"{options.output.name}.png"), encoded)
    path = options.output.with_name(f"{options.output.name}-key.json")
    atomic_write_bytes(path, json.dumps(key, indent=2).encode())


def draw_sheet(faces: np.ndarray) -> np.ndarray:
    """Draw faces in rows of `COLUMNS`, each below its number.

    Args:
        faces: (N, S, S, 3), uint8 RGB.

    Returns:
        (H, W, 3), uint8 RGB.
    """
    side = faces.shape[1]
    rows = math.ceil(len(faces) / COLUMNS)
    cell_height, cell_width = CAPTION + side + MARGIN, side + MARGIN
    size = (rows * cell_height + MARGIN, COLUMNS * cell_width + MARGIN, 3)
    sheet = np.full(size, GREY, np.uint8)
    for index, face in enumerate(faces):
        row, column = divmod(index, COLUMNS)
        left, text_top = MARGIN + column * cell_width, MARGIN + row * cell_height
        top = text_top + CAPTION
        baseline = (left, top - 4)  # 4 pixels between the number and the face
        font, scale, black = cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0)
        cv2.putText(sheet, str(index + 1), baseline, font, scale, black, 1, cv2.LINE_AA)
        sheet[top : top + side, left : left + side] = face
    return sheet


def read_marks(path: Path, key: Mapping[str, Any]) -> dict[str, set[int]]:
    """Read the marks of one reader.

    Args:
        path: file of the marks.
        key: key of the sheet.

    Returns:
        Marked positions, from 1, by kind.

    Raises:
        UsageError: the file has other keys than `KINDS`, or a position that is not on the sheet.
    """
    try:
        content = json.loads(path.read_text())
        marks = {kind: {int(n) for n in positions} for kind, positions in content.items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise UsageError(f"{path} is not a file of marks: {error}.") from error
    if marks.keys() != KINDS.keys():
        raise UsageError(f"{path} must have exactly the lists {' and '.join(KINDS)}.")
    on_sheet = {int(n) for n in key["positions"]}
    for kind, positions in marks.items():
        unknown = positions - on_sheet
        if unknown:
            raise UsageError(f"{path}: {kind} names {min(unknown)}, which is not on the sheet.")
    return marks


def tally(key: Mapping[str, Any], marks: Mapping[str, Mapping[str, set[int]]]) -> Sequence[str]:
    """Compare the marked shares of generated and real faces, by reader and averaged.

    Args:
        key: key of the sheet.
        marks: marked positions by reader and kind.

    Returns:
        Lines of text; "ours" are the generated faces. A ratio is the marked share of the generated
        faces over that of the real faces.
    """
    real = {int(n) for n, label in key["positions"].items() if label.startswith("real ")}
    generated = {int(n) for n in key["positions"]} - real
    lines = []
    for kind, text in KINDS.items():
        shares = []  # of generated and of real faces, for each reader
        for reader, positions in marks.items():
            generated_count = len(positions[kind] & generated)
            real_count = len(positions[kind] & real)
            share, real_share = generated_count / len(generated), real_count / len(real)
            shares.append((share, real_share))
            lines.append(
                f"{text}, {reader}: {generated_count} of {len(generated)} ours, {real_count} of "
                f"{len(real)} real{ratio_text(share, real_share)}"
            )
        if shares:
            share, real_share = np.mean(shares, axis=0).tolist()
            ratio = ratio_text(share, real_share)
            lines.append(f"{text}, all readers: {share:.1%} ours, {real_share:.1%} real{ratio}")
    return lines


def ratio_text(share: float, real_share: float) -> str:
    """Format the ratio of the marked shares of generated and real faces, as the end of a line."""
    if real_share == 0:
        return ", no ratio: no real face was marked"
    return f", ratio {share / real_share:.1%}"


if __name__ == "__main__":
    raise SystemExit(main())
