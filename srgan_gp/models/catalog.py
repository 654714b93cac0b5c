"""Lookup of models by name: model folders, `list_models`, `find_model`.

A model is `<name>.onnx` and its card `<name>.toml`, the description of the model. Its critic, used
in training only, is `<name>.critic.safetensors`. This module finds files and reads cards; it does
not open models.
"""

import difflib
import os
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from operator import attrgetter
from pathlib import Path
from typing import cast

from srgan_gp.errors import ModelRefusedError
from srgan_gp.models.cards import FACES, ModelCard, read_card
from srgan_gp.system.paths import is_file, is_folder

DEFAULT_MODELS = {"super-resolution": "photo-x4", FACES: "faces-64"}
"""Name of the model that is used if none is named, by task."""
FACE_UPSCALER = "face-x4"
"""Name of the model that upscales the faces in photos if none is named."""


@dataclass(frozen=True)
class ModelFile:
    """The path of an ONNX file, with its card and expected hash."""

    name: str
    """Name on the card; without a card, the name of the file without its suffix."""
    path: Path
    card: ModelCard | None
    """None if there is no card beside the file."""
    expected_sha256: str | None
    """SHA-256 on the card, 64 hexadecimal digits; None without a card."""
    is_installed: bool
    """Whether the file has a card and is in a model folder. Any other file is untrusted:
    `inference.loading.foreign_models` checks it before it is run."""


def model_folders() -> tuple[Path, ...]:
    """Return the folders of models: that of this package, then that of the user.

    If both have a model of one name, the model of this package is used. The user's folder is
    `$SRGAN_GP_MODELS`, or by default `~/.local/share/srgan-gp/models`.
    """
    package = Path(__file__).parents[1]  # the folder srgan_gp
    # A wheel contains the folder `weights` in the package, a clone beside it.
    inside_wheel = package / "weights"
    packaged = inside_wheel if inside_wheel.is_dir() else package.parent / "weights"
    # Not `Path.home`, which raises if the user has no home folder, as in some containers.
    data_home = os.environ.get("XDG_DATA_HOME") or os.path.expanduser("~/.local/share")  # noqa: PTH111
    user_folder = os.environ.get("SRGAN_GP_MODELS") or Path(data_home) / "srgan-gp" / "models"
    return packaged, Path(user_folder)


def list_models(on_refused: Callable[[ModelRefusedError], None] | None = None) -> list[ModelCard]:
    """Read the cards of all installed models: those of this package, then those of the user.

    The user's models are in the folder `$SRGAN_GP_MODELS`, or by default in
    `~/.local/share/srgan-gp/models`. Within a folder, the cards are sorted by name.

    Example:
        >>> "photo-x4" in [card.name for card in list_models()]
        True

    Args:
        on_refused: called with the error of each skipped model; None: the first error is raised.

    Raises:
        ModelRefusedError: a card is not valid, a model file is missing, or a model of the user has
            the name of a packaged one.
        TypeError: `on_refused` is not a function.
    """
    # `cast`: callers may pass any type, such as a name.
    if not (on_refused is None or callable(cast("object", on_refused))):
        raise TypeError(
            f"on_refused must be a function, got {on_refused!r}; list_models() lists all models"
        )
    first_paths: dict[str, Path] = {}  # by name: path of the first card with this name
    cards: list[ModelCard] = []
    for path in _card_paths():
        try:
            first = first_paths.setdefault(path.stem, path)
            if first is not path:  # a card of the user with the name of a packaged model
                raise ModelRefusedError(
                    f"The model card {path} has the name of the shipped {first}, which is used "
                    "instead. Rename its files, and the name in the card."
                )
            model = describe_file(path.with_suffix(".onnx"))
            assert model.card is not None  # `path` is its card
            cards.append(model.card)
        except ModelRefusedError as error:
            if on_refused is None:
                raise
            on_refused(error)
    return cards


def model_names() -> list[str]:
    """List the names of the models in `model_folders()` without reading the cards."""
    return list(dict.fromkeys(path.stem for path in _card_paths()))  # each once


