"""Card of an exported model: measured facts are updated, texts of an existing card are kept."""

import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from srgan_gp.errors import OutputError, UsageError
from srgan_gp.models.cards import FACES, Int8Record
from srgan_gp.training.options.config import TrainConfig
from srgan_gp.training.tasks import generator_arguments

UNSTATED = "unstated"
"""Text of a card that its author has yet to write."""
RUN_TEXTS = "card.toml"
"""In the folder of a fine-tuning: texts and scores of the card of its best checkpoint."""


def read_written_card(path: Path) -> dict[str, Any]:
    """Read an existing card, complete or not; an empty dict if there is none.

    Raises:
        UsageError: it cannot be read.
        OutputError: its folder is a file.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except NotADirectoryError as error:
        raise OutputError(f"Cannot write into {path.parent}: it is not a folder.") from error
    except (OSError, ValueError) as error:
        raise UsageError(
            f"The card {path} cannot be read: {error}. Fix it, or move it away for a new one."
        ) from error


def fill_card(
    name: str,
    config: TrainConfig,
    files: Mapping[str, object],
    training: Mapping[str, object],
    written: dict[str, Any],
    int8: Int8Record | None = None,
    same_weights: Collection[str] = (),
    run_texts: Mapping[str, object] | None = None,
) -> dict[str, Any]:
    """Fill a card: measured facts of the run, texts of the existing card.

    Args:
        name: of the model.
        config: the options of the run.
        files: a table for each file, as `cards.FileRecord`.
        training: a table as `cards.TrainingRecord`.
        written: result of `read_written_card`; its scores are kept if no weight has changed.
        int8: difference of the int8 network, if there is one.
        same_weights: SHA-256 of ONNX files with the same weights and another licence.
        run_texts: content of `RUN_TEXTS`, for a card of weights that no card describes yet.
    """
    side = config.image_size
    if config.task == FACES:
        summary, size = f"draws faces of {side} x {side} pixels", {"image_size": side}
    else:
        summary, size = f"enlarges {config.scale} times", {"scale": config.scale}
    placeholders: dict[str, Any] = {
        "summary": f"A {config.generator} that {summary}.",
        "version": "1",
        "licence": UNSTATED,
        "recipe": UNSTATED,
        "limits": [],
        "data": [],
        "scores": [],
    }
    measured = {
        "name": name,
        "task": config.task,
        "architecture": config.generator,
        **size,
        "arguments": generator_arguments(config),
        "files": files,
        "training": training,
    }
    card = {**placeholders, **written, **measured}
    card.pop("int8", None)  # of the earlier int8 network
    if int8:
        card["int8"] = vars(int8)
    earlier = written.get("files", {}).get("onnx")
    if earlier != files["onnx"] and dict(earlier or {}).get("sha256") not in same_weights:
        card["scores"] = []  # the existing ones belong to other weights
        card |= run_texts or {}
    return card
