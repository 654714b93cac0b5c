"""`srgan-gp prepare`: cuts aligned faces out of photos of people, for training.

The result is a zip file, and a contact sheet: one image with all faces at a small size. Heavy
modules are imported inside functions, so that `--help` is fast.
"""

import argparse
import json
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from srgan_gp.commands.options import option_types as types
from srgan_gp.commands.terminal import (
    ProgressBar,
    print_message,
    print_result,
    printable,
    progress_bar,
)
from srgan_gp.errors import PictureError, UsageError
from srgan_gp.system.files import remove_abandoned_files
from srgan_gp.system.paths import is_folder

if TYPE_CHECKING:
    from srgan_gp.data.face_preparation.photo_lists import PhotoList
    from srgan_gp.data.face_preparation.preparation_report import PhotoRecord
    from srgan_gp.data.face_preparation.prepare_faces import Preparation


# Command line and purpose of each example in `--help`.
EXAMPLES = (
    (
        "srgan-gp prepare photos -o faces.zip",
        "Detect, align and check the faces of a folder; a part of them is for validation.",
    ),
    (
        "srgan-gp prepare photos more.zip -o faces.zip --size 128 --validation-share 0.2",
        "Cut faces of 128 x 128 pixels out of two sources; a fifth of them is for validation.",
    ),
    (
        "srgan-gp prepare aligned -o faces.zip --aligned --most-blur 1",
        "Resize and split faces that are aligned already, however blurred they are.",
    ),
)

