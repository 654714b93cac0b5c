"""Saved options of a run: writing and reading its config.json, and comparing two sets of options.

config.json has the fields of `TrainConfig` by name. Files of earlier versions are read too. Imports
no torch.
"""

import json
import warnings
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from srgan_gp.errors import TrainingError, UsageError
from srgan_gp.system.files import atomic_write_bytes
from srgan_gp.training.options import generator_args
from srgan_gp.training.options.config import TrainConfig

_REMOVED: dict[str, object] = {"grid_weight": 0.0, "most_grid": None}
"""Options of earlier versions that no longer exist, with the defaults they had."""


def save_config(config: TrainConfig, path: Path) -> None:
    """Write the options as JSON.

    Raises:
        OutputError: the file cannot be written.
    """
    atomic_write_bytes(path, json.dumps(asdict(config), indent=2).encode())


def load_config(path: Path) -> TrainConfig:
    """Read the options of an earlier run.

    Options that no longer exist are ignored, with a warning if they were set.

    Raises:
        TrainingError: the file does not hold the options of a run.
        UsageError: one of the options has a value that this version does not accept.
    """
    try:
        values = json.loads(path.read_text())
        for name, value in values.items():
            if isinstance(value, list):  # JSON has no tuples
                values[name] = tuple(value)
        removed = {name: values.pop(name) for name in _REMOVED if name in values}
        config = TrainConfig(**generator_args.upgrade(values))  # options of version 0.1 too
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise TrainingError(f"{path} does not hold the options of a run: {error}.") from error
    ignored = [f"{name} {value}" for name, value in removed.items() if value != _REMOVED[name]]
    if ignored:
        warnings.warn(
            f"{path} holds options that no longer exist and are ignored: {', '.join(ignored)}.",
            stacklevel=2,
        )
    return config


def require_equal_options(config: TrainConfig, path: Path, causes: Sequence[str] = ()) -> None:
    """Check that a run with saved options can be resumed with other options.

    Args:
        config: options of this call.
        path: config.json in the folder of the run.
        causes: names of options that determine other options, such as `total_images`. If one of
            them differs, the message names it before the others, which may differ because of it.

    Raises:
        UsageError: options differ that may not change within a run.
        TrainingError: the saved options cannot be read.
    """
    saved = load_config(path)
    differences = list_differences(config, saved)
    if not differences:
        return
    of_causes = list_differences(config, saved, causes)
    others = [difference for difference in differences if difference not in of_causes]
    link = ", and with it " if of_causes and others else ""
    listed = f"{'; '.join(of_causes)}{link}{'; '.join(others)}"
    raise UsageError(
        f"{path.parent} holds a run with other options: {listed}. "
        "Choose another output folder with -o, or the same options to resume."
    )


def list_differences(
    now: TrainConfig, before: TrainConfig, names: Sequence[str] | None = None
) -> list[str]:
    """Describe the options that differ and may not change within a run.

    Args:
        now: options of this call.
        before: options of the run.
        names: describe these options instead, whether they may change or not.

    Returns:
        A text for each option, such as "batch_size (16, before: 32)". `generator_args` has a text
        for each argument that differs.
    """
    differences: list[tuple[str, Any, Any]] = []  # name, value now, value before
    for option in fields(TrainConfig):
        new, old = getattr(now, option.name), getattr(before, option.name)
        is_skipped = option.metadata["may_change"] if names is None else option.name not in names
        if is_skipped or new == old:
            continue
        if option.name == "generator_args" and now.generator == before.generator:
            # Both have every argument of the generator: `parse_arguments` adds the defaults.
            new_args = generator_args.parse_arguments(now.generator, new)
            old_args = generator_args.parse_arguments(now.generator, old)
            for name in new_args:
                if new_args[name] != old_args[name]:
                    differences.append((name, new_args[name], old_args[name]))
        else:
            differences.append((option.name, new, old))
    return [f"{name} ({new}, before: {old})" for name, new, old in differences]
