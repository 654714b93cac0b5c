"""Source of a fine-tuning: finds a model's weights, critic, card and network options."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from srgan_gp.errors import ModelRefusedError, UsageError
from srgan_gp.models.cards import ModelCard, read_card
from srgan_gp.models.catalog import find_model
from srgan_gp.system.files import hash_file
from srgan_gp.system.paths import is_file
from srgan_gp.training.options.config import TrainConfig
from srgan_gp.training.options.generator_args import from_model
from srgan_gp.training.weights_file import read_metadata, read_network

_CRITIC_OPTIONS: dict[str, str | None] = {
    "width": "critic_width",
    "stages": "critic_stages",
    "conditional": "critic_conditional",
    "size": None,  # the generator's
    "scale": None,
}
"""Arguments of critics whose option of a run has another name; None: no option."""
_KNOWN = frozenset(field.name for field in fields(TrainConfig))


@dataclass(frozen=True)
class Source:
    """A model to start from.

    Attributes:
        name: name of the model, for messages.
        weights: `.onnx` or, of an older model, `.safetensors` of the generator.
        critic: `.safetensors` of its critic; None: it has none.
        card: card of the model; None: it has none.
        options: fields of `TrainConfig` that build the same networks.
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
    """Find a model's weights and read the architecture of its networks.

    Args:
        model: a name, or the path of an `.onnx` or `.safetensors`.

    Raises:
        ModelRefusedError: there is no such model, or its weights do not match its card.
        UsageError: another program made it.
    """
    path = Path(model)
    if path.suffix == ".safetensors" and is_file(path):
        card_path = path.with_suffix(".toml")
        card = read_card(card_path) if is_file(card_path) else None
        kind, weights = "safetensors", path
    else:
        found = find_model(model)
        card, kind, weights = found.card, "onnx", found.path
        older = weights.with_suffix(".safetensors")
        if is_file(older) and "architecture" not in read_metadata(weights):
            kind, weights = "safetensors", older
    beside = weights.with_suffix(".critic.safetensors")
    critic = beside if is_file(beside) else None
    _require_card(kind, weights, card)
    if critic:
        _require_card("critic", critic, card)
    options = generator_options(weights)
    if critic:
        options = critic_options(critic) | options
    return Source(weights.stem, weights, critic, card, options)


def generator_options(path: Path) -> dict[str, Any]:
    """Read the options of a run that build the generator whose weights are in a file.

    Raises:
        UsageError: the file cannot be read or does not describe its network, or there is no such
            generator.
    """
    task, architecture, arguments = read_network(path)
    try:
        return from_model(architecture, task, arguments)
    except UsageError as error:
        raise UsageError(f"{path} holds a network that cannot be built: {error}") from error


def _require_card(kind: str, weights: Path, card: ModelCard | None) -> None:
    """Check the hash of weights against the card beside them."""
    record = card.files.get(kind) if card else None
    if record and hash_file(weights) != record.sha256:
        raise ModelRefusedError(
            f"{weights} is not the file its card describes; export the model again, or move the "
            "card away."
        )


def critic_options(path: Path) -> dict[str, Any]:
    """Read the options of a run that build the critic whose weights are in a file.

    Raises:
        UsageError: the file cannot be read or does not describe its network.
    """
    _, architecture, arguments = read_network(path)
    renamed = {_CRITIC_OPTIONS.get(name, name): value for name, value in arguments.items()}
    found = {name: value for name, value in renamed.items() if name}
    if unknown := sorted(found.keys() - _KNOWN):
        raise UsageError(f"{path} holds a network that cannot be built: no option {unknown[0]!r}.")
    if norm := read_metadata(path).get("norm"):  # files of earlier versions do not say it
        found["critic_norm"] = norm
    return {"critic": architecture, **found}
