"""Start of a run: its newest checkpoint or initial weights, the lock and the options in its folder.

`loop.train` calls these functions before the first step. A run is resumed by the call that started
it, with equal options and images. `data` names folders and zip files of training images;
`validation` names those of validation images, or is None.
"""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch

from srgan_gp.system.file_locks import locked
from srgan_gp.system.files import remove_abandoned_files
from srgan_gp.system.write_errors import convert_write_errors
from srgan_gp.training import checkpoint
from srgan_gp.training.checkpoint import Progress, TrainingState
from srgan_gp.training.device import choose_precision, describe_machine
from srgan_gp.training.options.config import TrainConfig
from srgan_gp.training.options.config_file import require_equal_options, save_config
from srgan_gp.training.run_data import (
    CONFIG_NAME,
    FINETUNE_LIST,
    RUN_CARD,
    has_begun,
    require_same_data,
    save_data,
)


def load_checkpoint(
    state: TrainingState,
    config: TrainConfig,
    data: Sequence[str],
    validation: str | None,
    run_dir: Path,
) -> bool:
    """Load the newest checkpoint of `run_dir` into `state`; return whether there is one.

    Raises:
        UsageError: `run_dir` belongs to a run with other options or other images.
        TrainingError: every checkpoint is damaged, or the newest does not fit the networks.
    """
    newest = checkpoint.newest(run_dir / "checkpoints")
    if newest is None:
        return False
    require_same_options(config, run_dir)
    require_same_data(data, validation, run_dir)
    tensors, numbers = newest
    state.restore(tensors, numbers)
    return True


def require_same_options(config: TrainConfig, run_dir: Path, causes: Sequence[str] = ()) -> None:
    """Check that the checkpoints in `run_dir`, if there are any, are of a run with these options.

    Args:
        config: options of the run that is to be resumed.
        run_dir: folder of the run.
        causes: names of options that determine other options, such as `total_images` in a
            fine-tuning. The message lists those of them that differ first.

    Raises:
        UsageError: `run_dir` belongs to a run with other options.
        TrainingError: the options of that run cannot be read.
    """
    if checkpoint.list_checkpoints(run_dir / "checkpoints"):
        require_equal_options(config, run_dir / CONFIG_NAME, causes)


def update_machine(progress: Progress, config: TrainConfig, device: torch.device) -> str:
    """Store the machine and the precision of this process in `progress`.

    A precision of `auto` is chosen again when a run is resumed: bf16 is several times slower than
    fp32 on a CPU without instructions for it.

    Args:
        progress: numbers of the run, with the machine and the precision of the checkpoint, which
            are empty in a new run.
        config: options.
        device: device of the networks.

    Returns:
        A message about a resumed run: its precision, if that is `auto` or has changed, and changes
        of the machine. "" for a new run, or if there is nothing to say.
    """
    precision, machine = choose_precision(config.precision, device), describe_machine(device)
    old_precision, old_machine = progress.precision, progress.machine
    progress.precision, progress.machine = precision, machine
    sentences = []
    is_resumed = old_precision != ""
    has_changed, is_auto = is_resumed and old_precision != precision, config.precision == "auto"
    if has_changed or (is_resumed and is_auto):
        origin = ", chosen by --precision auto" if is_auto else ""
        before = f"; before: {old_precision}" if has_changed else ""
        sentences.append(f"The run continues in {precision}{origin}{before}.")
    changes = [
        f"{name} {value}, before: {old_machine[name]}"
        for name, value in machine.items()
        if name in old_machine and old_machine[name] != value
    ]
    if changes:
        sentences.append(f"The machine has changed: {'; '.join(changes)}.")
    if changes or has_changed:
        sentences.append("The weights will not be bit-identical to those of an uninterrupted run.")
    return " ".join(sentences)


@contextmanager
def locked_run(run_dir: Path) -> Generator[None, None, None]:
    """Lock `run_dir` against other runs; create it if it is missing.

    Raises:
        LockedError: another run is in progress there.
        OutputError: the folder cannot be written.
    """
    with convert_write_errors(run_dir):
        run_dir.mkdir(parents=True, exist_ok=True)
    with locked(run_dir / ".lock", folder=run_dir):
        yield


def save_start(
    config: TrainConfig,
    data: Sequence[str],
    validation: str | None,
    run_dir: Path,
    start_from: Path | None = None,
) -> None:
    """Save options and a description of images and first weights in `run_dir`, before any step.

    Temporary files of a write that was interrupted are removed. So is the card of an earlier
    fine-tuning in this folder, if it made no checkpoint and this run is none. `start_from` is the
    file of the first weights; None: they are random.

    Raises:
        OutputError: the folder cannot be written.
        UsageError, PictureError: as for `save_data`.
    """
    for name in ("", "checkpoints", "previews"):
        remove_abandoned_files(run_dir / name)
    is_finetuning = list(data) == [str(run_dir / FINETUNE_LIST)]  # no other run trains on this list
    if not has_begun(run_dir) and not is_finetuning:  # `has_begun`: there is a checkpoint
        with convert_write_errors(run_dir):
            (run_dir / RUN_CARD).unlink(missing_ok=True)
    save_config(config, run_dir / CONFIG_NAME)
    save_data(data, validation, run_dir, start_from)
