"""`srgan-gp prepare`: photos of people to aligned faces for training."""

import argparse
import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from srgan_gp.commands import option_types as types
from srgan_gp.commands.terminal import Bar, bar, say, shown, tell
from srgan_gp.errors import PictureError, UsageError
from srgan_gp.system.files import sweep
from srgan_gp.system.paths import is_folder

if TYPE_CHECKING:
    from srgan_gp.data.face_preparation.photo_lists import PhotoList
    from srgan_gp.data.face_preparation.preparation_report import PhotoRecord
    from srgan_gp.data.face_preparation.prepare_faces import Preparation


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this verb."""
    add = parser.add_argument
    add("inputs", nargs="+", metavar="PHOTOS", help="folders, zip files or pictures")
    add("-o", "--output", type=Path, required=True, metavar="FILE.zip", help=_OUTPUT)
    add("--size", type=types.face_side, default=256, metavar="N", help="side of a face [256]")
    add("--held-out", type=float, default=0.1, metavar="0..1", help=_HELD_OUT)
    add("--seed", type=types.whole_number, default=0, metavar="N", help="of that choice [0]")
    add("--detector", type=Path, metavar="FILE", help=_DETECTOR)
    add("--aligned", action="store_true", help=_ALIGNED)
    add("--smallest", type=types.count, metavar="N", help=_SMALLEST)
    add("--most-blur", type=float, metavar="0..1", help=_BLUR)
    add("--sheet", type=Path, metavar="FILE.png", help=_SHEET)
    add("--exist", choices=("error", "overwrite"), default="error", help=_EXIST)
    add("--json", action="store_true", help="print one JSON object on stdout instead of lines")


_OUTPUT = "faces as PNG files under train/ and val/, and manifest.json, which tells every drop"
_HELD_OUT = "share of the faces kept out of training; a photo is never on both sides [0.1]"
_DETECTOR = "an ONNX file of YuNet [yunet.onnx in the folder of your models]"
_ALIGNED = "the pictures are aligned faces already: only resize, check and split them"
_SMALLEST = "drop faces whose square is smaller in the photo, in pixels [half of --size]"
_BLUR = "drop faces that are more blurred, by the measure of Crete et al.; 1 drops none [0.74]"
_EXIST = "what to do about results that exist [error]"
_SHEET = "picture of what was kept and dropped [beside the result, as NAME-sheet.png]"


def run(options: argparse.Namespace) -> int:
    """Prepare the faces; return 0, or 3 when some photos could not be read."""
    from srgan_gp.batch.naming.output_options import prepare_folder
    from srgan_gp.data.face_preparation.photo_lists import list_photos

    output, sheet = _results(options)
    _check(options)
    preparation = _preparation(options)
    listed = list_photos(options.inputs, exclude=sheet)
    _keep_inputs(options.inputs, listed, output, sheet)
    for folder in (output.parent, sheet.parent):
        prepare_folder(folder)
        sweep(folder)
    # Imported after OpenCV was found to work.
    from srgan_gp.data.face_preparation.prepare_faces import prepare

    with bar(len(listed.photos), is_silent=options.json) as progress:
        counts = prepare(listed.photos, output, sheet, preparation, partial(_report, progress))
    for sentence in listed.unreadable_folders:
        say(sentence)
    if options.json:
        files = {"output": str(output), "sheet": str(sheet)}
        tell(json.dumps(files | counts | {"passed_over": listed.skipped}, indent=2))
    else:
        _tell(counts, listed.skipped, output, sheet)
    is_all_read = not listed.unreadable_folders and not counts["photos_by_outcome"]["unreadable"]
    return 0 if is_all_read else PictureError.exit_code


def _results(options: argparse.Namespace) -> tuple[Path, Path]:
    """Settle where the zip file and the contact sheet go.

    Raises:
        UsageError: they are not called so, or one is there and may not be replaced.
    """
    output: Path = options.output
    if output.suffix != ".zip":
        better = output / "faces.zip" if is_folder(output) else output.with_suffix(".zip")
        raise UsageError(f"The result is a zip file, and {output} is not called so: take {better}.")
    sheet: Path = options.sheet or output.with_name(f"{output.stem}-sheet.png")
    if sheet.suffix.lower() != ".png":
        raise UsageError(f"The contact sheet is a PNG file, and {sheet} is not called so.")
    for path in (output, sheet):
        if os.path.lexists(path) and options.exist == "error":
            raise UsageError(
                f"{path} is there already; choose another name or pass --exist overwrite."
            )
    return output, sheet


def _check(options: argparse.Namespace) -> None:
    """Refuse words that make no sense.

    Raises:
        UsageError: they do not.
    """
    if not 0 <= options.held_out < 1:
        raise UsageError(f"--held-out must be from 0 to below 1, not {options.held_out:g}.")
    if options.most_blur is not None and not 0 <= options.most_blur <= 1:
        raise UsageError(f"--most-blur must be from 0 to 1, not {options.most_blur:g}.")
    if options.aligned and options.detector is not None:
        raise UsageError("--aligned looks for no faces, so --detector has no use; drop one.")


def _keep_inputs(places: Sequence[str], listed: "PhotoList", output: Path, sheet: Path) -> None:
    """Refuse to replace what was named as a photo or as a zip file of them.

    A picture inside a folder may be replaced by the contact sheet: it is the one of an earlier run.

    Raises:
        UsageError: a result has its name.
    """
    inputs = {file.container.resolve() for _, file in listed.photos if file.member is not None}
    inputs |= {Path(place).resolve() for place in places}
    for path in (output, sheet):
        if path.resolve() in inputs:
            raise UsageError(f"{path} is among the photos; choose another name for the result.")


def _preparation(options: argparse.Namespace) -> "Preparation":
    from srgan_gp.data.face_preparation.face_detection import FaceDetector, import_opencv

    import_opencv()
    detector = None if options.aligned else FaceDetector.load(options.detector)
    from srgan_gp.data.face_preparation.face_selection import Requirements
    from srgan_gp.data.face_preparation.prepare_faces import Preparation

    smallest = options.smallest or (options.size + 1) // 2
    requirements = Requirements(side=options.size, smallest=smallest)
    if options.most_blur is not None:
        requirements = Requirements(
            side=options.size, smallest=smallest, most_blur=options.most_blur
        )
    return Preparation(requirements, detector, options.held_out, options.seed)


def _report(progress: Bar, done: int, photo: "PhotoRecord") -> None:
    if photo.problem is not None:
        progress.line(f"{photo.name}: {photo.problem}")
    progress.move(done, photo.name)


def _tell(counts: Mapping[str, Any], passed_over: Counter[str], output: Path, sheet: Path) -> None:
    from srgan_gp.data.face_preparation.photo_lists import enumerated
    from srgan_gp.data.face_preparation.preparation_report import number_of, summary_lines

    for line in summary_lines(counts):
        tell(line)
    tell(f"{number_of(counts['train'], 'face')} to train on, {counts['val']} held out")
    if passed_over:
        say(f"Passed over, as no photos that can be read: {enumerated(passed_over)}")
    if not counts["val"]:
        say("Nothing is held out, so no score can tell whether a training gets better.")
    tell(shown(output))
    tell(shown(sheet))
