"""Images of a run: finding them, their record `data.json`, and the check when a run is resumed.

`data.json` in the folder of a run has the number and a fingerprint (a hash of names and sizes) of
the training and of the validation images, the absolute paths of the training sets, the commit of
this package's checkout, and the model that the run started from. A prepared set is a place with
the folders `train` and `val`, see `data.validation_split`. Imports no torch.
"""

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from srgan_gp.data.image_sources import fingerprint, list_all_images
from srgan_gp.data.validation_split import Places, find_places, require_disjoint
from srgan_gp.errors import ModelRefusedError, TrainingError, UsageError
from srgan_gp.models.cards import read_card
from srgan_gp.system.files import atomic_write_bytes, hash_file
from srgan_gp.training.weights_file import read_smoothing

CONFIG_NAME = "config.json"
"""File in the folder of a run with its options; see `training.options.config_file`."""
DATA_NAME = "data.json"
"""File in the folder of a run with the description of its images."""
FINETUNE_LIST = "train.list"
"""List of training images in the folder of a run of `srgan-gp finetune`, which alone has one."""
RUN_CARD = "card.toml"
"""File in the folder of a fine-tuning: texts and scores for the card of its best checkpoint."""
_TIMEOUT = 10  # seconds: if git takes longer, as on a disk that hangs, the commit is unknown


@dataclass(frozen=True)
class RunImages:
    """Places of the images of a run: folders, zip files or folders inside a zip file.

    Attributes:
        train: places of the training images.
        validation: place of the validation images; None: there are none.
        summary: message with the numbers and places of both sets.
    """

    train: tuple[str, ...]
    validation: str | None
    summary: str


def find_images(data: Sequence[str], validation: str | None, run_dir: Path) -> RunImages:
    """Find the training and the validation images of a run.

    Without `validation`, the folder `val` of a prepared set is the validation set. Earlier versions
    trained on the folder `val` too. A run that such a version began still trains on it, and the
    summary says so.

    Args:
        data: folders or zip files, as passed by the user.
        validation: folder or zip file; None: not passed.
        run_dir: folder of the run, which may be new.

    Raises:
        UsageError: there are no images, several sets have validation images, or, in a new run, an
            image is in both sets.
        PictureError: a file cannot be read.
        TrainingError: the record of the images of a run that was begun cannot be read.
    """
    sets = find_places(data, validation)
    # The sets as earlier versions used them: a prepared set is not split into train and val.
    unsplit = Places(tuple(data), () if validation is None else (validation,))
    summary = ""
    if sets != unsplit and has_begun_on(data, validation, run_dir):
        summary = "This run was begun on the images for validation too, and continues on them. "
        sets = unsplit
    if len(sets.validation) > 1:
        raise UsageError(
            f"{len(sets.validation)} of the places in --data have a folder val; pass the one to "
            f"use, such as --validation {sets.validation[0]}."
        )
    train_images = list_all_images(sets.train)
    validation_images = list_all_images(sets.validation)
    if not has_begun(run_dir):  # a run of an earlier version may have images in both sets
        require_disjoint(train_images, validation_images)
    summary += f"{len(train_images)} training images: {', '.join(sets.train)}."
    if validation_images:
        shown = ", ".join(sets.validation)
        summary += f" {len(validation_images)} validation images: {shown}."
    else:
        summary += " No validation images, so no scores; --validation PATH names some."
    return RunImages(sets.train, sets.validation[0] if sets.validation else None, summary)


def save_data(
    data: Sequence[str], validation: str | None, run_dir: Path, start_from: Path | None = None
) -> None:
    """Write `data.json` into `run_dir`; a resumed run keeps the recorded commit and model.

    Args:
        data: folders and zip files of the training images.
        validation: folder or zip file of the validation images; None: there are none.
        run_dir: folder of the run.
        start_from: file of the model that a new run starts from; None: random weights.

    Raises:
        OutputError: the folder cannot be written.
        UsageError: there are no images, or `start_from` cannot be read.
        PictureError: an image no longer exists.
    """
    description = _describe_data(data, validation)
    is_resumed = has_begun(run_dir)
    # Without a checkpoint the training starts anew: with the present commit, and from `start_from`.
    earlier = read_data(run_dir) if is_resumed else {}
    description["commit"] = earlier.get("commit", _current_commit())
    if "start_from" in earlier:
        description["start_from"] = earlier["start_from"]
    elif start_from is not None and not is_resumed:  # a checkpoint has the weights of a resumed run
        description["start_from"] = _describe_model(start_from)
    description["places"] = [str(Path(place).absolute()) for place in data]
    atomic_write_bytes(run_dir / DATA_NAME, json.dumps(description, indent=2).encode())


