"""Messages after a face preparation: its validation set, and the command to type next."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from srgan_gp.data.face_preparation.face_selection import Requirements
from srgan_gp.data.face_preparation.preparation_report import (
    cut_off_advice,
    enlargement_limit,
    number_of,
)
from srgan_gp.data.validation_split import describe_missing_images
from srgan_gp.models.catalog import FACE_UPSCALER

_FACE_SCALE = 4
"""Scale factor of `FACE_UPSCALER`."""


def validation_note(counts: Mapping[str, Any]) -> str:
    """Say why a validation set is larger than wanted by more than a face; "" if it is not.

    `counts` are those that `prepare_faces.prepare` returns.

    >>> validation_note({"val": 8, "val_target": 5, "val_largest_group": 5})
    '8 instead of 5 for validation, because the 5 faces of one photo or scene stay together.'
    """
    # A face too many is not worth a message. Groups of one face each cannot be the reason.
    if counts["val"] <= counts["val_target"] + 1 or counts["val_largest_group"] < 2:
        return ""
    return (
        f"{counts['val']} instead of {counts['val_target']} for validation, because the "
        f"{counts['val_largest_group']} faces of one photo or scene stay together."
    )


def enlargement_note(counts: Mapping[str, Any], side: int) -> str:
    """Say how many faces are enlarged to `side` pixels, and how to avoid it; "" if none is.

    Only faces that are enlarged by more than a quarter count. `enlargement_limit` is the side of a
    face in the photo below which that is the case.

    `counts` are those that `prepare_faces.prepare` returns.

    >>> print(enlargement_note({"kept": 9, "enlarged": 2, "smallest_side": 128}, 256))
    ... # doctest: +NORMALIZE_WHITESPACE
    2 of 9 faces are enlarged by more than a quarter, to 256 pixels; --size 128 --smallest 128
    enlarges none, and --smallest 204 drops them.
    """
    enlarged, kept, smallest = counts["enlarged"], counts["kept"], counts["smallest_side"]
    if not enlarged:
        return ""
    # If all faces are enlarged, dropping them would leave none.
    drop = f", and --smallest {enlargement_limit(side)} drops them" if enlarged < kept else ""
    return (
        f"{enlarged} of {number_of(kept, 'face')} {'is' if enlarged == 1 else 'are'} enlarged by "
        f"more than a quarter, to {side} pixels; --size {smallest} --smallest {smallest} enlarges "
        f"none{drop}."
    )


def advice_lines(counts: Mapping[str, Any], output: Path, requirements: Requirements) -> list[str]:
    """Return lines with the commands to type next, or with what is missing for fine-tuning.

    Before them is advice on faces that were enlarged or cut off.

    Args:
        counts: the counts that `prepare_faces.prepare` returns.
        output: the zip file.
        requirements: requirements that the kept faces meet.
    """
    smallest = requirements.smallest
    missing = describe_missing_images(counts["train"], counts["val"])
    note = enlargement_note(counts, requirements.side)
    lines = [note] if note else []
    cut_off = cut_off_advice(counts)
    # Cut-off faces are worth an advice if the others are too few, or if most faces are dropped.
    if cut_off and (missing or sum(counts["dropped"].values()) > counts["kept"]):
        lines.append(cut_off)
    if not missing:
        return [
            *lines,
            f"For an upscaler of these faces start from {FACE_UPSCALER}, a model for faces: "
            f"finetune trains it on these faces downscaled from {requirements.side} to "
            f"{requirements.side / _FACE_SCALE:g} pixels. For photos start from photo-x4.",
            f"Next: {_finetune_command(FACE_UPSCALER, output, 'mine')}",
            "Or, for a model that generates faces: "
            f"{_finetune_command('faces-64', output, 'my-faces')}",
        ]
    lines.append(f"These faces are too few to fine-tune a model on: {missing}.")
    if counts["dropped"]["too small"]:
        lines.append(
            f"Too small is a face whose square has a side below {smallest} pixels in the photo; "
            f"--smallest {max(smallest // 2, 1)} keeps smaller ones, which are less sharp."
        )
    return lines


def _finetune_command(model: str, data: Path, name: str) -> str:
    """Return the command that fine-tunes a model on a zip file; `name` is that of the result."""
    words = ["srgan-gp", "finetune", "--from", model, "--data", str(data), "--name", name]
    return shlex.join(words)
