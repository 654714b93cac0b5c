"""Hints for users: the command that installs the model of a training run, or that uses a model."""

import re
import shlex
from pathlib import Path

from srgan_gp.models.cards import FACES
from srgan_gp.models.catalog import model_folders
from srgan_gp.models.new_names import EXIST_ERROR


def next_command_for_run(run_dir: Path, name: str | None = None, exist: str = EXIST_ERROR) -> str:
    """Return the line `Next: ...` with the command that installs the model of a training run.

    Args:
        run_dir: folder of the run.
        name: name of the model; None: the name of the folder, with hyphens for all characters but
            letters and digits; `mine` if nothing else is left.
        exist: one of `new_names.EXIST`: whether the command replaces a model of that name. The
            default is that of `srgan-gp export`, so the command omits it.
    """
    if not name:
        name = re.sub("[^A-Za-z0-9]", "-", run_dir.resolve().name).strip("-")
    command = ["srgan-gp", "export", str(run_dir), "--name", name or "mine"]
    command += ["-o", str(model_folders()[-1])]  # the user's folder
    if exist != EXIST_ERROR:
        command += ["--exist", exist]
    return f"Next: {shlex.join(command)}"


def next_command_for_model(task: str, model: str) -> str:
    """Return the line `Next: ...` with a command that uses a model.

    For a model of faces, the command writes `<name of the model>.png`.

    Args:
        task: task of the model, one of `cards.TASKS`.
        model: name of the model, or path of its `.onnx` file.
    """
    command = ["srgan-gp", "upscale", "photo.jpg"]
    if task == FACES:
        image = f"{Path(model).name.removesuffix('.onnx')}.png"
        command = ["srgan-gp", "generate", "--seeds", "0-15", "--grid", "4x4", "-o", image]
    return f"Next: {shlex.join([*command, '--model', model])}"
