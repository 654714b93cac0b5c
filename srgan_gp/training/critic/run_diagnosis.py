"""Diagnosis of the run in a folder, for the end of a run and for `srgan-gp train --diagnose`.

It adapts the advice of `diagnosis.diagnose`, which names options of `srgan-gp train`, to runs of
`srgan-gp finetune` and to runs that stopped early.
"""

import json
import re
from pathlib import Path

from srgan_gp.errors import UsageError
from srgan_gp.training.critic.diagnosis import diagnose
from srgan_gp.training.run_data import FINETUNE_LIST

_OPTION = re.compile(r"--([a-z]+(?:-[a-z]+)*)(?: ([a-z_,]+)(?=[;.]))?")
"""Option in a message: its name, and its value if one follows and ends the clause."""


def diagnose_run(run_dir: Path) -> list[str]:
    """Diagnose the run in a folder.

    Returns:
        Messages as those of `diagnose`. They name options as the command of the run takes them:
        `--learning-rate` of `train`, `--set learning_rate=...` of `finetune`. After an early stop
        they do not advise to train longer.

    Raises:
        UsageError: the folder holds no log of a run.
    """
    try:
        lines = [json.loads(line) for line in (run_dir / "stats.jsonl").read_text().splitlines()]
        # A `config.json` without the option is of an earlier version, which had one penalty.
        penalty = json.loads((run_dir / "config.json").read_bytes()).get("penalty", "wgan_gp")
    except (OSError, ValueError, AttributeError) as error:
        reason = f"{run_dir} holds no log of a training run: {_reason(error)}"
        if not run_dir.exists():
            reason = f"{run_dir} does not exist"
        raise UsageError(
            f"{reason}. Pass the folder that was the output of srgan-gp train."
        ) from error
    messages = diagnose([line for line in lines if isinstance(line, dict)], penalty)
    if _has_stopped_early(run_dir):
        messages = [re.sub("train longer, (or )?", "", message) for message in messages]
    if (run_dir / FINETUNE_LIST).exists():  # `finetune` writes this list of its images
        messages = [_OPTION.sub(_write_for_finetune, message) for message in messages]
    return messages


def _write_for_finetune(option: re.Match[str]) -> str:
    """Write an option that `_OPTION` has found, such as `--drift-weight`, as `finetune` takes it.

    The result is `--set drift_weight=...`, with three dots if the message names no value.
    """
    name, value = option[1].replace("-", "_"), option[2] or "..."
    return f"--set {name}={value}"


def _reason(error: Exception) -> str:
    """Return why a log cannot be read, as a part of a sentence."""
    if isinstance(error, FileNotFoundError):
        return f"there is no {Path(error.filename).name} in it"
    if isinstance(error, OSError):
        return f"it cannot be read ({error.strerror})"
    return "its log is damaged"


def _has_stopped_early(run_dir: Path) -> bool:
    """Return whether the newest checkpoint of a run records a reason for an early stop.

    False if there is no readable checkpoint.
    """
    try:
        # The names sort by images seen, which are written with nine digits. `max` raises a
        # ValueError without any checkpoint.
        newest = max((run_dir / "checkpoints").glob("image-*.json"))
        return bool(json.loads(newest.read_bytes()).get("ended_because"))
    except (OSError, ValueError, AttributeError):
        return False