def find_model(name_or_path: str | Path, task: str | None = None) -> ModelFile:
    """Find a model by its name or by the path of its `.onnx` file.

    A known name takes precedence over a file of that name. A card beside the file is read.

    Args:
        name_or_path: a name of `model_names()`, or a path.
        task: one of `cards.TASKS`: the message about an unknown name lists the models for it; None:
            all models.

    Raises:
        ModelRefusedError: there is no such name or file, or its card is not valid.
    """
    named = find_named(str(name_or_path))
    if named is not None:
        return named
    path = Path(name_or_path)
    if is_file(path):
        return describe_file(path)
    if path.suffix.lower() == ".onnx":
        raise ModelRefusedError(f"There is no model file {path}. Check the path.")
    raise unknown_model(str(name_or_path), task, takes_path=True)


def unknown_model(
    name: str, task: str | None = None, *, takes_path: bool = False
) -> ModelRefusedError:
    """Return the error about an unknown name, with the names of the models for a task or for all.

    A similar name is suggested, whatever its case. If a path can be passed too (`takes_path`), a
    file with this name and the suffix `.onnx` is suggested instead, where there is one.
    """
    cards = list_models(on_refused=lambda _: None)
    known = [card.name for card in cards if task is None or card.task == task]
    file = f"{name}.onnx"
    has_file = takes_path and is_file(Path(file))
    by_lower = {model.lower(): model for model in known}
    close = difflib.get_close_matches(name.lower(), by_lower, n=1)
    similar = [file] if has_file else [by_lower[match] for match in close]
    hint = f"; did you mean {similar[0]}" if similar else ""
    advice = ", or the path of an .onnx file." if takes_path else "."
    return ModelRefusedError(
        f"There is no model {name!r}{hint}; known: "
        f"{', '.join(known) or 'none is installed'}. Pass one of these names{advice}"
    )


def damaged_files(card: ModelCard) -> list[str]:
    """Compare the files of a model in `model_folders()` with the hashes on its card.

    Returns:
        A message for each file that is missing, cannot be read or has another hash.

    Raises:
        ModelRefusedError: the `.onnx` itself is missing.
    """
    from srgan_gp.system.files import hash_file  # slow to import, and used here only

    folder = find_model(card.name).path.parent
    messages: list[str] = []
    for file in card.files.values():
        path = folder / file.name
        try:
            sha256 = hash_file(path)
        except OSError as error:
            messages.append(f"{card.name}: {path} cannot be read ({error.strerror}).")
            continue
        if sha256 != file.sha256:
            messages.append(
                f"{card.name}: {path} is damaged: its SHA-256 starts with {sha256[:12]}, on the "
                f"card with {file.sha256[:12]}. Install it again."
            )
    return messages


def names_in(package: str) -> list[str]:
    """List the names of the modules of a package without importing the modules.

    The choices of options that name a module, such as `--generator`, come from here.

    >>> "catalog" in names_in("srgan_gp.models")
    True
    """
    spec = find_spec(package)
    folders = spec.submodule_search_locations if spec else None
    return [module.name for module in pkgutil.iter_modules(folders or [])]


def _card_paths() -> Iterator[Path]:
    """Yield the paths of all cards in `model_folders()`, sorted by name within a folder."""
    # By real path: `$SRGAN_GP_MODELS` may be the packaged folder, whose cards are yielded once.
    folders = {folder.resolve(): folder for folder in model_folders()}
    for folder in folders.values():
        if is_folder(folder):
            yield from sorted(folder.glob("*.toml"), key=attrgetter("stem"))


def find_named(name: str) -> ModelFile | None:
    """Find a model in `model_folders()` by its name; None: there is none.

    Raises:
        ModelRefusedError: its card is not valid.
    """
    for card in _card_paths():
        if card.stem == name:
            return describe_file(card.with_suffix(".onnx"))
    return None


def describe_file(path: Path) -> ModelFile:
    """Return path, card and expected hash of an ONNX file.

    Raises:
        ModelRefusedError: the card beside the file is not valid, or describes another file; or
            there is a card and no ONNX file.
    """
    card, card_path = None, path.with_suffix(".toml")
    if os.path.lexists(card_path):  # also if it is a broken link: the error then names the card
        card = read_card(card_path)
        if card.files["onnx"].name != path.name:
            raise ModelRefusedError(f"The model card {card_path} does not describe {path.name}.")
        if not is_file(path):
            raise ModelRefusedError(
                f"The model file {path} is missing; install or export it again, or remove its card."
            )
    folders = [folder.resolve() for folder in model_folders()]
    return ModelFile(
        name=card.name if card else path.stem,
        path=path,
        card=card,
        expected_sha256=card.files["onnx"].sha256 if card else None,
        is_installed=card is not None and path.parent.resolve() in folders,
    )
