"""Check of the name of a new model, before the model is made.

The commands `export`, `finetune` and `import` use it, and the app, which never replaces a model.
"""

import re
from pathlib import Path

from srgan_gp.errors import UsageError
from srgan_gp.models.catalog import model_folders, model_names
from srgan_gp.system.paths import is_file

EXIST_ERROR, EXIST_OVERWRITE = "error", "overwrite"
EXIST = (EXIST_ERROR, EXIST_OVERWRITE)
"""Values of the option `--exist`: what to do if another model has the name."""
EXIST_HELP = "what to do if another model has the name [error]"
"""Help of the option `--exist`."""
RESERVED_NAMES = ("verify", "remove")
"""Words that `srgan-gp models` takes in place of a name; no model can have such a name."""


def check_name(name: str, folder: Path) -> None:
    """Check that `name` can be the name of a new model in `folder`.

    The name of a shipped model is refused, except for an update of that model. It is an update if
    the folder has a card of this name already, and is not the user's folder of models.

    Raises:
        UsageError: the name has other characters than letters, digits, `-` and `_`, is reserved, or
            is that of a shipped model.
    """
    if not re.fullmatch("[A-Za-z0-9_-]+", name) or name in RESERVED_NAMES:
        raise UsageError(f"{name!r} is not a valid model name. Use letters, digits, '-' and '_'.")
    packaged, user_folder = model_folders()
    is_update = is_file(folder / f"{name}.toml") and folder.resolve() != user_folder.resolve()
    if is_file(packaged / f"{name}.toml") and not is_update:
        raise UsageError(
            f"{name!r} is the name of a shipped model, which would be used instead of yours. "
            "Choose another name."
        )


def require_free_name(
    name: str, folder: Path | None = None, *, exist: str | None = None, is_same_source: bool = False
) -> str:
    """Check that a name is valid, and that it is free or its model may be replaced.

    Args:
        name: name of the new model.
        folder: folder of the new model; None: the user's folder of models.
        exist: one of `EXIST`; None means `EXIST_ERROR`, and a message that does not name `--exist`.
        is_same_source: whether an existing model of the name comes from the same run or file as the
            new one, so that it may be replaced.

    Returns:
        A message that names the model which will be replaced; "" if there is none.

    Raises:
        UsageError: the name is not valid, or is that of a model that may not be replaced.
    """
    user_folder = model_folders()[-1]
    folder = folder or user_folder
    check_name(name, folder)
    is_user_folder = folder.resolve() == user_folder.resolve()
    # A model may be a file without a card.
    has_files = any(is_file(folder / f"{name}{suffix}") for suffix in (".onnx", ".toml"))
    # A card may be a broken link, which `is_file` does not find.
    is_listed = is_user_folder and name in model_names()
    if not has_files and not is_listed:
        return ""
    if is_same_source:
        return f"Replacing the model {name!r}, which comes from the same source."
    if exist == EXIST_OVERWRITE:
        return f"Replacing the model {name!r}."
    where = "" if is_user_folder else f" in {folder}"
    ways = ["choose another name"]
    if exist is not None:
        ways.append("pass --exist overwrite")
    if is_user_folder:
        ways.append(f"remove that model: srgan-gp models remove {name}")
    advice = f"{', '.join(ways[:-1])}, or {ways[-1]}" if len(ways) > 2 else " or ".join(ways)
    raise UsageError(f"There is a model {name!r} already{where}; {advice}.")
