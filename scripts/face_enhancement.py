#!/usr/bin/env python3
"""Measure `upscale --faces` on planted faces, and compare results with and without it on sheets.

scripts/face_enhancement.py planted --faces faces.zip --photos photos.zip
scripts/face_enhancement.py sheets photo.jpg folder/ -o runs/faces
scripts/face_enhancement.py sheets folder/ --blind -o runs/blind    the key is runs/blind.key.json
scripts/face_enhancement.py tally runs/blind.key.json reader-1.json reader-2.json

A planted face is copied into a photo, so that its original is known. A reader, who compares results
by eye, gets the folder of a blind comparison without its key. Each image shows the input and the
results A and B. The answers are a JSON file with the better one of each image, or "=" for a tie:
{"1": "A", "2": "B", "3": "="}
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from enhanced_faces.comparing import Comparison
from enhanced_faces.planting import SCALE, plant
from enhanced_faces.sheets import Crop, crop_faces, tally_lines, write_blind, write_labelled

from srgan_gp.data.benchmark_downscalers import LOW_RES
from srgan_gp.errors import PictureError, SrganGpError
from srgan_gp.evaluation.image_scores import squeeze_distance
from srgan_gp.images import read_image
from srgan_gp.images.colour import as_8_bit_rgb
from srgan_gp.inference.face_enhancement.face_options import ENHANCED, FaceResult
from srgan_gp.losses.features import Features
from srgan_gp.metrics.psnr_ssim import psnr_y

DAMAGES = ("cv2", "area-jpeg75", "real")
"""Names of the downscalers, keys of `LOW_RES`; the last two also store the result as JPEG."""
SIZES = (16, 24, 32, 48, 65)
"""Bounds of the groups by which scores are printed: sides of planted faces in pixels of the input,
from one bound to below the next. The last bound includes `planting.LARGEST`, 64."""
MAX_PIXELS = 600_000  # images with more are not shown on sheets
SHEET_PLANTED = 60  # planted faces of rising size, of which every fourth is on a sheet


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, write sheets or count answers; return the exit code."""
    options = build_parser().parse_args(arguments)
    try:
        options.run(options)
    except (SrganGpError, ValueError) as error:
        print(f"face_enhancement.py: error: {error}", file=sys.stderr)
        return 2
    return 0


def build_parser() -> argparse.ArgumentParser:
    """Build the command line."""
    models = argparse.ArgumentParser(add_help=False)
    models.add_argument("--model", default="photo-x4", help="model of the photo [photo-x4]")
    models.add_argument("--face-model", default="face-x4", help="model of the faces [face-x4]")
    models.add_argument("--detector", type=Path, help="an ONNX file of YuNet [the installed one]")
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    verbs = parser.add_subparsers(required=True)

    planted = verbs.add_parser("planted", parents=[models], help="scores of planted faces")
    planted.add_argument("--faces", required=True, help="folder or zip file of square faces")
    planted.add_argument("--photos", required=True, help="folder or zip file of photos")
    planted.add_argument("--count", type=int, default=60, help="number of faces [60]")
    planted.add_argument("--feature-weights", type=Path, help="SqueezeNet [the installed one]")
    planted.set_defaults(run=measure)

    sheets = verbs.add_parser("sheets", parents=[models], help="crops of enhanced faces")
    sheets.add_argument("images", nargs="+", type=Path, help="image files and folders")
    sheets.add_argument("-o", "--output", type=Path, required=True, help="folder of the sheets")
    sheets.add_argument("--blind", action="store_true", help="shuffle, and write a key")
    sheets.add_argument("--faces", help="with --photos: planted faces, one in four of them")
    sheets.add_argument("--photos", help="photos for --faces")
    sheets.set_defaults(run=make_sheets)

    tally = verbs.add_parser("tally", help="count the answers of readers")
    tally.add_argument("key", type=Path, help="key of the comparison")
    tally.add_argument("readers", nargs="+", type=Path, help="answers of each reader")
    tally.set_defaults(run=count_answers)
    return parser


