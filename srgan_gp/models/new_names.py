"""Check of the name of a new model, before it is made."""

from srgan_gp.errors import UsageError
from srgan_gp.models.catalog import check_name, model_folders, model_names
from srgan_gp.system.paths import is_file


def require_free_name(name: str) -> None:
    """Check that a name is valid and not the name of an existing model, which it would replace.

    Raises:
        UsageError: it is not valid, or a model has it.
    """
    folder = model_folders()[-1]
    check_name(name, folder)
    # A file without a card was put there by the user.
    if is_file(folder / f"{name}.onnx") or name in model_names():
        raise UsageError(
            f"There is a model {name!r} already. Choose another name, or remove that "
            f"model: srgan-gp models remove {name}."
        )
