"""Installation of a fine-tuned model, with its card, into the user's models folder.

A card is a TOML file beside the model: summary, licence, training data, limits and scores; see
`models.cards.ModelCard`. A run writes a card, `RUN_CARD`, into its folder before the training and
after it. Before the training, the limit `UNFINISHED` says that the fine-tuning was not finished,
and the table `UNTRAINED` has the texts for weights that the training did not change.
"""

import math
import re
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import tomli_w

from srgan_gp.exporting.export import export
from srgan_gp.exporting.exported_card import UNFINISHED, UNTRAINED
from srgan_gp.finetuning.finetune_result import FinetuneResult
from srgan_gp.finetuning.finetune_scores import SETS
from srgan_gp.finetuning.finetune_source import Source, find_source
from srgan_gp.finetuning.finetune_verdict import Row
from srgan_gp.finetuning.score_notes import generated_faces
from srgan_gp.models.catalog import model_folders
from srgan_gp.models.new_names import EXIST_ERROR
from srgan_gp.system.files import atomic_write
from srgan_gp.system.paths import is_file
from srgan_gp.training.run_data import RUN_CARD, has_begun


def install(
    outcome: FinetuneResult,
    model: str,
    name: str,
    say: Callable[[str], None] = lambda _: None,
    *,
    exist: str = EXIST_ERROR,
) -> Path:
    """Export the best checkpoint of a fine-tuning into the user's models folder.

    Args:
        outcome: outcome of the fine-tuning.
        model: the model it started from: a name, or the path of an `.onnx` or `.safetensors` file.
        name: name of the new model.
        say: called with each message to the user.
        exist: what to do if there is a model of that name, one of `new_names.EXIST`.

    Returns:
        Path of the card.

    Raises:
        UsageError: the name cannot be used.
        OutputError: the folder cannot be written.
    """
    _package_folder, user_folder = model_folders()
    card_path = export(outcome.run_dir, name, user_folder, say=say, exist=exist)
    card = tomllib.loads(card_path.read_text(encoding="utf-8"))
    card |= _card_entries(outcome, model)  # replaces the placeholders that `export` wrote
    with atomic_write(card_path) as file:
        file.write(tomli_w.dumps(card, multiline_strings=False).encode())
    return card_path


def save_run_card(outcome: FinetuneResult, model: str) -> None:
    """Save the card after the training in the run folder, for a later `srgan-gp export`.

    Args:
        outcome: outcome of the fine-tuning.
        model: the model it started from, as for `install`.

    Raises:
        OutputError: the folder cannot be written.
    """
    _write_run_card(outcome.run_dir, _card_entries(outcome, model))


def save_first_card(source: Source, trained_on: int, run_dir: Path) -> None:
    """Save a card before the training, for the export of a run that is interrupted.

    The card has the origin, the licence and the data, but no scores. It also has the texts that
    apply if the best state is that before training. A resumed run with a card keeps that card.

    Args:
        source: the model that the run starts from.
        trained_on: number of training images.
        run_dir: folder of the run.

    Raises:
        OutputError: the folder cannot be written.
    """
    if has_begun(run_dir) and is_file(run_dir / RUN_CARD):
        return
    entries = _card_texts(source, trained_on)
    entries["limits"].append(UNFINISHED)
    entries[UNTRAINED] = _card_texts(source, trained_on, was_trained=False)
    _write_run_card(run_dir, entries)


def _write_run_card(run_dir: Path, entries: dict[str, Any]) -> None:
    """Write the card in the folder of a run, a TOML file; an existing one is replaced."""
    with atomic_write(run_dir / RUN_CARD) as file:
        file.write(tomli_w.dumps(entries, multiline_strings=False).encode())


def _card_entries(outcome: FinetuneResult, model: str) -> dict[str, Any]:
    """Return the entries of the card that are known after a fine-tuning: texts and scores."""
    source, was_trained = find_source(model), bool(outcome.best_images_seen)
    scores = [
        _score_entry(row, outcome.validation)
        for row in outcome.verdict.rows
        if math.isfinite(row.after)  # a card refuses other values
    ]
    return _card_texts(source, outcome.trained_on, was_trained=was_trained) | {"scores": scores}


def _card_texts(source: Source, trained_on: int, *, was_trained: bool = True) -> dict[str, Any]:
    """Return the texts of the card: summary, licence, recipe, limits and data.

    Licence, data and limits begin with those of the original model, if it has a card.

    Args:
        source: the original model, with its card if it has one.
        trained_on: number of training images.
        was_trained: False if the weights are those of the original model.
    """
    card = source.card
    data = [vars(record) for record in card.data] if card else []
    user_data = {
        "what": f"{trained_on} images of the person who fine-tuned it",
        "licence": "unstated",
        "attribution": "unstated",
        "consent": "unstated",
    }
    # `UNFINISHED` is about the fine-tuning of the original model. It is not kept for this one.
    limits = [limit for limit in card.limits if limit != UNFINISHED] if card else []
    if card and card.fidelity_partner:
        limits = _remove_mixing(limits, card.fidelity_partner)
    if was_trained:
        summary = f"{source.name}, fine-tuned on {trained_on} images."
        data.append(user_data)
        limits.append(f"Fine-tuned on {trained_on} images of one kind; others may come out worse.")
    else:
        summary = f"{source.name}, unchanged: no state of its fine-tuning scored better."
    return {
        "summary": summary,
        "licence": card.licence if card else "unstated",
        "recipe": f"srgan-gp finetune --from {source.name}",
        "limits": limits,
        "data": data,
    }


def _remove_mixing(limits: Sequence[str], partner: str) -> list[str]:
    """Remove the sentences about mixing with a partner model from the limits.

    The options `--fidelity` and `--look` of `srgan-gp upscale` mix the weights of a model with
    those of its partner, a model of higher PSNR. A fine-tuned model has no partner.

    Args:
        limits: limits of the original model, each of one sentence or more.
        partner: name of its partner.
    """
    names = (partner, "--fidelity", "--look")
    kept: list[str] = []
    for limit in limits:
        sentences = re.split(r"(?<=\.) ", limit)
        others = [text for text in sentences if not any(name in text for name in names)]
        kept.append(" ".join(others))
    return [limit for limit in kept if limit]


def _score_entry(row: Row, validation_images: int) -> dict[str, Any]:
    """Return the card's entry of a score: its value after fine-tuning, and that before as text.

    A score without a downscaler is one of generated faces, a mean over `SETS` sets of faces.
    """
    images = f"low-res by {row.downscaler}"
    if not row.downscaler:
        faces = generated_faces(validation_images)
        images = f"mean of {SETS} sets of {faces} generated faces, truncation 1"
    return {
        "metric": row.metric,
        "set": f"{validation_images} validation images",
        "value": round(row.after, 4),
        "protocol": f"{images}; before fine-tuning {row.before:.4g}",
    }