def read_data_places(run_dir: Path) -> list[str]:
    """Return the folders and zip files of the training images, from `data.json`.

    Raises:
        UsageError: the file is missing, damaged, or of an earlier version that did not record them.
            The message advises `--photos`, an option of `srgan-gp export`, which alone calls this.
    """
    places = read_data(run_dir).get("places")
    if not places:
        raise UsageError(f"{run_dir} does not record where its images are. Pass --photos.")
    return [str(place) for place in places]


def has_begun_on(data: Sequence[str], validation: str | None, run_dir: Path) -> bool:
    """Return whether `run_dir` holds a run with checkpoints on exactly these images.

    False if its version did not write `data.json`.

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
    """Return whether `run_dir` holds a checkpoint, by the file names of `training.checkpoint`."""
    return any((run_dir / "checkpoints").glob("image-*.json"))


def interrupted_message(run_dir: Path) -> str:
    """Return a message after Ctrl-C: whether the run is saved in `run_dir`, and how to continue."""
    if has_begun(run_dir):
        return f"The training is saved in {run_dir}. The same command resumes it."
    return "The training had not begun, and nothing was lost. The same command starts it."


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
    changed = None  # the option whose images have changed, their number then and now
    try:
        before = json.loads(path.read_bytes())
        # An earlier version did not record the validation images.
        validation_before = before.get("validation", now["validation"])
        if before["fingerprint"] != now["fingerprint"]:
            changed = "--data", before["pictures"], now["pictures"]
        elif validation_before["fingerprint"] != now["validation"]["fingerprint"]:
            counts = validation_before["pictures"], now["validation"]["pictures"]
            changed = "--validation", *counts
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise TrainingError(f"{path} does not describe the images of a run: {error}.") from error
    if changed:
        option, count_before, count_now = changed
        raise UsageError(
            f"{run_dir} holds a run on other images: {count_before} then, {count_now} now, or "
            f"different in name, size or order. Pass the same {option} to resume, or choose "
            "another output folder with -o."
        )


def read_data(run_dir: Path) -> dict[str, Any]:
    """Read `data.json`, for entries that a run can do without: {} if it is missing or damaged."""
    try:
        content = json.loads((run_dir / DATA_NAME).read_bytes())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _current_commit() -> str:
    """Return the Git commit of the checkout that this package runs from; "" if it is installed."""
    folder = Path(__file__).parents[2]
    if not (folder / ".git").exists():
        return ""
    command = ["git", "-C", str(folder), "rev-parse", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=_TIMEOUT)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def _describe_model(path: Path) -> dict[str, Any]:
    """Return name and SHA-256, in hexadecimal, of a model's file, and what the run takes from it.

    A face generator may have a `truncation` and a `smoothing`. A damaged file: UsageError.
    """
    try:
        card = read_card(path.with_suffix(".toml"))
    except ModelRefusedError:  # without a card, or with one that is not valid
        card = None
    description = {"name": path.stem, "sha256": hash_file(path)}
    smoothing = read_smoothing(path, card) or None  # 0: no filter
    numbers = {"truncation": card.truncation if card else None, "smoothing": smoothing}
    return description | {key: value for key, value in numbers.items() if value is not None}


def _describe_data(data: Sequence[str], validation: str | None) -> dict[str, Any]:
    """Return entries of `data.json`: number and fingerprint of the training images.

    Under the key `validation` is a dictionary with the two values of the validation images.
    """
    places = [] if validation is None else [validation]
    return _describe_set(data) | {"validation": _describe_set(places)}


def _describe_set(places: Sequence[str]) -> dict[str, Any]:
    """Return the number of images, `pictures`, and their `fingerprint`.

    Without places the number is 0. A place without images raises a UsageError.
    """
    files = list_all_images(places)
    return {"pictures": len(files), "fingerprint": fingerprint(files)}
