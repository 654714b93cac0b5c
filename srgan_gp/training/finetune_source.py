"""The model that a fine-tuning starts from: its weights, its critic, its architecture."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from srgan_gp.cards import ModelCard, read_card
from srgan_gp.catalog import find_model
from srgan_gp.errors import ModelRefusedError, UsageError
from srgan_gp.files import hash_file, is_file

_GENERATOR_OPTIONS = {"size": "image_size"}
_CRITIC_OPTIONS = {
    "width": "critic_width",
    "stages": "critic_stages",
    "conditional": "critic_conditional",
}
"""Arguments of the architectures that go by another name among the options of a run."""


@dataclass(frozen=True)
class Source:
    """A model to start from.

    Attributes:
        name: of the model, for people.
        weights: `.safetensors` of the generator.
        critic: those of its critic; None: it has none.
        card: what is known of the model; None: nothing.
        options: fields of `TrainConfig` that make the same networks.
    """

    name: str
    weights: Path
    critic: Path | None
    card: ModelCard | None
    options: dict[str, Any]

    @property
    def task(self) -> str:
        """One of `cards.TASKS`."""
        return self.options["task"]


def find_source(model: str) -> Source:
    """Find a model's weights and read which networks they are of.

    Args:
        model: a name, or the path of a `.safetensors` or of the `.onnx` beside one.

    Raises:
        ModelRefusedError: there is no such model, or its weights are not those of its card.
        UsageError: it has no weights to train on, or another program made them.
    """
    path = Path(model)
    if path.suffix == ".safetensors":
        card_path = path.with_suffix(".toml")
        card = read_card(card_path) if is_file(card_path) else None
        weights = path
    else:
        found = find_model(model)
        card, weights = found.card, found.path.with_suffix(".safetensors")
    if not is_file(weights):
        raise UsageError(
            f"There are no weights to fine-tune at {weights}; a model is fine-tuned from its "
            ".safetensors, its .onnx is not enough."
        )
    _require_card(weights, card)
    beside = weights.with_suffix(".critic.safetensors")
    critic = beside if is_file(beside) else None
    options = _options(weights, _GENERATOR_OPTIONS, "generator")
    if critic:
        # The critic's size and scale are the generator's.
        options = _options(critic, _CRITIC_OPTIONS, "critic") | options
    return Source(weights.stem, weights, critic, card, options)


def _require_card(weights: Path, card: ModelCard | None) -> None:
    """Check that weights are those that the card beside them describes."""
    record = card.files.get("safetensors") if card else None
    if record and hash_file(weights) != record.sha256:
        raise ModelRefusedError(
            f"{weights} is not the file its card describes; export the model again, or move the "
            "card away."
        )


def _options(path: Path, renamed: Mapping[str, str], kind: str) -> dict[str, Any]:
    """Turn what a file says of its network into options of a run."""
    try:
        with safe_open(path, "pt") as file:
            told = file.metadata() or {}
        arguments = json.loads(told["arguments"])
        found: dict[str, Any] = {kind: told["architecture"]}
        found |= {renamed.get(key, key): value for key, value in arguments.items()}
        return found | ({"task": told["task"]} if kind == "generator" else {})
    except (OSError, SafetensorError, KeyError, ValueError, AttributeError) as error:
        raise UsageError(
            f"{path} does not say which network it holds; only files of `srgan-gp export` can be "
            f"fine-tuned: {error!r}."
        ) from error
