"""Check of the name of a new model, before the model is made.

`finetune` and `import` use it.
"""

from srgan_gp.errors import UsageError
from srgan_gp.models.catalog import check_name, model_folders, model_names
from srgan_gp.system.paths import is_file


def require_free_name(name: str) -> None:
    """Check that a name is valid, and that no model has it, which would be replaced.

    Raises:
        UsageError: the name is not valid, or a model has it.
    """
    user_folder = model_folders()[-1]
    check_name(name, user_folder)
    # `model_names` lists models with a card; the user may have put a file without a card there.
    if is_file(user_folder / f"{name}.onnx") or name in model_names():
        raise UsageError(
            f"There is a model {name!r} already. Choose another name, or remove that "
            f"model: srgan-gp models remove {name}."
        )
