"""`ModelCard` and `read_card`: the description of a model, read from `<name>.toml`."""

import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar, cast

from srgan_gp.errors import ModelRefusedError
from srgan_gp.models.card_records import (
    DataSource,
    FileRecord,
    Int8Record,
    Score,
    TrainingRecord,
)
from srgan_gp.models.import_record import ImportRecord

FACES = "face-generation"
"""Task of a model that generates faces from latent vectors; other models take images."""
UPSCALING = "super-resolution"
"""Task of a model that takes images, and enlarges or restores them."""
TASKS = (UPSCALING, FACES)
HEADLINE_METRICS = {FACES: ("FD-yunet", "diversity", "novelty")}
"""Scores that lists of models show, by task; a task that is missing has none. FD-yunet, a Frechet
distance, can be low for a generator that repeats one face or its training faces, so the three
scores are shown together."""
MAX_TRUNCATION = 4
"""Largest truncation, the factor of the latent vectors of a face generator, which are standard
normal in training. In training, one number in twenty is beyond 2 or -2; with the factor 4, three
in five are. Larger factors would lead still farther away from what was trained."""

MAX_SCALE = 1000
"""Largest scale factor that a user may request; a larger one is probably a typing error."""
LOOKS = {"faithful": 1.0, "natural": 0.5, "crisp": 0.0}
"""Fidelity by the name of a look, for `--look` and the app. The fidelity is the share, 0 to 1, of
`ModelCard.fidelity_partner` in an average of two models."""

Record = TypeVar("Record")


def scale_message(scale: str) -> str:
    """Return the message about a scale that is not allowed; `scale` is what the user wrote."""
    return f"the scale must be a number above 0, {MAX_SCALE} at most, not {scale}"


@dataclass(frozen=True)
class ModelCard:
    """Description of a model: task, licence, files, training data, scores and limits.

    Attributes:
        name: the name by which users choose the model.
        task: `super-resolution` or `face-generation`.
        summary: purpose of the model, one sentence.
        version: version of the model.
        licence: licence of the weights.
        architecture: name of the network, such as `srresnet`.
        recipe: script that trains the model.
        limits: known limits, one sentence each.
        arguments: constructor arguments of the architecture.
        files: files by kind: `onnx`; `critic`, used in training only; `int8`, a faster network; and
            `safetensors` for models of version 0.1. Each has a name, its sha256 and its bytes.
        data: sources of the training images: what they are, licence, attribution and consent.
        scores: measured scores.
        scale: upscaling factor; None for a face generator.
        image_size: height and width of a generated face in pixels; None for an upscaler.
        truncation: default factor of the latent vectors of a face generator; None: 1.
        training: the last run of the recipe; None for a model that an earlier version exported.
        fidelity_partner: name of a model of the same network with other weights. Fidelity 0 is
            this model, 1 is the partner, and values between are averages of their weights.
        x2_model: name of a model that replaces this one for scales up to 2. The command line and
            the HTTP API use it only if the user names no model, the page of the app always.
        int8: difference of the int8 network from float32; None for a model without int8 network.
        imported: origin of a model of another project; None if this package trained the model.
    """

    name: str
    task: str
    summary: str
    version: str
    licence: str
    architecture: str
    recipe: str
    limits: tuple[str, ...]
    arguments: Mapping[str, int | float | str | bool]
    files: Mapping[str, FileRecord]
    data: tuple[DataSource, ...]
    scores: tuple[Score, ...]
    scale: int | None = None
    image_size: int | None = None
    truncation: float | None = None
    training: TrainingRecord | None = None
    fidelity_partner: str | None = None
    x2_model: str | None = None
    int8: Int8Record | None = None
    imported: ImportRecord | None = None

    def __repr__(self) -> str:
        size = f"{self.image_size} pixels" if self.scale is None else f"x{self.scale}"
        return f"<ModelCard {self.name}: {self.task} {size}, {self.licence}>"


def headline(card: ModelCard) -> tuple[Score, ...]:
    """Return the scores that lists of models show: the first of each of `HEADLINE_METRICS`."""
    first_scores: dict[str, Score] = {}
    for score in card.scores:
        first_scores.setdefault(score.metric, score)
    names = HEADLINE_METRICS.get(card.task, ())
    return tuple(first_scores[name] for name in names if name in first_scores)


