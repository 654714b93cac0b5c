"""Diagnosis of the run in a folder, with advice that fits its command and its end."""

import json
import re
from contextlib import suppress
from pathlib import Path

from srgan_gp.errors import UsageError
from srgan_gp.training.critic.diagnosis import diagnose

FINETUNE_LIST = "train.list"
"""File in the folder of a fine-tuning, whose options are set by `--set`."""
_OPTION = re.compile(r"--([a-z]+(?:-[a-z]+)*)(?: ([a-z_,]+)(?=[;.]))?")


def diagnose_run(run_dir: Path) -> list[str]:
    """Diagnose the run in a folder; see `diagnose`.

    The advice names options as the command of the run takes them: `--learning-rate` of `train`,
    `--set learning_rate=...` of `finetune`. It does not say to train longer after an early stop.

    Raises:
        UsageError: the folder holds no log of a run.
    """
    try:
        lines = [json.loads(line) for line in (run_dir / "stats.jsonl").read_text().splitlines()]
        penalty = json.loads((run_dir / "config.json").read_bytes()).get("penalty", "wgan_gp")
    except (OSError, ValueError, AttributeError) as error:
        reason = f"{run_dir} holds no log of a training run: {_reason(error)}"
        if not run_dir.exists():
            reason = f"{run_dir} does not exist"
        raise UsageError(
            f"{reason}. Pass the folder that was the output of srgan-gp train."
        ) from error
    found = diagnose([line for line in lines if isinstance(line, dict)], penalty)
    if _has_stopped_early(run_dir):
        found = [re.sub("train longer, (or )?", "", line) for line in found]
    if (run_dir / FINETUNE_LIST).exists():
        found = [_OPTION.sub(_as_set, line) for line in found]
    return found


def _as_set(option: re.Match[str]) -> str:
    """Return an option of `train`, with its value if it has one, as `finetune` takes it."""
    return f"--set {option[1].replace('-', '_')}={option[2] or '...'}"


def _reason(error: Exception) -> str:
    """Return why a log cannot be read."""
    if isinstance(error, FileNotFoundError):
        return f"there is no {Path(error.filename).name} in it"
    if isinstance(error, OSError):
        return f"it cannot be read ({error.strerror})"
    return "its log is damaged"


def _has_stopped_early(run_dir: Path) -> bool:
    """Return whether the newest checkpoint of a run records a reason for an early stop."""
    with suppress(OSError, ValueError, AttributeError, IndexError):
        newest = max((run_dir / "checkpoints").glob("image-*.json"))
        return bool(json.loads(newest.read_bytes()).get("ended_because"))
    return False
