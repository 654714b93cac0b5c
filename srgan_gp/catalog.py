"""The models at hand: their cards, and where their files are.

A model is `<name>.onnx` (and `.safetensors`, for training) beside a card, `<name>.toml`, which
says what a person needs to know: licence, data, scores, limits. What the runtime needs travels
inside the ONNX file. This module reads cards and finds files; it never opens a model.
"""

import os
import pkgutil
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar, cast

from srgan_gp.errors import ModelRefusedError
from srgan_gp.files import is_file, is_folder

TASKS = ("super-resolution", "face-generation")

Record = TypeVar("Record")
Container = TypeVar("Container", dict[str, Any], list[Any])


@dataclass(frozen=True)
class FileRecord:
    """One file of a model: its name beside the card, SHA-256 (64 hex digits) and size."""

    name: str
    sha256: str
    bytes: int


@dataclass(frozen=True)
class DataSource:
    """Pictures a model was trained on."""

    what: str
    licence: str
    attribution: str


@dataclass(frozen=True)
class Score:
    """One measured number; `protocol` says how to measure it again."""

    metric: str
    set: str
    value: float
    protocol: str


@dataclass(frozen=True)
class ModelCard:
    """What a person needs to know about a model."""

    name: str
    task: str
    """One of `TASKS`."""
    summary: str
    version: str
    licence: str
    architecture: str
    scale: int
    """Enlargement of both sides."""
    recipe: str
    """The script that trains the model again."""
    limits: tuple[str, ...]
    """What it does badly, one sentence each."""
    arguments: Mapping[str, int | float | str | bool]
    """Of the architecture."""
    files: Mapping[str, FileRecord]
    """By kind: `onnx`, `safetensors`."""
    data: tuple[DataSource, ...]
    scores: tuple[Score, ...]
    fidelity_partner: str | None = None


@dataclass(frozen=True)
class ModelFile:
    """An ONNX file, and what is known about it before it is opened."""

    path: Path
    card: ModelCard | None
    expected_sha256: str | None
    is_installed: bool
    """It lies in one of `model_folders()`; any other file is somebody else's until proven."""


def model_folders() -> tuple[Path, ...]:
    """Folders that hold models by name: packaged ones, then `$SRGAN_GP_MODELS` of the user.

    The first match wins, so that no file of a user takes a shipped name.
    """
    package = Path(__file__).parent
    inside_wheel = package / "weights"
    packaged = inside_wheel if inside_wheel.is_dir() else package.parent / "weights"
    # Not `Path.home`, which raises where nobody has a home, as in some containers.
    data_home = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")  # noqa: PTH111
    users = os.environ.get("SRGAN_GP_MODELS") or Path(data_home) / "srgan-gp" / "models"
    return packaged, Path(users)


def list_models() -> list[ModelCard]:
    """Read every card in `model_folders()`, sorted by name within a folder.

    Raises:
        ModelRefusedError: a card is not as it should be.
    """
    cards: dict[str, ModelCard] = {}
    for path in _card_paths():
        cards.setdefault(path.stem, read_card(path))
    return list(cards.values())


def find_model(name_or_path: str | Path) -> ModelFile:
    """Find a model by name, or take the path of an `.onnx` file as it is.

    A known name wins over a file of that name. A card beside the file counts.

    Raises:
        ModelRefusedError: there is no such name or file, or its card is not as it should be.
    """
    for card in _card_paths():
        if card.stem == str(name_or_path):
            return _model_file(card.with_suffix(".onnx"))
    path = Path(name_or_path)
    if is_file(path):
        return _model_file(path)
    if path.suffix.lower() == ".onnx":
        raise ModelRefusedError(f"There is no model file {path}; check the path.")
    known = ", ".join(dict.fromkeys(card.stem for card in _card_paths())) or "none is installed"
    raise ModelRefusedError(
        f"There is no model {str(name_or_path)!r}; known: {known}. "
        "The path of an .onnx file works too."
    )


