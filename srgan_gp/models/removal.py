"""Removal of a model's files from the user's folder of models, for `srgan-gp models remove`."""

from pathlib import Path

from srgan_gp.errors import UsageError
from srgan_gp.models.catalog import model_folders, model_names, unknown_model
from srgan_gp.system.paths import is_file
from srgan_gp.system.write_errors import convert_write_errors

_SUFFIXES = (".toml", ".onnx", ".int8.onnx", ".critic.safetensors", ".safetensors")
"""Suffixes of the files of a model, also those of earlier versions of this package, in the order of
their removal. The card, `.toml`, comes first: without the card the model is not listed, even if a
later removal fails."""


def files_of(name: str, folder: Path) -> list[Path]:
    """Return the paths of the existing files of a model in a folder, the card first."""
    paths = [folder / f"{name}{suffix}" for suffix in _SUFFIXES]
    return [path for path in paths if is_file(path)]


def remove_model(name: str) -> list[Path]:
    """Remove the files of a model from the user's folder, even if its card is not valid.

    Args:
        name: name of the model.

    Returns:
        Paths of the files that were removed.

    Raises:
        UsageError: the name is that of a shipped model.
        ModelRefusedError: there is no such model.
        OutputError: a file cannot be removed.
    """
    packaged, user_folder = model_folders()
    files: list[Path] = []
    # No files, which refuses the name: a name with a folder could lead to other files, and in the
    # packaged folder, which the user may have named as the own one, are the shipped models.
    if name == Path(name).name and user_folder.resolve() != packaged.resolve():
        files = files_of(name, user_folder)
    # A model has a card or an ONNX file (float32 or int8). Other files alone, such as a critic, are
    # no model.
    if not any(path.suffix in (".toml", ".onnx") for path in files):
        if name in model_names():
            raise UsageError(f"{name} is a shipped model, which is not removed.")
        raise unknown_model(name)
    for path in files:
        with convert_write_errors(path):
            path.unlink()
    return files
