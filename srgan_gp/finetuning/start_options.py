"""Options of a run that build the networks of the model it starts from (`train --start-from`).

A run that is resumed does not need the file: its own configuration has the same options.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from srgan_gp.finetuning.finetune_source import critic_options, generator_options
from srgan_gp.system.paths import is_file
from srgan_gp.training.options.config_file import load_config
from srgan_gp.training.options.generator_args import CRITIC_OPTIONS, GENERATOR_OPTIONS
from srgan_gp.training.run_data import CONFIG_NAME
from srgan_gp.training.weights_file import read_metadata


def read_generator(start_from: Path, run_dir: Path | None) -> dict[str, Any]:
    """Read the options that build the generator of a file; none where the file has no metadata.

    Args:
        start_from: `.onnx` or `.safetensors` file.
        run_dir: folder of the run, which is read if the file is missing.

    Raises:
        UsageError: the file cannot be read, or its network cannot be built.
        TrainingError: the options of the run in `run_dir` cannot be read.
    """
    if is_file(start_from):
        return generator_options(start_from) if read_metadata(start_from) else {}
    return _read_earlier(run_dir, GENERATOR_OPTIONS)


def read_critic(start_from: Path, run_dir: Path | None) -> dict[str, Any]:
    """Read the options that build the critic beside a file; none where there is no critic.

    Args and errors: as for `read_generator`.
    """
    beside = start_from.with_suffix(".critic.safetensors")
    if is_file(beside):
        return critic_options(beside) if read_metadata(beside) else {}
    return {} if is_file(start_from) else _read_earlier(run_dir, CRITIC_OPTIONS)


def _read_earlier(run_dir: Path | None, names: Sequence[str]) -> dict[str, Any]:
    """Read options of the run in a folder; none where there is no run."""
    earlier = run_dir / CONFIG_NAME if run_dir else None
    if earlier is None or not is_file(earlier):
        return {}
    config = load_config(earlier)
    return {name: getattr(config, name) for name in names}
