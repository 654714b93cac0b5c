"""The model that a fine-tuning starts from: its weights, its critic, its architecture."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from srgan_gp.cards import ModelCard, read_card
from srgan_gp.catalog import find_model
from srgan_gp.errors import ModelRefusedError, UsageError
from srgan_gp.files import hash_file
from srgan_gp.paths import is_file
from srgan_gp.training.config import TrainConfig

_GENERATOR_OPTIONS = {"size": "image_size"}
_CRITIC_OPTIONS: dict[str, str | None] = {
    "width": "critic_width",
    "stages": "critic_stages",
    "conditional": "critic_conditional",
    "size": None,  # the generator's
    "scale": None,
}
"""Arguments of the architectures that go by another name, or none, among the options of a run."""
_KNOWN = frozenset(field.name for field in fields(TrainConfig))


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
    beside = weights.with_suffix(".critic.safetensors")
    critic = beside if is_file(beside) else None
    _require_card("safetensors", weights, card)
    if critic:
        _require_card("critic", critic, card)
    options = _options(weights, _GENERATOR_OPTIONS, "generator")
    if critic:
        options = _options(critic, _CRITIC_OPTIONS, "critic") | options
    return Source(weights.stem, weights, critic, card, options)


def _require_card(kind: str, weights: Path, card: ModelCard | None) -> None:
    """Check that weights are those that the card beside them describes."""
    record = card.files.get(kind) if card else None
    if record and hash_file(weights) != record.sha256:
        raise ModelRefusedError(
            f"{weights} is not the file its card describes; export the model again, or move the "
            "card away."
        )


def _options(path: Path, renamed: Mapping[str, str | None], kind: str) -> dict[str, Any]:
    """Turn what a file says of its network into options of a run."""
    try:
        with safe_open(path, "pt") as file:
            told = file.metadata() or {}
        found: dict[str, Any] = {kind: told["architecture"]}
        for key, value in json.loads(told["arguments"]).items():
            if name := renamed.get(key, key):
                found[name] = value
        if kind == "generator":
            found["task"] = told["task"]
        if unknown := sorted(found.keys() - _KNOWN):
            raise ValueError(f"unknown argument {unknown[0]}")
    except (OSError, SafetensorError, KeyError, ValueError, AttributeError) as error:
        raise UsageError(
            f"{path} does not say which network it holds; only files of `srgan-gp export` can be "
            f"fine-tuned: {error!r}."
        ) from error
    return found
