"""Messages after a face preparation: its validation set, and the command to type next."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from srgan_gp.data.face_preparation.preparation_report import cut_off_advice
from srgan_gp.data.validation_split import missing_images


def validation_note(counts: Mapping[str, Any]) -> str:
    """Say why a validation set is larger than wanted by more than a face; "" if it is not.

    `counts` are those that `prepare_faces.prepare` returns.

    >>> validation_note({"val": 8, "val_target": 5, "val_largest_group": 5})
    '8 instead of 5 for validation, because the 5 faces of one photo or scene stay together.'
    """
    if counts["val"] <= counts["val_target"] + 1 or counts["val_largest_group"] < 2:
        return ""
    return (
        f"{counts['val']} instead of {counts['val_target']} for validation, because the "
        f"{counts['val_largest_group']} faces of one photo or scene stay together."
    )


def advice_lines(counts: Mapping[str, Any], output: Path, smallest: int) -> list[str]:
    """Return lines with the commands to type next, or with what is missing for fine-tuning.

    Faces whose side in the photo was below `smallest` pixels were dropped; `output` is the zip
    file.
    """
    missing = missing_images(counts["train"], counts["val"])
    if not missing:
        return [
            f"Next: {_finetune('photo-x4', output, 'mine')}",
            f"Or, for a model that generates faces: {_finetune('faces-64', output, 'my-faces')}",
        ]
    lines = [f"These faces are too few to fine-tune a model on: {missing}."]
    if counts["dropped"]["too small"]:
        lines.append(
            f"Too small is a face whose square has a side below {smallest} pixels in the photo; "
            f"--smallest {max(smallest // 2, 1)} keeps smaller ones, which are less sharp."
        )
    if advice := cut_off_advice(counts):
        lines.append(advice)
    return lines


def _finetune(model: str, data: Path, name: str) -> str:
    """Return the command that fine-tunes a model on a zip file."""
    words = ["srgan-gp", "finetune", "--from", model, "--data", str(data), "--name", name]
    return shlex.join(words)
