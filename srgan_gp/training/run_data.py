"""Images of a run: finding them, their record in the run's folder, and the check on resuming.

Imports no torch.
"""

import hashlib
import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from srgan_gp.data.image_sources import fingerprint, list_all_images
from srgan_gp.data.validation_split import Places, find_places, require_disjoint
from srgan_gp.errors import TrainingError, UsageError
from srgan_gp.system.files import atomic_write_bytes

CONFIG_NAME = "config.json"
DATA_NAME = "data.json"


@dataclass(frozen=True)
class RunImages:
    """Places of the images of a run: folders, zip files or folders inside a zip file."""

    train: tuple[str, ...]
    validation: str | None
    summary: str
    """Numbers and places of both sets, for a message."""


def find_images(data: Sequence[str], validation: str | None, run_dir: Path) -> RunImages:
    """Find the training and the validation images of a run.

    Without `validation`, the folder `val` of a prepared set is its validation set, as in
    `find_places`.

    A run that an earlier version began on all images of a prepared set continues on them, and the
    summary says so.

    Args:
        data: folders or zip files, as given by the user.
        validation: folder or zip file; None: not given.
        run_dir: folder of the run, new or begun.

    Raises:
        UsageError: there are no images, several sets have validation images, or, in a new run, an
            image is in both sets.
        PictureError: a file cannot be read.
        TrainingError: the record of the images of a run that was begun cannot be read.
    """
    found = find_places(data, validation)
    as_given = Places(tuple(data), () if validation is None else (validation,))
    summary = ""
    if found != as_given and continues(data, validation, run_dir):
        summary = "This run was begun on the images for validation too, and continues on them. "
        found = as_given
    if len(found.validation) > 1:
        raise UsageError(
            f"{len(found.validation)} of the places in --data have a folder val; pass the one to "
            f"use, such as --validation {found.validation[0]}."
        )
    train, held = list_all_images(found.train), list_all_images(found.validation)
    if not has_begun(run_dir):
        require_disjoint(train, held)
    summary += f"{len(train)} training images: {', '.join(found.train)}."
    if held:
        summary += f" {len(held)} validation images: {', '.join(found.validation)}."
    else:
        summary += " No validation images, so no scores; --validation PATH names some."
    return RunImages(found.train, next(iter(found.validation), None), summary)


def save_data(data: Sequence[str], validation: str | None, run_dir: Path) -> None:
    """Save a description of the images in `run_dir`, with the commit that began the run.

    Raises:
        OutputError: the folder cannot be written.
        UsageError: there are no images.
        PictureError: an image no longer exists.
    """
    described = _describe_data(data, validation)
    described["commit"] = _read_data(run_dir).get("commit", _current_commit())
    described["places"] = [str(Path(place).absolute()) for place in data]
    atomic_write_bytes(run_dir / DATA_NAME, json.dumps(described, indent=2).encode())


def read_data_places(run_dir: Path) -> list[str]:
    """Return the folders and zip files of the training images.

    Raises:
        UsageError: an earlier version began the run and did not record them.
    """
    places = _read_data(run_dir).get("places")
    if not places:
        raise UsageError(f"{run_dir} does not record where its images are. Pass --photos.")
    return [str(place) for place in places]


def continues(data: Sequence[str], validation: str | None, run_dir: Path) -> bool:
    """Return whether `run_dir` holds a run with checkpoints on exactly these images.

    False also for a run of a version that did not record its images.

    Raises:
        TrainingError: the record of the images cannot be read.
    """
    if not (has_begun(run_dir) and (run_dir / DATA_NAME).exists()):
        return False
    try:
        require_same_data(data, validation, run_dir)
    except UsageError:
        return False
    return True


def has_begun(run_dir: Path) -> bool:
    """Return whether `run_dir` holds a run with checkpoints."""
    return any((run_dir / "checkpoints").glob("image-*.json"))


def interrupted_message(run_dir: Path) -> str:
    """Return what an interruption between the steps of a run leaves, and how to go on."""
    if has_begun(run_dir):
        return f"The training is saved in {run_dir}. The same command resumes it."
    return "Nothing was saved yet. The same command starts again."


def require_same_data(data: Sequence[str], validation: str | None, run_dir: Path) -> None:
    """Check that a run continues with its own images.

    Other training images would change the order of the batches; other validation images would make
    the scores that choose the best checkpoint incomparable.

    Raises:
        UsageError: the images differ, or there are none.
        TrainingError: the description of the images cannot be read.
    """
    path = run_dir / DATA_NAME
    if not path.exists():  # a run of a version that did not write it
        return
    now = _describe_data(data, validation)
    try:
        before = json.loads(path.read_bytes())
        sets = {
            "--data": (before, now),
            # An earlier version did not save these.
            "--validation": (before.get("validation", now["validation"]), now["validation"]),
        }
        counts = {
            option: (then["pictures"], present["pictures"])
            for option, (then, present) in sets.items()
            if then["fingerprint"] != present["fingerprint"]
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise TrainingError(f"{path} does not describe the images of a run: {error}.") from error
    for option, (then, present) in counts.items():
        raise UsageError(
            f"{run_dir} holds a run on other images: {then} then, {present} now, or different in "
            f"name, size or order. Pass the same {option} to resume, or choose another output "
            "folder."
        )


def describe_run(run_dir: Path) -> dict[str, str]:
    """Return what identifies a run on the card of its model: fields of `cards.TrainingRecord`.

    Raises:
        OSError: the folder has no readable options.
    """
    options = (run_dir / CONFIG_NAME).read_bytes()
    return {
        "options_sha256": hashlib.sha256(options).hexdigest(),
        "commit": str(_read_data(run_dir).get("commit", "")),
    }


def _read_data(run_dir: Path) -> dict[str, Any]:
    """Read the description of the images; an empty one if it is missing or damaged."""
    try:
        found = json.loads((run_dir / DATA_NAME).read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _current_commit() -> str:
    """Return the commit of the checkout that this module belongs to; empty if there is none."""
    folder = Path(__file__).parents[2]
    if not (folder / ".git").exists():
        return ""
    command = ["git", "-C", str(folder), "rev-parse", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def _describe_data(data: Sequence[str], validation: str | None) -> dict[str, Any]:
    places = [] if validation is None else [validation]
    return _describe_set(data) | {"validation": _describe_set(places)}


def _describe_set(places: Sequence[str]) -> dict[str, object]:
    files = list_all_images(places)
    return {"pictures": len(files), "fingerprint": fingerprint(files)}