def measure(options: argparse.Namespace) -> None:
    """Print the scores of planted faces, by damage and by size."""
    comparison = Comparison(options.model, options.face_model, options.detector)
    features = Features.load("squeeze", options.feature_weights)
    scenes = list(plant(options.faces, options.photos, options.count, comparison.detector))
    for damage in DAMAGES:
        # Side, squeeze distance without and with the face model, PSNR-Y without and with it.
        rows = []
        seams, states, equal_photos = list[float](), list[str](), 0
        for scene in scenes:
            pair = comparison.pair(LOW_RES[damage](scene.high_res, SCALE))
            x, y, width, height = scene.box
            box = (slice(y, y + height), slice(x, x + width))
            original = np.ascontiguousarray(scene.high_res[box])
            without = np.ascontiguousarray(pair.without_faces[box])
            with_faces = np.ascontiguousarray(pair.with_faces[box])
            rows.append(
                (
                    scene.side,
                    squeeze_distance(features, without, original),
                    squeeze_distance(features, with_faces, original),
                    psnr_y(without, original, border=0),
                    psnr_y(with_faces, original, border=0),
                )
            )
            centre = ((x + width / 2) / SCALE, (y + height / 2) / SCALE)  # in pixels of the input
            states.append(_state(pair.faces, centre))
            seams += pair.seams()  # ratios; above 1 a seam stands out
            equal_photos += pair.is_equal_outside()
        print(
            f"{damage}: {len(scenes)} faces, {states.count(ENHANCED)} enhanced, "
            f"{states.count('missed')} missed; outside the boxes equal in {equal_photos} of "
            f"{len(scenes)} photos; seams above the 99th percentile: {sum(s > 1 for s in seams)} "
            f"of {len(seams)}, largest ratio {max(seams, default=0.0):.2f}"
        )
        _print_scores("  all", np.array(rows))
        for low, high in pairwise(SIZES):
            rows_of_size = [row for row in rows if low <= row[0] < high]
            if rows_of_size:
                _print_scores(f"  {low} to {high - 1} pixels", np.array(rows_of_size))


def _state(faces: tuple[FaceResult, ...], centre: tuple[float, float]) -> str:
    """Return what was done with the face around a point, such as "enhanced"; "missed": no face.

    Args:
        faces: the detected faces.
        centre: (x, y) in pixels of the input, as the boxes of the faces.
    """
    for face in faces:
        left, top, width, height = face.box
        if left <= centre[0] <= left + width and top <= centre[1] <= top + height:
            return face.done
    return "missed"


def _print_scores(title: str, rows: np.ndarray) -> None:
    """Print the means of rows of `measure`, (N, 5)."""
    _, squeeze, squeeze_with, psnr, psnr_with = rows.mean(0)
    print(
        f"{title}: squeeze distance {squeeze:.3f} -> {squeeze_with:.3f} "
        f"({squeeze_with / squeeze - 1:+.1%}), PSNR-Y {psnr:.2f} -> {psnr_with:.2f} dB "
        f"({psnr_with - psnr:+.2f})",
        flush=True,
    )


def make_sheets(options: argparse.Namespace) -> None:
    """Write a sheet for every enhanced face.

    Raises:
        ValueError: no face was enhanced.
    """
    comparison = Comparison(options.model, options.face_model, options.detector)
    all_crops = list[Crop]()
    for name, pixels in _images(options, comparison):
        all_crops += crop_faces(name, comparison.pair(pixels))
        print(f"{name}: {len(all_crops)} crops", flush=True)
    if not all_crops:
        raise ValueError("no face was enhanced")
    if options.blind:
        write_blind(all_crops, options.output, options.output.with_suffix(".key.json"))
    else:
        write_labelled(all_crops, options.output)


def _images(
    options: argparse.Namespace, comparison: Comparison
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield names and pixels, (H, W, 3), uint8, of images with a face, and of planted faces."""
    for path in options.images:
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in files:
            try:
                pixels = as_8_bit_rgb(read_image(file).pixels)
            except PictureError:
                continue  # a folder, or a file that is not an image
            is_small = pixels.shape[0] * pixels.shape[1] <= MAX_PIXELS
            if is_small and comparison.has_small_faces(pixels):
                yield file.stem, pixels
    if options.faces and options.photos:
        scenes = list(plant(options.faces, options.photos, SHEET_PLANTED, comparison.detector))
        for number, scene in enumerate(scenes[::4]):
            damage = DAMAGES[number % len(DAMAGES)]
            yield f"planted-{damage}-{scene.side}", LOW_RES[damage](scene.high_res, SCALE)


def count_answers(options: argparse.Namespace) -> None:
    """Print how often readers prefer the result with the face model."""
    key = json.loads(options.key.read_text(encoding="utf-8"))
    readers = {}
    for path in options.readers:
        readers[path.stem] = json.loads(path.read_text(encoding="utf-8"))
    for line in tally_lines(key, readers):
        print(line)


if __name__ == "__main__":
    sys.exit(main())
