"""Models before and after fine-tuning: those that it can start from, and a zip of the result."""

import zipfile
from pathlib import Path

from srgan_gp.errors import UsageError
from srgan_gp.models.cards import UPSCALING, ModelCard
from srgan_gp.models.catalog import find_model, model_folders
from srgan_gp.models.helper_networks import SQUEEZENET
from srgan_gp.serving.jobs.loaded_models import cards_for
from srgan_gp.serving.server_settings import ServerSettings
from srgan_gp.system.files import atomic_write
from srgan_gp.system.write_errors import convert_write_errors


def can_start_from(card: ModelCard, settings: ServerSettings) -> bool:
    """Return whether fine-tuning can start from a model on this server.

    Training a model with a critic needs the feature network (SqueezeNet 1.1). An imported model, a
    network of another project, cannot be trained.

    Args:
        card: card of the model.
        settings: settings of the server, which may name the file of a feature network.
    """
    if card.imported is not None:
        return False
    if "critic" not in card.files:
        return True
    return settings.feature_weights is not None or SQUEEZENET.installed() is not None


def require_start_model(name: str, settings: ServerSettings) -> None:
    """Check that fine-tuning can start from an upscaling model on this server.

    Args:
        name: name of a model that `cards_for` lists for upscaling; none of these is imported.
        settings: settings of the server.

    Raises:
        UsageError: the model needs a feature network, which is not installed.
    """
    cards = {card.name: card for card in cards_for(UPSCALING)}
    if can_start_from(cards[name], settings):
        return
    # Not empty: the package contains upscaling models without a critic, such as photo-x4-psnr.
    usable = [card.name for card in cards.values() if can_start_from(card, settings)]
    raise UsageError(
        f"Training {name} needs a feature network, which this server does not have. Start from "
        f"one of {', '.join(usable)}, or ask the operator for `srgan-gp fetch feature-network`."
    )


def zip_of_model(name: str, folder: Path) -> Path:
    """Write a zip of the files of a model, to be unpacked into a folder of models.

    Args:
        name: name of the model.
        folder: directory for the zip; created if missing.

    Returns:
        Path of the zip.

    Raises:
        UsageError: the model was removed.
        OutputError: the zip cannot be written.
    """
    with convert_write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    zip_path = folder / f"{name}.zip"
    paths = _files_of_model(name)
    with (
        atomic_write(zip_path) as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for path in paths:
            archive.write(path, path.name)
    return zip_path


def _files_of_model(name: str) -> list[Path]:
    """Return the paths of the card and the files of a model in the user's folder of models.

    Raises:
        UsageError: the folder has no such model.
    """
    user_folder = model_folders()[-1]  # the folder into which models are installed
    if name not in {path.stem for path in user_folder.glob("*.toml")}:
        raise UsageError(f"The model {name} was removed.")
    model = find_model(name)  # in this folder: a new model gets no name of the package
    assert model.card is not None  # the folder has a card of this name
    folder = model.path.parent
    files = [folder / record.name for record in model.card.files.values()]
    return [folder / f"{name}.toml", *files]
