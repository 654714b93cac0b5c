"""The models at hand: where their cards and files are, and which names they go by.

A model is `<name>.onnx` (and `.safetensors`, for training) beside a card, `<name>.toml`. What the
runtime needs travels inside the ONNX file. This module finds files; it never opens a model.
"""

import os
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from srgan_gp.cards import ModelCard, read_card
from srgan_gp.errors import ModelRefusedError, UsageError
from srgan_gp.files import is_file, is_folder


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


def model_names() -> list[str]:
    """List the names in `model_folders()` as `list_models` does, without reading a card."""
    return list(dict.fromkeys(path.stem for path in _card_paths()))


def find_model(name_or_path: str | Path) -> ModelFile:
    """Find a model by name, or take the path of an `.onnx` file as it is.

    A known name wins over a file of that name. A card beside the file counts.

    Raises:
        ModelRefusedError: there is no such name or file, or its card is not as it should be.
    """
    if found := _find_by_name(str(name_or_path)):
        return found
    path = Path(name_or_path)
    if is_file(path):
        return _model_file(path)
    if path.suffix.lower() == ".onnx":
        raise ModelRefusedError(f"There is no model file {path}; check the path.")
    known = ", ".join(model_names()) or "none is installed"
    raise ModelRefusedError(
        f"There is no model {str(name_or_path)!r}; known: {known}. "
        "The path of an .onnx file works too."
    )


def find_partner(model: ModelFile) -> ModelFile:
    """Find the model that `model`'s card names as its fidelity partner.

    It goes by its name, as any model. Beside a model that is not installed, a partner that lies in
    the same folder comes first.

    Raises:
        UsageError: `model` has no card, or one that names no partner.
        ModelRefusedError: the partner is not there, its card is not as it should be, or it
            describes another network.
    """
    if model.card is None or model.card.fidelity_partner is None:
        having = ", ".join(card.name for card in list_models() if card.fidelity_partner)
        choice = f"choose one that has: {having}" if having else "no other model has one either"
        raise UsageError(f"The model {model.path.stem} has no fidelity partner; {choice}.")
    name, partner = model.card.name, model.card.fidelity_partner
    beside = model.path.with_name(f"{partner}.toml")
    if not model.is_installed and is_file(beside):
        found = _model_file(beside.with_suffix(".onnx"))
    else:
        found = _find_by_name(partner)
    if found is None:
        raise ModelRefusedError(
            f"The fidelity partner of {name}, {partner!r}, is missing; put its .onnx and .toml "
            f"into {model.path.parent}."
        )
    for key in ("task", "architecture", "scale"):
        own, other = getattr(model.card, key), getattr(found.card, key)
        if own != other:
            raise ModelRefusedError(
                f"The fidelity partner of {name}, {partner!r}, is another network: {key} "
                f"{other!r} in place of {own!r}."
            )
    return found


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


def _find_by_name(name: str) -> ModelFile | None:
    for card in _card_paths():
        if card.stem == name:
            return _model_file(card.with_suffix(".onnx"))
    return None


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
