"""Models that visitors trained: which ones training can start from, and a zip of the files."""

import zipfile
from pathlib import Path

from srgan_gp.errors import UsageError
from srgan_gp.models.cards import ModelCard
from srgan_gp.models.catalog import find_model, model_folders
from srgan_gp.models.helper_networks import FEATURE_NETWORK
from srgan_gp.serving.jobs.loaded_models import cards_for
from srgan_gp.serving.server_settings import ServerSettings
from srgan_gp.system.files import atomic_write
from srgan_gp.system.write_errors import errors_about


def can_start_from(card: ModelCard, settings: ServerSettings) -> bool:
    """Return whether a model can be trained here; one with a critic needs a feature network.

    An imported model has a network that this package does not build.
    """
    if card.imported is not None:
        return False
    if "critic" not in card.files:
        return True
    return settings.feature_weights is not None or FEATURE_NETWORK.installed() is not None


def require_source(name: str, task: str, settings: ServerSettings) -> None:
    """Check that a model can be trained here.

    Args:
        name: name of a listed model for the task.
        task: one of `cards.TASKS`.
        settings: settings of the server.

    Raises:
        UsageError: it needs a feature network, which is not installed.
    """
    cards = {card.name: card for card in cards_for(task)}
    if can_start_from(cards[name], settings):
        return
    others = [card.name for card in cards.values() if can_start_from(card, settings)]
    raise UsageError(
        f"Training {name} needs a feature network, which this server does not have. Start from "
        f"one of {', '.join(others)}, or ask the operator for `srgan-gp fetch feature-network`."
    )


def zip_of_model(name: str, folder: Path) -> Path:
    """Write a zip of the files of a model, to be unpacked into a folder of models.

    Args:
        name: name of the model.
        folder: directory for the zip; created if missing.

    Raises:
        UsageError: the model was removed.
        OutputError: the zip cannot be written.
    """
    with errors_about(folder):
        folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.zip"
    files = _files(name)
    with atomic_write(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for found in files:
            archive.write(found, found.name)
    return path


def _files(name: str) -> list[Path]:
    """Return the card and the files of a model in the user's folder of models.

    Raises:
        UsageError: it is not there.
    """
    if name not in {path.stem for path in model_folders()[-1].glob("*.toml")}:
        raise UsageError(f"The model {name} was removed.")
    found = find_model(name)
    assert found.card is not None  # it has a card of this name
    folder = found.path.parent
    own = [folder / record.name for record in found.card.files.values()]
    return [folder / f"{name}.toml", *own]
