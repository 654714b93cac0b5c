"""Removal of a model's files from the user's folder of models."""

from pathlib import Path

from srgan_gp.errors import UsageError
from srgan_gp.models.catalog import model_folders, model_names, unknown_model
from srgan_gp.system.paths import is_file
from srgan_gp.system.write_errors import errors_about

_SUFFIXES = (".toml", ".onnx", ".int8.onnx", ".critic.safetensors", ".safetensors")
"""Suffixes of a model's files, those of earlier versions included; the card is removed first, so
that the model is not listed any more."""


def remove_model(name: str) -> list[Path]:
    """Remove the files of a model from the user's folder, also of one whose card is not valid.

    Args:
        name: name of the model.

    Returns:
        Paths of the files that were removed.

    Raises:
        UsageError: it is a shipped model.
        ModelRefusedError: there is no such model.
        OutputError: a file cannot be removed.
    """
    packaged, folder = model_folders()
    is_name = name == Path(name).name and folder.resolve() != packaged.resolve()
    paths = [folder / f"{name}{suffix}" for suffix in _SUFFIXES]
    found = [path for path in paths if is_name and is_file(path)]
    if not any(path.suffix in (".toml", ".onnx") for path in found):
        if name in model_names():
            raise UsageError(f"{name} is a shipped model, which is not removed.")
        raise unknown_model(name)
    for path in found:
        with errors_about(path):
            path.unlink()
    return found
