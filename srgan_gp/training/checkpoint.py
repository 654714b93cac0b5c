"""Checkpoints: writing, reading and pruning the state from which a run resumes bit for bit.

A checkpoint after 64,000 images is two files: `image-000064000.safetensors` with all tensors of
networks and optimizers, and `image-000064000.json` with the fields of `Progress` ("the numbers"),
the SHA-256 of the first file and that of the numbers. Each file is written atomically, the JSON
last: tensors without a JSON are no checkpoint. Earlier versions wrote no hash of the numbers.
Random generators need no state: each draw depends on seed and image number only (`data.streams`).
"""

import hashlib
import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load as load_safetensors
from safetensors.torch import save as save_safetensors
from torch import Tensor, nn

from srgan_gp.errors import TrainingError
from srgan_gp.system.files import atomic_write_bytes
from srgan_gp.system.write_errors import convert_write_errors
from srgan_gp.training.ema import MovingAverage

_HASH_OF_TENSORS, _HASH_OF_NUMBERS = "sha256", "numbers_sha256"
"""Keys of the two hashes in a checkpoint's JSON; the second covers every other key."""


@dataclass
class Progress:
    """Numbers of a run, which are saved in the checkpoint's JSON under these names.

    Attributes:
        images_seen: training images seen since the start, over all processes.
        step: number of the generator's steps; 0 while the critic warms up.
        best_score: highest `early_stopping.deciding_score` so far, that of the best checkpoint.
        best_images_seen: images seen at the best checkpoint; 0: the start, or no validation so far.
        seconds: duration of the run; time between an interruption and the resuming is not counted.
        validation: scores of the last validation, by name.
        augment_probability: probability of each augmentation of the critic's images, in [0, 1].
        start_validation: scores before the first step; empty if no option needs them.
        best_validation: scores at `best_images_seen`.
        validations_since_best: number of consecutive validations that were not better.
        ended_because: result of `early_stopping.reason_to_end`; empty: the run can be continued.
        precision: precision of the run when it was saved, fp32 or bf16; empty: it has not begun.
        machine: machine on which the run was saved, as returned by `device.describe_machine`.
    """

    images_seen: int = 0
    step: int = 0
    best_score: float = float("-inf")
    best_images_seen: int = 0
    seconds: float = 0.0
    validation: dict[str, float] = field(default_factory=dict)
    augment_probability: float = 0.0
    start_validation: dict[str, float] = field(default_factory=dict)
    best_validation: dict[str, float] = field(default_factory=dict)
    validations_since_best: int = 0
    ended_because: str = ""
    precision: str = ""
    machine: dict[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True)
class TrainingState:
    """Networks, optimizers and numbers of a run; critic and its optimizer are both set or None."""

    generator: nn.Module
    average: MovingAverage
    optimizer: torch.optim.Optimizer
    progress: Progress
    critic: nn.Module | None = None
    critic_optimizer: torch.optim.Optimizer | None = None

    def tensors(self) -> dict[str, Tensor]:
        """Return all tensors, such as `generator.stem.weight` and `optimizer.0.exp_avg`.

        The second is the moment `exp_avg` of the optimizer's parameter number 0.
        """
        tensors = {}
        for owner, network in self._networks().items():
            for name, value in network.state_dict().items():
                tensors[f"{owner}.{name}"] = value
        for owner, optimizer in self._optimizers().items():
            for index, moments in optimizer.state_dict()["state"].items():
                for name, value in moments.items():
                    tensors[f"{owner}.{index}.{name}"] = value
        return tensors

    def restore(self, tensors: dict[str, Tensor], numbers: dict[str, Any]) -> None:
        """Load tensors, named as by `tensors`, and numbers by field of `Progress`.

        Raises:
            TrainingError: a tensor is missing or belongs to another architecture, `step` or
                `images_seen` is missing, or a number is unknown. Another number that is missing is
                left unchanged.
        """
        try:
            for owner, network in self._networks().items():
                network.load_state_dict(tensors_under(f"{owner}.", tensors))
            # Each is 0 before the optimizer's first step, from which on it has moments.
            steps_taken = {"optimizer": numbers["step"], "critic_optimizer": numbers["images_seen"]}
            for owner, optimizer in self._optimizers().items():
                moments = tensors_under(f"{owner}.", tensors)
                if steps_taken[owner] and not moments:
                    raise TrainingError(f"The checkpoint has no moments of the {owner}.")
                _restore_optimizer(optimizer, moments)
            for name, value in numbers.items():
                if not hasattr(self.progress, name):
                    raise TrainingError(f"The checkpoint holds {name!r}, unknown to this version.")
                setattr(self.progress, name, value)
        except (RuntimeError, KeyError, ValueError) as error:
            differences = " ".join(str(error).split())
            raise TrainingError(
                f"The checkpoint does not fit this network: {differences}"
            ) from error

    def _networks(self) -> dict[str, nn.Module]:
        """Networks by the first part of their tensors' names."""
        networks = {"generator": self.generator, "average": self.average.average}
        if self.critic:
            networks["critic"] = self.critic
        return networks

    def _optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """Optimizers by the first part of their tensors' names."""
        optimizers = {"optimizer": self.optimizer}
        if self.critic_optimizer:
            optimizers["critic_optimizer"] = self.critic_optimizer
        return optimizers