def read_card(path: Path) -> ModelCard:
    """Read and check one card.

    Raises:
        ModelRefusedError: the file cannot be read, a key is missing, unknown or of the wrong type.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelRefusedError(f"The model card {path} cannot be read: {error}.") from error
    try:
        card = _card(table)
    except ValueError as error:
        raise ModelRefusedError(f"The model card {path} is not valid: {error}.") from None
    if card.name != path.stem:
        raise ModelRefusedError(f"The model card {path} names another model, {card.name!r}.")
    return card


def names_in(package: str) -> list[str]:
    """List the modules of `package` without importing any of them.

    >>> "catalog" in names_in("srgan_gp")
    True
    """
    spec = find_spec(package)
    folders = spec.submodule_search_locations if spec else None
    return [module.name for module in pkgutil.iter_modules(folders or [])]


def _card_paths() -> Iterator[Path]:
    for folder in model_folders():
        if is_folder(folder):
            yield from sorted(folder.glob("*.toml"))


def _model_file(path: Path) -> ModelFile:
    card_path = path.with_suffix(".toml")
    card = read_card(card_path) if card_path.is_file() else None
    if card and card.files["onnx"].name != path.name:
        raise ModelRefusedError(f"The model card {card_path} does not describe {path.name}.")
    if not is_file(path):
        raise ModelRefusedError(f"The model file {path} is missing; install the package again.")
    folders = [folder.resolve() for folder in model_folders()]
    return ModelFile(
        path=path,
        card=card,
        expected_sha256=card.files["onnx"].sha256 if card else None,
        is_installed=card is not None and path.parent.resolve() in folders,
    )


def _card(table: dict[str, Any]) -> ModelCard:
    """Turn parsed TOML into a card; ValueError says what is wrong."""
    files = _value(table, "files", dict)
    limits = _value(table, "limits", list)
    if any(type(limit) is not str for limit in limits):
        raise ValueError("limits is not a list of strings")
    parts: dict[str, object] = {
        "arguments": _value(table, "arguments", dict),
        "files": {kind: _record(FileRecord, file) for kind, file in files.items()},
        "data": tuple(_record(DataSource, source) for source in _value(table, "data", list)),
        "scores": tuple(_record(Score, score) for score in _value(table, "scores", list)),
        "limits": tuple(limits),
    }
    card = _record(ModelCard, table | parts)
    if card.task not in TASKS:
        raise ValueError(f"task is {card.task!r}, not one of {', '.join(TASKS)}")
    if card.scale < 1:
        raise ValueError(f"scale is {card.scale}")
    if "onnx" not in card.files:
        raise ValueError("files.onnx is missing")
    for kind, file in card.files.items():
        if not re.fullmatch("[0-9a-f]{64}", file.sha256):
            raise ValueError(f"files.{kind}.sha256 is not 64 hexadecimal digits")
        if Path(file.name).name != file.name:
            raise ValueError(f"files.{kind}.name is not a plain file name: {file.name!r}")
    return card


_PLAIN_TYPES: dict[Any, tuple[type, ...]] = {
    str: (str,),
    str | None: (str,),
    int: (int,),
    float: (float, int),
}


def _record(kind: type[Record], table: object) -> Record:
    """Build a dataclass from a table that has its keys, no others, and the right plain types."""
    if not isinstance(table, dict):
        raise ValueError(f"a table was expected where {table!r} is")
    values = cast(dict[str, Any], table)
    known = {field.name: field for field in fields(cast(Any, kind))}
    if unknown := sorted(values.keys() - known.keys()):
        raise ValueError(f"unknown key {unknown[0]!r}")
    for name, field in known.items():
        if name not in values:
            if field.default is MISSING:
                raise ValueError(f"{name} is missing")
            continue
        expected = _PLAIN_TYPES.get(field.type, ())
        if expected and type(values[name]) not in expected:
            raise ValueError(f"{name} is {values[name]!r}, expected {expected[0].__name__}")
    return kind(**values)


def _value(table: dict[str, Any], name: str, kind: type[Container]) -> Container:
    value = table.get(name, kind())
    if not isinstance(value, kind):
        raise ValueError(f"{name} is {value!r}, expected {kind.__name__}")
    return value