# Help texts of the options; the default is in brackets.
_OUTPUT = "faces as PNG files in train/ and val/, and manifest.json with every dropped face"
_VALIDATION = (
    "share of the faces for validation; the faces of one photo are all for training or all for "
    "validation [0.1; with fewer than 200 faces 0.2, at least 4 faces]"
)
_SEED = "seed of the random choice of the validation faces [0]"
_DETECTOR = "an ONNX file of YuNet [that of `srgan-gp fetch face-detector`]"
_ALIGNED = "the images are aligned faces already: only resize, check and split them"
_SMALLEST = (
    "drop faces whose square crop of the photo has a shorter side, in pixels [half of --size]"
)
_BLUR = "drop faces that are more blurred, by the measure of Crete et al.; 1 drops none [0.75]"
_MAX_PIXELS = "do not decode photos with more pixels [100000000]"
_SHEET = "contact sheet of the kept and dropped faces [next to the result, as NAME-sheet.png]"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this verb."""
    add = parser.add_argument_group("Common options").add_argument
    add("inputs", nargs="+", metavar="PHOTOS", help="folders, zip files, images or patterns")
    add("-o", "--output", type=Path, required=True, metavar="FILE.zip", help=_OUTPUT)
    add("--size", type=types.face_side, default=256, metavar="N", help="side of a face [256]")
    add("--validation-share", type=types.real_number, metavar="0..1", help=_VALIDATION)
    add("--seed", type=types.whole_number, default=0, metavar="N", help=_SEED)
    add = parser.add_argument_group("Detection and selection").add_argument
    add("--detector", type=Path, metavar="FILE", help=_DETECTOR)
    add("--aligned", action="store_true", help=_ALIGNED)
    add("--smallest", type=types.count, metavar="N", help=_SMALLEST)
    add("--most-blur", type=types.real_number, metavar="0..1", help=_BLUR)
    add("--max-pixels", type=types.count, default=100_000_000, metavar="N", help=_MAX_PIXELS)
    add = parser.add_argument_group("Output").add_argument
    add("--sheet", type=Path, metavar="FILE.png", help=_SHEET)
    add(
        "--exist",
        choices=("error", "overwrite"),
        default="error",
        help="what to do if a result exists [error]",
    )
    add = parser.add_argument_group("Automation").add_argument
    add("--json", action="store_true", help="print one JSON object on stdout instead of lines")


def run(options: argparse.Namespace) -> int:
    """Prepare the faces; return 0, or 3 if some photos could not be read."""
    from srgan_gp.batch.naming.output_options import prepare_folder
    from srgan_gp.data.face_preparation.photo_lists import list_photos
    from srgan_gp.data.face_preparation.preparation_advice import advice_lines

    output, sheet = _result_paths(options)
    _check_values(options)
    photo_list = list_photos(options.inputs, exclude=sheet)  # without the sheet of an earlier run
    _refuse_inputs_as_results(photo_list, output, sheet)
    preparation = _preparation(options)
    for folder in (output.parent, sheet.parent):
        prepare_folder(folder)
        remove_abandoned_files(folder)
    # Imported after `_preparation` has checked that OpenCV works.
    from srgan_gp.data.face_preparation.prepare_faces import prepare

    with progress_bar(len(photo_list.photos), is_silent=options.json) as progress:
        on_photo = partial(_report_photo, progress)
        counts = prepare(photo_list.photos, output, sheet, preparation, on_photo)
    for message in photo_list.folder_errors:
        print_message(message)
    if options.json:
        files = {"output": str(output), "sheet": str(sheet)}
        # "passed_over" are files of other types; programs read this key.
        print_result(json.dumps(files | counts | {"passed_over": photo_list.skipped}, indent=2))
    else:
        _print_summary(counts, photo_list.skipped, output, sheet)
        for line in advice_lines(counts, output, preparation.requirements):
            print_message(line)
    if photo_list.folder_errors or counts["photos_by_outcome"]["unreadable"]:
        return PictureError.exit_code
    return 0


def _result_paths(options: argparse.Namespace) -> tuple[Path, Path]:
    """Return the paths of the zip file and the contact sheet.

    Raises:
        UsageError: a suffix is wrong, or a file exists and may not be replaced.
    """
    output: Path = options.output
    if output.suffix != ".zip":
        is_input = output.resolve() in {Path(place).resolve() for place in options.inputs}
        # In an input folder the zip file would become an input of the next run, so a name beside
        # the folder is suggested, except for the current folder: `Path(".")` has an empty name.
        if is_folder(output) and not (is_input and output.name):
            suggestion = output / "faces.zip"
        else:
            suggestion = output.with_suffix(".zip")
        raise UsageError(
            f"The result is a zip file, and {output} does not end with .zip: use {suggestion}."
        )
    sheet: Path = options.sheet or output.with_name(f"{output.stem}-sheet.png")
    if sheet.suffix.lower() != ".png":
        raise UsageError(f"The contact sheet is a PNG file, and {sheet} does not end with .png.")
    for path in (output, sheet):
        if os.path.lexists(path) and options.exist == "error":
            raise UsageError(f"{path} exists; choose another name or pass --exist overwrite.")
    return output, sheet


def _check_values(options: argparse.Namespace) -> None:
    """Check ranges, and options that exclude each other.

    Raises:
        UsageError: a value is out of range, or an option has no effect.
    """
    share = options.validation_share
    if share is not None and not 0 <= share < 1:
        raise UsageError(f"--validation-share must be from 0 to below 1, not {share:g}.")
    if options.most_blur is not None and not 0 <= options.most_blur <= 1:
        raise UsageError(f"--most-blur must be from 0 to 1, not {options.most_blur:g}.")
    if options.aligned and options.detector is not None:
        raise UsageError("--aligned detects no faces, so --detector has no effect; drop one.")


def _refuse_inputs_as_results(photo_list: "PhotoList", output: Path, sheet: Path) -> None:
    """Refuse to replace a photo or zip file that is an input or matches a pattern of the inputs.

    The contact sheet may replace the sheet of an earlier run, also inside an input folder.

    Raises:
        UsageError: a result has the path of an input.
    """
    # The zip files that photos are members of.
    files = [file for _name, file in photo_list.photos]
    inputs = {file.container.resolve() for file in files if file.member is not None}
    # The places named on the command line, with each pattern replaced by its matches.
    inputs |= {Path(place).resolve() for place in photo_list.places}
    for path in (output, sheet):
        if path.resolve() in inputs:
            raise UsageError(f"{path} is among the photos; choose another name for the result.")


def _preparation(options: argparse.Namespace) -> "Preparation":
    """Load the face detector, unless the faces are aligned, and collect the other settings."""
    from srgan_gp.detection.face_detection import FaceDetector, import_opencv

    import_opencv()  # raises a clear error if OpenCV is missing, which the modules below need
    detector = None if options.aligned else FaceDetector.load(options.detector)
    from srgan_gp.data.face_preparation.face_selection import Requirements
    from srgan_gp.data.face_preparation.prepare_faces import Preparation

    smallest = options.smallest or (options.size + 1) // 2  # half of the side, rounded up
    requirements = Requirements(side=options.size, smallest=smallest)
    if options.most_blur is not None:  # else the default of `Requirements`
        requirements = replace(requirements, most_blur=options.most_blur)
    return Preparation(
        requirements, detector, options.validation_share, options.seed, options.max_pixels
    )


def _report_photo(progress: ProgressBar, done: int, photo: "PhotoRecord") -> None:
    """Print the problem of a photo, if it has one, and move the bar; `done` counts photos."""
    if photo.problem is not None:
        progress.print_line(f"{photo.name}: {photo.problem}")
    progress.move(done, photo.name)


def _print_summary(
    counts: Mapping[str, Any], skipped: Counter[str], output: Path, sheet: Path
) -> None:
    """Print the counts, as `prepare` returns them, and the paths of the results.

    `skipped` is the number of files of other types, by suffix.
    """
    from srgan_gp.data.face_preparation.photo_lists import format_suffixes
    from srgan_gp.data.face_preparation.preparation_advice import validation_note
    from srgan_gp.data.face_preparation.preparation_report import number_of, summary_lines

    for line in summary_lines(counts):
        print_result(line)
    print_result(
        f"{number_of(counts['train'], 'face')} to train on, {counts['val']} for validation"
    )
    if note := validation_note(counts):
        print_message(note)
    if skipped:
        print_message(f"Skipped files of other types: {format_suffixes(skipped)}")
    print_result(printable(output))
    print_result(printable(sheet))
    print_message(f"manifest.json in {output.name} has the photo of each face.")
