"""The models at hand: where their cards and files are, and which names they go by.

A model is `<name>.onnx` beside a card, `<name>.toml`; its critic, for training, lies in
`<name>.critic.safetensors`. What the runtime needs travels inside the ONNX file. This module finds
files; it never opens a model.
"""

import os
import pkgutil
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from srgan_gp.cards import ModelCard, read_card
from srgan_gp.errors import ModelRefusedError, UsageError
from srgan_gp.paths import is_file, is_folder


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


def list_models(on_refused: Callable[[ModelRefusedError], None] | None = None) -> list[ModelCard]:
    """Read the card of every model in `model_folders()`, sorted by name within a folder.

    Args:
        on_refused: takes the error about each model that is left out; None raises the first one.

    Raises:
        ModelRefusedError: a model cannot go by its name: its card is not as it should be, its file
            is missing, or a packaged model has that name.
    """
    found: dict[str, Path] = {}
    cards: list[ModelCard] = []
    for path in _card_paths():
        try:
            first = found.setdefault(path.stem, path)
            if first is not path:
                raise ModelRefusedError(
                    f"The model card {path} has the name of the shipped {first}, which is used in "
                    "its place; give its files and what the card says another name."
                )
            cards.append(_read_card_of_model(path))
        except ModelRefusedError as error:
            if on_refused is None:
                raise
            on_refused(error)
    return cards


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
        usable = list_models(on_refused=lambda _: None)  # the advice is no place for their faults
        having = ", ".join(card.name for card in usable if card.fidelity_partner)
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


def check_name(name: str, folder: Path) -> None:
    """Check that a model whose files are to lie in `folder` can be called `name`.

    Raises:
        UsageError: it has other characters than letters, digits, `-` and `_`; or it is the name of
            a packaged model, which would be found in its place, and `folder` does not hold that
            model to be made again.
    """
    if not re.fullmatch("[A-Za-z0-9_-]+", name):
        raise UsageError(f"{name!r} cannot name a model; use letters, digits, '-' and '_'.")
    packaged, users = model_folders()
    is_made_again = is_file(folder / f"{name}.toml") and folder.resolve() != users.resolve()
    if is_file(packaged / f"{name}.toml") and not is_made_again:
        raise UsageError(
            f"{name!r} is the name of a shipped model, which would be used in place of yours; "
            "choose another --name."
        )


def names_in(package: str) -> list[str]:
    """List the modules of `package` without importing any of them.

    >>> "catalog" in names_in("srgan_gp")
    True
    """
    spec = find_spec(package)
    folders = spec.submodule_search_locations if spec else None
    return [module.name for module in pkgutil.iter_modules(folders or [])]


def _card_paths() -> Iterator[Path]:
    # Each once, also where the user's folder is that of the packaged models.
    for folder in {folder.resolve(): folder for folder in model_folders()}.values():
        if is_folder(folder):
            yield from sorted(folder.glob("*.toml"))


def _find_by_name(name: str) -> ModelFile | None:
    for card in _card_paths():
        if card.stem == name:
            return _model_file(card.with_suffix(".onnx"))
    return None


def _read_card_of_model(path: Path) -> ModelCard:
    """Read a card and check that the ONNX file beside it is the one that it describes."""
    card, file = read_card(path), path.with_suffix(".onnx")
    if card.files["onnx"].name != file.name:
        raise ModelRefusedError(f"The model card {path} does not describe {file.name}.")
    if not is_file(file):
        raise ModelRefusedError(
            f"The model file {file} is missing; install or export it again, or remove its card."
        )
    return card


def _model_file(path: Path) -> ModelFile:
    card_path = path.with_suffix(".toml")
    card = _read_card_of_model(card_path) if os.path.lexists(card_path) else None
    folders = [folder.resolve() for folder in model_folders()]
    return ModelFile(
        path=path,
        card=card,
        expected_sha256=card.files["onnx"].sha256 if card else None,
        is_installed=card is not None and path.parent.resolve() in folders,
    )