def _restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Load the moments of an optimizer, named INDEX.MOMENT, such as `0.exp_avg`."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    moments: dict[int, dict[str, Tensor]] = {}
    for name, saved in tensors.items():
        index, moment = name.split(".", 1)
        # Fused Adam reads memory in storage order: a moment gets the layout of its parameter. A
        # scalar, such as the number of steps, has no layout.
        like = parameters[int(index)].detach() if saved.dim() else saved
        moments.setdefault(int(index), {})[moment] = torch.empty_like(like).copy_(saved)
    if moments and len(moments) != len(parameters):
        raise TrainingError("The checkpoint has moments of some parameters only.")
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": moments, "param_groups": groups})


def save(state: TrainingState, folder: Path) -> Path:
    """Write a checkpoint; return the path of its JSON.

    Raises:
        OutputError: it cannot be written.
    """
    with convert_write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    path = path_of(folder, state.progress.images_seen)
    encoded = save_safetensors({k: v.contiguous().cpu() for k, v in state.tensors().items()})
    atomic_write_bytes(path.with_suffix(".safetensors"), encoded)
    numbers = vars(state.progress) | {_HASH_OF_TENSORS: hashlib.sha256(encoded).hexdigest()}
    numbers |= {_HASH_OF_NUMBERS: _hash_numbers(numbers)}
    atomic_write_bytes(path, json.dumps(numbers, indent=2).encode())
    return path


def path_of(folder: Path, images_seen: int) -> Path:
    """Return the path of the JSON of the checkpoint after `images_seen` images."""
    return folder / f"image-{images_seen:09d}.json"


def newest(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Read the newest undamaged checkpoint of a folder; warn about damaged ones.

    Returns:
        As `read`; None if the folder holds no checkpoint.

    Raises:
        TrainingError: there are checkpoints and all are damaged.
    """
    paths = list_checkpoints(folder)
    for path in reversed(paths):
        try:
            return read(path)
        except TrainingError as error:
            warnings.warn(f"{error} The previous checkpoint is used.", stacklevel=2)
    if paths:
        raise TrainingError(f"Every checkpoint in {folder} is damaged. Start in another folder.")
    return None


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read one checkpoint by the path of its JSON.

    Returns:
        Its tensors, on the CPU and named as by `TrainingState.tensors`, and its numbers, by field
        of `Progress`.

    Raises:
        TrainingError: it is damaged.
    """
    try:
        numbers = json.loads(path.read_bytes())
        hash_of_numbers = numbers.pop(_HASH_OF_NUMBERS, None)  # None: of an earlier version
        if hash_of_numbers not in (None, _hash_numbers(numbers)):
            raise TrainingError(f"The checkpoint {path} is damaged.")
        encoded = path.with_suffix(".safetensors").read_bytes()
        if hashlib.sha256(encoded).hexdigest() != numbers.pop(_HASH_OF_TENSORS):
            raise TrainingError(f"The checkpoint {path.with_suffix('.safetensors')} is damaged.")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise TrainingError(f"The checkpoint {path} is damaged: {error}.") from error
    return load_safetensors(encoded), numbers


def _hash_numbers(numbers: Mapping[str, Any]) -> str:
    """Return the SHA-256 of the numbers, independent of their order and layout in the file."""
    return hashlib.sha256(json.dumps(numbers, sort_keys=True).encode()).hexdigest()


def list_checkpoints(folder: Path) -> list[Path]:
    """List the JSON files of a folder's checkpoints, oldest first."""
    return sorted(folder.glob("image-*.json"))


def prune(folder: Path, keep: int, progress: Progress) -> None:
    """Delete old checkpoints, except the newest `keep` (1 or more) and the best.

    A checkpoint with more images than `progress` is damaged, so that the resumed run skipped it. It
    is kept and not counted. Tensors without a JSON, which a killed run leaves, are deleted too.

    Raises:
        OutputError: a file cannot be removed.
    """
    best = path_of(folder, progress.best_images_seen)  # need not exist
    # Numbers in names have leading zeros, so that the order of the names is that of the numbers.
    so_far = [p for p in list_checkpoints(folder) if p <= path_of(folder, progress.images_seen)]
    with convert_write_errors(folder):
        for path in so_far[:-keep]:
            if path != best:
                path.unlink()
        for path in folder.glob("image-*.safetensors"):
            if not path.with_suffix(".json").exists():
                path.unlink()


def tensors_under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors whose names begin with `prefix`, under the names without it."""
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
