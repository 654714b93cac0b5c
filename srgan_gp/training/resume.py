"""Resuming a run, loading initial weights, and the lock and the options in its folder."""

import math
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn

from srgan_gp.errors import UsageError
from srgan_gp.networks.tails import DirectTail, at_smaller_scale
from srgan_gp.system.file_locks import locked
from srgan_gp.system.files import sweep
from srgan_gp.system.write_errors import errors_about
from srgan_gp.training import checkpoint
from srgan_gp.training.checkpoint import Progress, TrainingState
from srgan_gp.training.device import choose_precision, describe_machine
from srgan_gp.training.options.config import TrainConfig
from srgan_gp.training.options.config_file import list_differences, load_config, save_config
from srgan_gp.training.run_data import CONFIG_NAME, require_same_data, save_data
from srgan_gp.training.weights_file import (
    ONNX,
    is_constant,
    read_metadata,
    read_network,
    read_tensors,
)

TAIL = "tail.0."
"""Prefix of the parameters of a direct tail in a generator."""


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
    require_same_data(data, validation, run_dir)
    state.restore(*found)
    return True


def require_same_options(config: TrainConfig, run_dir: Path, causes: Sequence[str] = ()) -> None:
    """Check that the run in `run_dir`, if there is one, has these options.

    Args:
        config: options of the run that is to be resumed.
        run_dir: folder of the run.
        causes: options that others were derived from; the message names them first.

    Raises:
        UsageError: `run_dir` belongs to a run with other options.
        TrainingError: the options of that run cannot be read.
    """
    if not checkpoint.list_checkpoints(run_dir / "checkpoints"):
        return
    before = load_config(run_dir / CONFIG_NAME)
    if differences := list_differences(config, before):
        first = list_differences(config, before, causes)
        others = [difference for difference in differences if difference not in first]
        link = ", and with it " if first and others else ""
        raise UsageError(
            f"{run_dir} holds a run with other options: {'; '.join(first)}{link}"
            f"{'; '.join(others)}. "
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
    # A choice by `auto` is always stated, so that the user sees what it was.
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
    is_other_precision = bool(old_precision) and precision != old_precision
    if changes or is_other_precision:
        parts.append("The weights will not be bit-identical to those of an uninterrupted run.")
    return " ".join(parts)


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
        UsageError, PictureError: as for `save_data`.
    """
    for name in ("", "checkpoints", "previews"):
        sweep(run_dir / name)
    save_config(config, run_dir / CONFIG_NAME)
    save_data(data, validation, run_dir)


def load_weights(
    network: nn.Module, path: Path, *, options: str = "generator, its generator_args and scale"
) -> None:
    """Load a model's weights into a network of the same architecture.

    A generator with a direct tail also takes those of a model whose scale is a multiple of its own.

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
        # Constants of the graph belong to no network.
        found = {name: v for name, v in found.items() if name in expected or not is_constant(name)}
    if isinstance(getattr(network, "tail", None), DirectTail):
        found = _with_tail_of(found, expected)
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


def _with_tail_of(
    found: dict[str, Tensor], expected: Mapping[str, tuple[int, ...]]
) -> dict[str, Tensor]:
    """Convert a direct tail to the expected scale, where that is a divisor of its own."""
    tail = found.get(f"{TAIL}weight")
    channels = expected[f"{TAIL}weight"][0]
    if tail is None or len(tail) <= channels:
        return found
    scale, smaller = (math.isqrt(count // 3) for count in (len(tail), channels))
    if len(tail) != 3 * scale**2 or scale % smaller:
        return found
    return {
        name: at_smaller_scale(values, scale, smaller) if name.startswith(TAIL) else values
        for name, values in found.items()
    }


def load_critic(critic: nn.Module, path: Path) -> None:
    """Load the critic that was exported with the generator at `path`, if there is one.

    Its file is `NAME.critic.safetensors` beside `path`.

    Raises:
        UsageError: the file cannot be read or belongs to another architecture.
    """
    beside = path.with_suffix(".critic.safetensors")
    if beside.is_file():
        options = "critic, critic_width, critic_stages, critic_conditional, critic_norm and scale"
        metadata = read_metadata(beside)
        if "architecture" in metadata:
            _, architecture, arguments = read_network(beside)
            arguments["norm"] = metadata.get("norm", "none")
            sizes = ", ".join(f"{name} {value}" for name, value in arguments.items())
            options = f"critic {architecture} ({sizes})"
        load_weights(critic, beside, options=options)
