"""The command to type next: after a training run, and with a new model."""

import shlex
from pathlib import Path

from srgan_gp.models.cards import FACES
from srgan_gp.models.catalog import model_folders


def after_run(run_dir: Path, name: str | None = None) -> str:
    """Return the command that installs the model of a training run.

    Args:
        run_dir: folder of the run.
        name: of the model; None: made from the name of the folder.
    """
    safe = "".join(c if c.isalnum() and c.isascii() else "-" for c in run_dir.resolve().name)
    words = ["srgan-gp", "export", str(run_dir), "--name", name or safe.strip("-") or "mine"]
    return f"Next: {shlex.join([*words, '-o', str(model_folders()[-1])])}"


def after_model(task: str, model: str) -> str:
    """Return the command that uses a model.

    Args:
        task: one of `cards.TASKS`.
        model: its name, or the path of its `.onnx`.
    """
    words = ["srgan-gp", "upscale", "photo.jpg"]
    if task == FACES:
        words = ["srgan-gp", "generate", "--seeds", "0-15", "--grid", "4x4", "-o", "faces.png"]
    return f"Next: {shlex.join([*words, '--model', model])}"
