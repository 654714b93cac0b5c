"""Resuming a run, loading initial weights, and the record of options and data in its folder."""

import hashlib
import json
import subprocess
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from srgan_gp.data.image_sources import fingerprint, list_all_images
from srgan_gp.errors import TrainingError, UsageError
from srgan_gp.system.file_locks import locked
from srgan_gp.system.files import atomic_write_bytes, sweep
from srgan_gp.system.write_errors import errors_about
from srgan_gp.training import checkpoint
from srgan_gp.training.checkpoint import Progress, TrainingState
from srgan_gp.training.device import choose_precision, describe_machine
from srgan_gp.training.options.config import TrainConfig
from srgan_gp.training.options.config_file import list_differences, load_config, save_config
from srgan_gp.training.weights_file import ONNX, is_constant, read_tensors

CONFIG_NAME = "config.json"
DATA_NAME = "data.json"


def load_checkpoint(
    state: TrainingState,
    config: TrainConfig,
    data: Sequence[str],
    validation: str | None,
    run_dir: Path,
) -> bool:
    """Load the newest checkpoint of `run_dir` into `state`.

    Returns:
        False if there is none.

    Raises:
        UsageError: `run_dir` belongs to a run with other options or other images.
        TrainingError: every checkpoint is damaged, or the newest does not fit.
    """
    found = checkpoint.newest(run_dir / "checkpoints")
    if found is None:
        return False
    require_same_options(config, run_dir)
    _require_same_data(data, validation, run_dir)
    state.restore(*found)
    return True


def require_same_options(config: TrainConfig, run_dir: Path) -> None:
    """Check that the run in `run_dir`, if there is one, has these options.

    Raises:
        UsageError: `run_dir` belongs to a run with other options.
        TrainingError: the options of that run cannot be read.
    """
    if not checkpoint.list_checkpoints(run_dir / "checkpoints"):
        return
    differences = list_differences(config, load_config(run_dir / CONFIG_NAME))
    if differences:
        raise UsageError(
            f"{run_dir} holds a run with other options: {'; '.join(differences)}. "
            "Choose another output folder, or the same options to resume."
        )


def note_machine(progress: Progress, config: TrainConfig, device: torch.device) -> str:
    """Store the machine and the precision of the run in `progress`.

    A precision of `auto` is chosen for each machine: bf16 is several times slower than fp32 on a
    CPU without instructions for it.

    Returns:
        For a resumed run a message with the precision that `auto` chose and the one before, and
        other differences; empty for a new run, or if nothing differs.
    """
    precision, machine = choose_precision(config.precision, device), describe_machine(device)
    old_precision, old_machine = progress.precision, progress.machine
    progress.precision, progress.machine = precision, machine
    parts = []
    if old_precision and (config.precision == "auto" or precision != old_precision):
        chosen = ", chosen by --precision auto" if config.precision == "auto" else ""
        parts.append(f"The run continues in {precision}{chosen}; before: {old_precision}.")
    changes = [
        f"{name} {value}, before: {old_machine[name]}"
        for name, value in machine.items()
        if old_machine.get(name, value) != value
    ]
    if changes:
        parts.append(f"The machine has changed: {'; '.join(changes)}.")
    if changes or precision != (old_precision or precision):
        parts.append("The weights will not be bit-identical to those of an uninterrupted run.")
    return " ".join(parts)


