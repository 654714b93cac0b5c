"""Network options of a run that starts from a model: `srgan-gp train --start-from FILE`.

The options of the generator are read from the metadata of its file, those of the critic from the
file beside it. If the generator's file was removed after the run was begun, the options are read
from the `config.json` of the run.
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


def read_generator_options(start_from: Path, run_dir: Path | None) -> dict[str, Any]:
    """Read the options that build the generator of a file.

    Args:
        start_from: `.onnx` or `.safetensors` file of the generator.
        run_dir: folder of the run, which is read if the file is missing; None: there is no run.

    Returns:
        Values by field of `TrainConfig`; empty if the file has no metadata, or if there is neither
        a file nor a run.

    Raises:
        UsageError: the file cannot be read, or its network cannot be built.
        TrainingError: the options of the run in `run_dir` cannot be read.
    """
    if is_file(start_from):
        return generator_options(start_from) if read_metadata(start_from) else {}
    return _read_options_of_run(run_dir, GENERATOR_OPTIONS)


def read_critic_options(start_from: Path, run_dir: Path | None) -> dict[str, Any]:
    """Read the options that build the critic `NAME.critic.safetensors` beside a generator's file.

    Args, Returns and Raises: as for `read_generator_options`; empty also if only the critic's file
    is missing.
    """
    critic_path = start_from.with_suffix(".critic.safetensors")
    if is_file(critic_path):
        return critic_options(critic_path) if read_metadata(critic_path) else {}
    if is_file(start_from):  # The model has no critic: that of the run's config is not its own.
        return {}
    return _read_options_of_run(run_dir, CRITIC_OPTIONS)


def _read_options_of_run(run_dir: Path | None, names: Sequence[str]) -> dict[str, Any]:
    """Read the options `names` from the `config.json` of a run; empty if there is no run."""
    if run_dir is None or not is_file(run_dir / CONFIG_NAME):
        return {}
    config = load_config(run_dir / CONFIG_NAME)
    return {name: getattr(config, name) for name in names}
