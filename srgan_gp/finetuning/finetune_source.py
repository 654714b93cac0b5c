"""Source of a fine-tuning: finds a model's weights, critic, card and network options.

`finetune.finetune` starts from a `Source`. A card is the description of a model, a TOML file beside
the weights. The module `start_options` reads the options of a single file, for `srgan-gp train
--start-from`.
"""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from srgan_gp.errors import ModelRefusedError, UsageError
from srgan_gp.models.cards import ModelCard, read_card
from srgan_gp.models.catalog import find_model
from srgan_gp.system.files import hash_file
from srgan_gp.system.paths import is_file
from srgan_gp.training.options.config import TrainConfig
from srgan_gp.training.options.generator_args import options_of_model
from srgan_gp.training.weights_file import read_metadata, read_network, read_smoothing

_OPTION_OF_CRITIC_ARGUMENT: dict[str, str | None] = {
    "width": "critic_width",
    "stages": "critic_stages",
    "conditional": "critic_conditional",
    "detail": "critic_detail",
    # Equal to the generator's arguments of these names, which set the options.
    "size": None,
    "scale": None,
}
"""Option of a run by argument of a critic's constructor, where the two names differ; None: the
argument is ignored."""
_OPTIONS = frozenset(field.name for field in fields(TrainConfig))
"""Names of all options of a run."""


@dataclass(frozen=True)
class Source:
    """A model to start from.

    Attributes:
        name: name of the model, for messages.
        weights: file of the generator, `.onnx`; `.safetensors` of a model of version 0.1.
        critic: `.safetensors` file of its critic; None: it has none.
        card: card of the model; None: it has none.
        options: values by field of `TrainConfig`, which build the same generator and critic.
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

    @property
    def smoothing(self) -> float:
        """Share of each neighbour in the filter that smooths the faces; see `read_smoothing`."""
        return read_smoothing(self.weights, self.card)


def find_source(model: str) -> Source:
    """Find a model's weights and read the architecture of its networks.

    Args:
        model: a name, or the path of an `.onnx` or `.safetensors` file.

    Raises:
        ModelRefusedError: there is no such model, or its weights do not match its card.
        UsageError: the file does not describe its network, since another program made it.
    """
    weights, card = _find_weights(model)
    critic_path = weights.with_suffix(".critic.safetensors")
    critic = critic_path if is_file(critic_path) else None
    _require_hash_of_card(weights.suffix.removeprefix("."), weights, card)
    if critic:
        _require_hash_of_card("critic", critic, card)
    options = generator_options(weights)
    if critic:
        options = critic_options(critic) | options  # in both: the generator's value is used
    return Source(weights.stem, weights, critic, card, options)


def _find_weights(name: str) -> tuple[Path, ModelCard | None]:
    """Find the file of a generator and its card, if there is one; `name` may be a path."""
    path = Path(name)
    if path.suffix == ".safetensors" and is_file(path):
        card_path = path.with_suffix(".toml")
        return path, read_card(card_path) if is_file(card_path) else None
    model = find_model(name)
    # An `.onnx` of version 0.1 does not describe its network; the `.safetensors` beside it does.
    older = model.path.with_suffix(".safetensors")
    if is_file(older) and "architecture" not in read_metadata(model.path):
        return older, model.card
    return model.path, model.card


def generator_options(path: Path) -> dict[str, Any]:
    """Read the options of a run, by field of `TrainConfig`, that build the generator of a file.

    Raises:
        UsageError: the file cannot be read or does not describe its network, or there is no such
            generator.
    """
    task, architecture, arguments = read_network(path)
    try:
        return options_of_model(architecture, task, arguments)
    except UsageError as error:
        raise UsageError(f"{path} holds a network that cannot be built: {error}") from error


def _require_hash_of_card(kind: str, weights: Path, card: ModelCard | None) -> None:
    """Check the SHA-256 of weights against their card, if the card has one of this file.

    Args:
        kind: key of `ModelCard.files`: onnx, safetensors or critic.
        weights: the file.
        card: card of the model.

    Raises:
        ModelRefusedError: the file has another hash than the card states.
    """
    record = card.files.get(kind) if card else None
    if record and hash_file(weights) != record.sha256:
        raise ModelRefusedError(
            f"{weights} is not the file its card describes; export the model again, or move the "
            "card away."
        )


def critic_options(path: Path) -> dict[str, Any]:
    """Read the options of a run, by field of `TrainConfig`, that build the critic of a file.

    Whether there is such a critic is checked when it is built.

    Raises:
        UsageError: the file cannot be read or does not describe its network.
    """
    _task, architecture, arguments = read_network(path)
    options: dict[str, Any] = {"critic": architecture}
    for argument, value in arguments.items():
        option = _OPTION_OF_CRITIC_ARGUMENT.get(argument, argument)
        if option is not None:
            options[option] = value
    if unknown := sorted(options.keys() - _OPTIONS):
        raise UsageError(f"{path} holds a network that cannot be built: no option {unknown[0]!r}.")
    if norm := read_metadata(path).get("norm"):  # missing in files of earlier versions
        options["critic_norm"] = norm
    return options