def read_card(path: Path) -> ModelCard:
    """Read and validate a card, a TOML file whose keys are the fields of `ModelCard`.

    Raises:
        ModelRefusedError: the file cannot be read, a key is missing, unknown or of the wrong type,
            a value is out of range, or the card names another model than its file.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelRefusedError(f"The model card {path} cannot be read: {error}.") from error
    try:
        card = _build_card(table)
    except ValueError as error:
        raise ModelRefusedError(f"The model card {path} is not valid: {error}.") from None
    if card.name != path.stem:
        raise ModelRefusedError(f"The model card {path} names another model, {card.name!r}.")
    return card


def _build_card(table: dict[str, Any]) -> ModelCard:
    """Build a card from parsed TOML.

    Raises:
        ValueError: with the reason why the card is not valid.
    """
    # Tables and lists that a card may omit. Their types are checked here, before they are read.
    defaults: dict[str, Any] = {
        "files": {}, "arguments": {}, "data": [], "scores": [], "limits": [],
    }  # fmt: skip
    parts = defaults | table
    for name, default in defaults.items():
        if not isinstance(parts[name], type(default)):
            raise ValueError(f"{name} is {parts[name]!r}, expected {type(default).__name__}")
    if any(type(limit) is not str for limit in parts["limits"]):
        raise ValueError("limits is not a list of strings")
    for name, value in parts["arguments"].items():
        if type(value) not in (int, float, str, bool):  # TOML also has dates and lists.
            raise ValueError(f"arguments.{name} is {value!r}, expected a number, string or boolean")
    files = parts["files"].items()
    parts["files"] = {kind: _build_record(FileRecord, file) for kind, file in files}
    parts["data"] = tuple(_build_record(DataSource, source) for source in parts["data"])
    parts["scores"] = tuple(_build_record(Score, score) for score in parts["scores"])
    parts["limits"] = tuple(parts["limits"])
    for key, record_class in _OPTIONAL_RECORDS.items():
        if key in parts:
            parts[key] = _build_record(record_class, parts[key])
    card = _build_record(ModelCard, parts)
    _check_card(card)
    return card


def _check_card(card: ModelCard) -> None:
    """Check values and combinations of fields.

    Raises:
        ValueError: with the reason why the card is not valid.
    """
    if card.task not in TASKS:
        raise ValueError(f"task is {card.task!r}, not one of {', '.join(TASKS)}")
    needed_key, unused_key = "scale", "image_size"
    if card.task == FACES:
        needed_key, unused_key = "image_size", "scale"
    size: int | None = getattr(card, needed_key)
    if size is None:
        raise ValueError(f"{needed_key} is missing")
    if size < 1:
        raise ValueError(f"{needed_key} is {size}")
    if getattr(card, unused_key) is not None:
        raise ValueError(f"{unused_key} is not used by the task {card.task}")
    if card.truncation is not None:
        if card.task != FACES:
            raise ValueError(f"truncation is not used by the task {card.task}")
        if not 0 <= card.truncation <= MAX_TRUNCATION:
            raise ValueError(f"truncation is {card.truncation}, not from 0 to {MAX_TRUNCATION}")
    if "onnx" not in card.files:
        raise ValueError("files.onnx is missing")
    if ("int8" in card.files) != (card.int8 is not None):
        raise ValueError("one of files.int8 and int8 is missing")
    other_models = {"fidelity_partner": card.fidelity_partner, "x2_model": card.x2_model}
    plain_names = {f"files.{kind}.name": file.name for kind, file in card.files.items()}
    plain_names |= {key: name for key, name in other_models.items() if name is not None}
    for key, name in plain_names.items():  # A path could lead out of the folder of the card.
        if not name or Path(name).name != name:
            raise ValueError(f"{key} is not a plain name: {name!r}")
    for kind, file in card.files.items():
        if not re.fullmatch("[0-9a-f]{64}", file.sha256):
            raise ValueError(f"files.{kind}.sha256 is not 64 hexadecimal digits")
    for key, name in other_models.items():
        if name == card.name:
            raise ValueError(f"{key} is the model itself, {card.name!r}")


_TOML_TYPES: dict[Any, tuple[type, ...]] = {
    str: (str,), int: (int,), float: (float, int), bool: (bool,),
    str | None: (str,), int | None: (int,), float | None: (float, int),
}  # fmt: skip
"""By the type of a field: types that its value may have in TOML."""
_OPTIONAL_RECORDS = {"training": TrainingRecord, "int8": Int8Record, "imported": ImportRecord}


def _build_record(record_class: type[Record], table: object) -> Record:
    """Build a dataclass from a table of TOML.

    Raises:
        ValueError: a key is missing or unknown, or a value has the wrong type.
    """
    if not isinstance(table, dict):
        raise ValueError(f"expected a table, got {table!r}")
    values = cast(dict[str, Any], table)
    known = {field.name: field for field in fields(cast(Any, record_class))}
    unknown = sorted(values.keys() - known.keys())
    if unknown:
        raise ValueError(f"unknown key {unknown[0]!r}")
    for name, field in known.items():
        if name not in values:
            if field.default is MISSING:
                raise ValueError(f"{name} is missing")
            continue
        # `_build_card` has checked fields of other types, such as tuples.
        expected = _TOML_TYPES.get(field.type, ())
        if expected and type(values[name]) not in expected:
            raise ValueError(f"{name} is {values[name]!r}, expected {expected[0].__name__}")
        if field.type in (float, float | None) and not math.isfinite(values[name]):
            raise ValueError(f"{name} is {values[name]!r}, expected a finite number")
    return record_class(**values)
