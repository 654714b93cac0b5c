"""What a run must know of the model that it starts from, besides weights. Imports no torch."""

from contextlib import suppress
from pathlib import Path
from typing import Any

from srgan_gp.errors import ModelRefusedError, UsageError
from srgan_gp.models.cards import ModelCard, read_card
from srgan_gp.system.files import hash_file
from srgan_gp.training.weights_file import read_metadata

SMOOTHING_KEY = "smoothing"
"""Key of the metadata of a face generator with a filter: `TrainingRecord.smoothing` as text."""


def describe_start_model(path: Path) -> dict[str, Any]:
    """Return the entries of `data.json` about the model that a run starts from.

    Args:
        path: an `.onnx` or `.safetensors` file, with or without a card beside it.

    Returns:
        `name`, and `sha256` of the file in hexadecimal; `truncation`, if the card states one; and
        `smoothing`, if there is a filter.

    Raises:
        UsageError: the file cannot be read.
    """
    description: dict[str, Any] = {"name": path.stem, "sha256": hash_file(path)}
    card = None
    with suppress(ModelRefusedError):  # without a card, or with one that is not valid
        card = read_card(path.with_suffix(".toml"))
    if card and card.truncation is not None:
        description["truncation"] = card.truncation
    if smoothing := read_smoothing(path, card):
        description["smoothing"] = smoothing
    return description


def read_smoothing(path: Path, card: ModelCard | None) -> float:
    """Return the share of each neighbour in the filter of a face generator; 0: no filter.

    A card states it, and so does the metadata of the file, except for the exports of earlier
    versions. The file counts where there is no card.

    Args:
        path: an `.onnx` or `.safetensors` file.
        card: its card; None: it has none.

    Raises:
        UsageError: the file cannot be read, or its metadata has no number.
    """
    if card and card.training:
        return card.training.smoothing
    text = read_metadata(path).get(SMOOTHING_KEY, "0")
    try:
        return float(text)
    except ValueError as error:
        raise UsageError(
            f"{path}: the smoothing in its metadata is {text!r}, not a number."
        ) from error
