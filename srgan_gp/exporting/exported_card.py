"""`fill_card`: the card of an exported model. Facts are updated, texts of an existing card kept.

A card is the TOML file beside a model; `models.cards` reads it.
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from srgan_gp.models.cards import FACES, Int8Record
from srgan_gp.models.written_card import read_written_card
from srgan_gp.training.options.config import TrainConfig
from srgan_gp.training.run_data import RUN_CARD
from srgan_gp.training.tasks import generator_arguments

UNSTATED = "unstated"
"""Value of a text on a new card, until the author of the card writes it."""
UNFINISHED = "Its fine-tuning was not finished, and it was not compared with the original model."
"""Limit on the card of a fine-tuning that has not ended."""
UNTRAINED = "untrained"
"""Table of a run's card with the texts that apply if the best state is that before training."""


def read_run_card(run_dir: Path, images_seen: int) -> dict[str, Any]:
    """Read the card in the folder of a fine-tuning.

    Args:
        run_dir: folder of the run.
        images_seen: images seen at the best checkpoint; 0: its weights are those of the start.

    Returns:
        Texts and scores for the card of the best checkpoint; empty if the run has no card.

    Raises:
        UsageError: the card cannot be read.
    """
    card = read_written_card(run_dir / RUN_CARD)
    untrained = card.pop(UNTRAINED, {})
    return card if images_seen else card | untrained


def applicable_entries(
    card: dict[str, Any], task: str, run_card: Mapping[str, object], *, is_same_source: bool
) -> dict[str, Any]:
    """Return the entries of an existing card that also apply to the model that is exported.

    Usually all entries apply. There are two exceptions:
    - The existing card is of another task.
    - It is of another run and other weights, and the folder of the exported run has a card.
    Then only `files` is returned, the files of the replaced model, which `fill_card` compares with
    the new ones.

    If the existing card says that its fine-tuning was not finished, and the run's card does not,
    the entries of the run's card replace those of the existing card.

    Args:
        card: existing card from `read_written_card`.
        task: task of the new model.
        run_card: result of `read_run_card`; empty if there is none.
        is_same_source: whether the existing card is of the exported run, or of the same weights.
    """
    is_other_task = card.get("task", task) != task
    if is_other_task or (run_card and not is_same_source):
        return {key: value for key, value in card.items() if key == "files"}
    if run_card and _is_unfinished(card) and not _is_unfinished(run_card):
        return {**card, **run_card}
    return card


def _is_unfinished(card: Mapping[str, Any]) -> bool:
    """Return whether a card says that its fine-tuning was not finished."""
    return UNFINISHED in card.get("limits", [])


def fill_card(
    name: str,
    config: TrainConfig,
    files: Mapping[str, object],
    training: Mapping[str, object],
    existing_card: dict[str, Any],
    int8: Int8Record | None = None,
    same_weight_hashes: Collection[str] = (),
    run_card: Mapping[str, object] | None = None,
) -> dict[str, Any]:
    """Return the content of a card: facts of the run, and texts of the existing card.

    Args:
        name: name of the model.
        config: the options of the run.
        files: name, SHA-256 and size of each file, as `cards.FileRecord`, by its kind.
        training: record of the training, as `cards.TrainingRecord`.
        existing_card: result of `applicable_entries`; its scores are kept if no weight changed.
        int8: difference of the int8 network, if there is one.
        same_weight_hashes: SHA-256 of the ONNX file with the weights of this export, for each
            licence that an earlier export may have written into it.
        run_card: result of `read_run_card`. It is used if the weights differ from those of the
            existing card. If they do not, only its scores are used, where the card has none.

    Returns:
        The tables and values of the TOML file, by name.
    """
    side = config.image_size
    if config.task == FACES:
        purpose, size_entry = f"draws faces of {side} x {side} pixels", {"image_size": side}
    else:
        purpose, size_entry = f"enlarges {config.scale} times", {"scale": config.scale}
    placeholders: dict[str, Any] = {
        "summary": f"A {config.generator} that {purpose}.",
        "version": "1",
        "licence": UNSTATED,
        "recipe": UNSTATED,
        "limits": [],
        "data": [],
        "scores": [],
    }
    facts = {
        "name": name,
        "task": config.task,
        "architecture": config.generator,
        **size_entry,
        "arguments": generator_arguments(config),
        "files": files,
        "training": training,
    }
    card = {**placeholders, **existing_card, **facts}
    for record in ("int8", "imported"):  # facts about the earlier model only
        card.pop(record, None)
    if int8:
        card["int8"] = vars(int8)
    earlier_file = existing_card.get("files", {}).get("onnx", {})
    earlier_sha256 = earlier_file.get("sha256")
    # The licence is part of the file, so that files of the same weights may differ.
    is_same_model = earlier_file == files["onnx"] or earlier_sha256 in same_weight_hashes
    if not is_same_model:
        card["scores"] = []  # the existing scores belong to other weights
        card |= run_card or {}
    elif run_card and not card["scores"]:  # exported before its fine-tuning had ended
        card["scores"] = run_card.get("scores", [])
    return card
