"""Installing a fine-tuned model, with its card, into the user's models folder."""

import math
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tomli_w

from srgan_gp.exporting.export import export
from srgan_gp.exporting.exported_card import RUN_TEXTS
from srgan_gp.finetuning.finetune import FinetuneResult
from srgan_gp.finetuning.finetune_source import find_source
from srgan_gp.models.catalog import model_folders
from srgan_gp.system.files import atomic_write


def install(
    outcome: FinetuneResult, model: str, name: str, say: Callable[[str], None] = lambda _: None
) -> Path:
    """Export the best checkpoint of a fine-tuning into the user's models folder.

    Args:
        outcome: outcome of the fine-tuning.
        model: the model it started from: a name, or the path of an `.onnx` or `.safetensors`.
        name: name of the new model.
        say: as for `export`.

    Returns:
        Path of the card.

    Raises:
        UsageError: the name cannot be used.
        OutputError: the folder cannot be written.
    """
    _, user_folder = model_folders()
    card_path = export(outcome.run_dir, name, user_folder, say=say)
    card = tomllib.loads(card_path.read_text(encoding="utf-8"))
    with atomic_write(card_path) as file:
        filled = card | _texts(outcome, model)
        file.write(tomli_w.dumps(filled, multiline_strings=False).encode())
    return card_path


def save_texts(outcome: FinetuneResult, model: str) -> None:
    """Save the texts of the card in the folder of the run, for `srgan-gp export`.

    Args:
        outcome: outcome of the fine-tuning.
        model: the model it started from, as for `find_source`.

    Raises:
        OutputError: the folder cannot be written.
    """
    with atomic_write(outcome.run_dir / RUN_TEXTS) as file:
        file.write(tomli_w.dumps(_texts(outcome, model), multiline_strings=False).encode())


def _texts(outcome: FinetuneResult, model: str) -> dict[str, Any]:
    """Return the texts of the card: origin, data, limits and the scores after fine-tuning."""
    card = find_source(model).card  # None: the model has none
    own = {
        "what": f"{outcome.trained_on} images of the person who fine-tuned it",
        "licence": "unstated",
        "attribution": "unstated",
        "consent": "unstated",
    }
    earlier = [vars(data) for data in card.data] if card else []
    limits = card.limits if card else ()
    if card and card.fidelity_partner:  # the fine-tuned model has none
        limits = [limit for limit in limits if card.fidelity_partner not in limit]
    return {
        "summary": f"{outcome.source}, fine-tuned on {outcome.trained_on} images.",
        "licence": card.licence if card else "unstated",
        "recipe": f"srgan-gp finetune --from {outcome.source}",
        "limits": [
            *limits,
            f"Fine-tuned on {outcome.trained_on} images of one kind; others may come out worse.",
        ],
        "data": [*earlier, own],
        "scores": [
            {
                "metric": row.metric,
                # `validation` is their number; for faces `way`, of downscaling, is empty.
                "set": f"{outcome.validation} validation images",
                "value": round(row.after, 4),
                "protocol": (
                    f"{f'low-res by {row.way}' if row.way else 'generated'}; before fine-tuning "
                    f"{row.before:.4g}"
                ),
            }
            for row in outcome.verdict.rows
            if math.isfinite(row.after)
        ],
    }
