"""What an export reads from a training run: identity, truncation, and whether the run has ended.

Identity and truncation (the default factor of a face generator's latents) are entries of the
model's card, the TOML file that `models.cards` reads. Most of them come from the file `data.json`,
which `training.run_data` writes into the folder of the run.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from srgan_gp.training.options.config import TrainConfig
from srgan_gp.training.run_data import CONFIG_NAME, read_data

_LATER_OPTIONS = {"critic_detail": False, "detail_ratio": 4.0}
"""Options that are newer than some hashes of runs, with their first defaults. With this value such
an option is not hashed, so that the hash of a run does not change when a later version resumes it.
"""
_LATER_ARGUMENTS = ("noise_maps=0",)
"""Such arguments of generators, with their defaults, as in `TrainConfig.generator_args`."""


def describe_run(run_dir: Path) -> dict[str, str]:
    """Return what identifies a run on the card of its model.

    Returns:
        Fields of `models.cards.TrainingRecord`: `options_sha256`, the hash of `config.json`;
        `run_sha256`, which does not change when a run is continued to a greater length; and
        `commit`, "" if it is not known.

    Raises:
        OSError: the folder has no readable options.
        ValueError, AttributeError: `config.json` is not a JSON object.
    """
    options, data = (run_dir / CONFIG_NAME).read_bytes(), read_data(run_dir)
    return {
        "options_sha256": hashlib.sha256(options).hexdigest(),
        "run_sha256": _hash_run(options, data),
        "commit": str(data.get("commit", "")),
    }


def is_of_run(card: Mapping[str, Any], run_dir: Path) -> bool:
    """Return whether a card says that its model was exported from the run in a folder.

    Args:
        card: content of the TOML file, which may be incomplete.
        run_dir: folder of the run, which may be missing.
    """
    training = card.get("training")
    recorded_hash = training.get("run_sha256") if isinstance(training, dict) else None
    if not recorded_hash:
        return False
    try:
        return describe_run(run_dir)["run_sha256"] == recorded_hash
    except (OSError, ValueError, AttributeError):  # those of `describe_run`
        return False


def truncation_of_start_model(run_dir: Path) -> float | None:
    """Return the default truncation of the model that a run started from; None if it has none."""
    return _number_of_start_model(run_dir, "truncation")


def smoothing_of_start_model(run_dir: Path) -> float:
    """Return the share of the filter of the face generator that a run started from; 0: no filter.

    The share is that of `export_changes.smooth_faces`.
    """
    return _number_of_start_model(run_dir, "smoothing") or 0.0


def _number_of_start_model(run_dir: Path, key: str) -> float | None:
    """Return a number that data.json has about the model that a run started from; None: none."""
    start = read_data(run_dir).get("start_from")
    number = start.get(key) if isinstance(start, dict) else None
    return float(number) if isinstance(number, float | int) else None


def describe_unfinished(config: TrainConfig, progress: Mapping[str, Any]) -> str:
    """Return a warning about a run that has not ended; "" if it has."""
    # Checkpoints of early versions have no `ended_because`.
    if progress.get("ended_because") or progress["images_seen"] >= config.total_images:
        return ""
    return (
        f"The run is unfinished: it has seen {progress['images_seen']} of {config.total_images} "
        "images. The command that began the run resumes it."
    )


def _hash_run(options: bytes, data: dict[str, Any]) -> str:
    """Hash the options that may not change within a run, its images, and the model it began from.

    Returns:
        64 hexadecimal digits; "" if `data`, the content of `data.json`, does not have the images.
    """
    if "fingerprint" not in data:
        return ""
    changeable = {field.name for field in fields(TrainConfig) if field.metadata["may_change"]}
    values = {name: value for name, value in json.loads(options).items() if name not in changeable}
    fixed = {
        name: value
        for name, value in values.items()
        if name not in _LATER_OPTIONS or value != _LATER_OPTIONS[name]
    }
    if "generator_args" in fixed:
        fixed["generator_args"] = [
            text for text in fixed["generator_args"] if text not in _LATER_ARGUMENTS
        ]
    start = data.get("start_from")
    identity = [fixed, data["fingerprint"], data.get("validation"), start]
    return hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