def _require_same_data(data: Sequence[str], validation: str | None, run_dir: Path) -> None:
    """Check that a run continues with its own images.

    Other training images would change the order of the batches; other validation images would make
    the scores that choose the best checkpoint incomparable.
    """
    path = run_dir / DATA_NAME
    if not path.exists():  # a run of a version that did not write it
        return
    now = _describe_data(data, validation)
    try:
        before = json.loads(path.read_bytes())
        sets = {
            "--data": (before, now),
            # An earlier version did not save these.
            "--validation": (before.get("validation", now["validation"]), now["validation"]),
        }
        counts = {
            option: (then["pictures"], present["pictures"])
            for option, (then, present) in sets.items()
            if then["fingerprint"] != present["fingerprint"]
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise TrainingError(f"{path} does not describe the images of a run: {error}.") from error
    for option, (then, present) in counts.items():
        raise UsageError(
            f"{run_dir} holds a run on other images: {then} then, {present} now, or different in "
            f"name, size or order. Pass the same {option} to resume, or choose another output "
            "folder."
        )


def _describe_data(data: Sequence[str], validation: str | None) -> dict[str, Any]:
    places = [] if validation is None else [validation]
    return _describe_set(data) | {"validation": _describe_set(places)}


def _describe_set(places: Sequence[str]) -> dict[str, object]:
    files = list_all_images(places)
    return {"pictures": len(files), "fingerprint": fingerprint(files)}


@contextmanager
def locked_run(run_dir: Path) -> Generator[None, None, None]:
    """Lock `run_dir` against other runs; create it if it is missing.

    Raises:
        LockedError: another run is in progress there.
        OutputError: the folder cannot be written.
    """
    with errors_about(run_dir):
        run_dir.mkdir(parents=True, exist_ok=True)
    with locked(run_dir / ".lock", run_dir):
        yield


def save_start(
    config: TrainConfig, data: Sequence[str], validation: str | None, run_dir: Path
) -> None:
    """Save options and a description of the images in `run_dir` before the first step.

    Incomplete files of an interrupted run are removed.

    Raises:
        OutputError: the folder cannot be written.
    """
    for name in ("", "checkpoints", "previews"):
        sweep(run_dir / name)
    save_config(config, run_dir / CONFIG_NAME)
    described = _describe_data(data, validation)
    described["commit"] = _read_data(run_dir).get("commit", _current_commit())
    atomic_write_bytes(run_dir / DATA_NAME, json.dumps(described, indent=2).encode())


def describe_run(run_dir: Path) -> dict[str, str]:
    """Return what identifies a run on the card of its model, as `cards.TrainingRecord`."""
    options = (run_dir / CONFIG_NAME).read_bytes()
    return {
        "options_sha256": hashlib.sha256(options).hexdigest(),
        "commit": str(_read_data(run_dir).get("commit", "")),
    }


def _read_data(run_dir: Path) -> dict[str, Any]:
    """Read the description of the images; an empty one if it is missing or damaged."""
    try:
        found = json.loads((run_dir / DATA_NAME).read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _current_commit() -> str:
    """Return the commit of the checkout that this module belongs to; empty if there is none."""
    folder = Path(__file__).parents[2]
    if not (folder / ".git").exists():
        return ""
    command = ["git", "-C", str(folder), "rev-parse", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def load_weights(
    network: nn.Module, path: Path, *, options: str = "generator, its generator_args and scale"
) -> None:
    """Load a model's weights into a network of the same architecture.

    Args:
        network: receives the weights.
        path: an `.onnx` or `.safetensors` file.
        options: names of the options that define the network, for an error message.

    Raises:
        UsageError: the file cannot be read or belongs to another architecture.
    """
    found = {name: torch.from_numpy(values) for name, values in read_tensors(path).items()}
    expected = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    if path.suffix == ONNX:
        found = {name: v for name, v in found.items() if name in expected or not is_constant(name)}
    stored = {name: tuple(value.shape) for name, value in found.items()}
    differing = [name for name in expected | stored if expected.get(name) != stored.get(name)]
    if differing:
        name = differing[0]
        raise UsageError(
            f"{path} holds another network: {len(differing)} tensors differ, such as {name}, "
            f"{stored.get(name, 'missing')} there and {expected.get(name, 'missing')} here. Pass "
            f"the {options} that it was trained with."
        )
    network.load_state_dict(found)


def load_critic(critic: nn.Module, path: Path) -> None:
    """Load the critic that was exported with the generator at `path`, if there is one.

    Raises:
        UsageError: the file cannot be read or belongs to another architecture.
    """
    beside = path.with_suffix(".critic.safetensors")
    if beside.is_file():
        options = "critic, critic_width, critic_stages, critic_conditional and scale"
        load_weights(critic, beside, options=options)
