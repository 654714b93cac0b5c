"""Installation of a fine-tuned model, with its card, into the user's models folder.

A card is a TOML file beside the model: summary, licence, training data, limits and scores; see
`models.cards.ModelCard`. `srgan-gp finetune` calls both functions after a run.
"""

import math
import re
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import tomli_w

from srgan_gp.exporting.export import export
from srgan_gp.exporting.exported_card import RUN_CARD
from srgan_gp.finetuning.finetune_result import FinetuneResult
from srgan_gp.finetuning.finetune_source import find_source
from srgan_gp.finetuning.finetune_verdict import Row
from srgan_gp.models.catalog import model_folders
from srgan_gp.models.new_names import EXIST_ERROR
from srgan_gp.system.files import atomic_write


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
    _, user_folder = model_folders()
    card_path = export(outcome.run_dir, name, user_folder, say=say, exist=exist)
    card = tomllib.loads(card_path.read_text(encoding="utf-8"))
    card |= _card_entries(outcome, model)  # replaces the placeholders that `export` wrote
    with atomic_write(card_path) as file:
        file.write(tomli_w.dumps(card, multiline_strings=False).encode())
    return card_path


def save_run_card(outcome: FinetuneResult, model: str) -> None:
    """Save the known entries of the card in the run folder, for a later `srgan-gp export`.

    Args:
        outcome: outcome of the fine-tuning.
        model: the model it started from, as for `install`.

    Raises:
        OutputError: the folder cannot be written.
    """
    entries = _card_entries(outcome, model)
    with atomic_write(outcome.run_dir / RUN_CARD) as file:
        file.write(tomli_w.dumps(entries, multiline_strings=False).encode())


def _card_entries(outcome: FinetuneResult, model: str) -> dict[str, Any]:
    """Return the entries of the card that are known after a fine-tuning.

    The keys are those of a card: summary, licence, recipe, limits, data and scores. Licence, data
    and limits begin with those of the original model, if it has a card.
    """
    card = find_source(model).card
    data = [vars(source) for source in card.data] if card else []
    user_data = {
        "what": f"{outcome.trained_on} images of the person who fine-tuned it",
        "licence": "unstated",
        "attribution": "unstated",
        "consent": "unstated",
    }
    limits = list(card.limits) if card else []
    if card and card.fidelity_partner:
        limits = _limits_without_mixing(limits, card.fidelity_partner)
    if outcome.best_images_seen:
        summary = f"{outcome.source}, fine-tuned on {outcome.trained_on} images."
        data.append(user_data)
        limits.append(
            f"Fine-tuned on {outcome.trained_on} images of one kind; others may come out worse."
        )
    else:  # the weights are those of the original model
        summary = f"{outcome.source}, unchanged: no state of its fine-tuning scored better."
    return {
        "summary": summary,
        "licence": card.licence if card else "unstated",
        "recipe": f"srgan-gp finetune --from {outcome.source}",
        "limits": limits,
        "data": data,
        "scores": [
            _score_entry(row, outcome.validation)
            for row in outcome.verdict.rows
            if math.isfinite(row.after)
        ],
    }


def _limits_without_mixing(limits: Sequence[str], partner: str) -> list[str]:
    """Return limits without the sentences about mixing with a partner model.

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
        kept.append(" ".join(one for one in sentences if not any(name in one for name in names)))
    return [limit for limit in kept if limit]


def _score_entry(row: Row, validation_images: int) -> dict[str, Any]:
    """Return the card's entry of a score: its value after fine-tuning, and that before as text."""
    images = f"low-res by {row.way}" if row.way else "generated"
    return {
        "metric": row.metric,
        "set": f"{validation_images} validation images",
        "value": round(row.after, 4),
        "protocol": f"{images}; before fine-tuning {row.before:.4g}",
    }
