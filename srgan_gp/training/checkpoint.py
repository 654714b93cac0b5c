"""Checkpoints: everything a run needs to go on as if it had never stopped.

A checkpoint is two files: `image-000064000.safetensors` with every tensor, then
`image-000064000.json` with the numbers and the hash of the tensors. Each is written in one step,
the JSON last: without it there is no checkpoint. Damaged ones are passed over, with a warning.
"""

import hashlib
import json
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load as load_safetensors
from safetensors.torch import save as save_safetensors
from torch import Tensor, nn

from srgan_gp.errors import TrainingError
from srgan_gp.files import atomic_write_bytes
from srgan_gp.training.ema import MovingAverage
from srgan_gp.write_errors import errors_about


@dataclass
class Progress:
    """The numbers of a run; they go into the checkpoint's JSON as they are.

    Attributes:
        step: counts the generator's steps: none are taken while the critic warms up.
        augment_probability: of each change to what the critic sees.
        start_validation: scores before the first step; empty where nobody asked for them.
        best_validation: scores at `best_images_seen`.
        validations_since_best: how many in a row were no better.
        ended_because: why the run is over before its last image; empty: it is not.
        precision: fp32 or bf16, in which it was saved; empty: the run has not begun.
        machine: on which it was saved, as `device.describe_machine`.
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
    """All that changes while a run goes on; the critic and its optimizer come together or not."""

    generator: nn.Module
    average: MovingAverage
    optimizer: torch.optim.Optimizer
    progress: Progress
    critic: nn.Module | None = None
    critic_optimizer: torch.optim.Optimizer | None = None

    def tensors(self) -> dict[str, Tensor]:
        """Collect every tensor under a name that says whose it is."""
        found = {}
        for whose, network in self._networks().items():
            found |= {f"{whose}.{k}": v for k, v in network.state_dict().items()}
        for whose, optimizer in self._optimizers().items():
            for index, moments in optimizer.state_dict()["state"].items():
                found |= {f"{whose}.{index}.{k}": v for k, v in moments.items()}
        return found

    def restore(self, tensors: dict[str, Tensor], numbers: dict[str, Any]) -> None:
        """Put saved tensors and numbers back in place.

        Raises:
            TrainingError: a tensor is missing, or belongs to another architecture.
        """
        try:
            for whose, network in self._networks().items():
                network.load_state_dict(tensors_under(f"{whose}.", tensors))
            has_moved = {"optimizer": numbers["step"], "critic_optimizer": numbers["images_seen"]}
            for whose, optimizer in self._optimizers().items():
                moments = tensors_under(f"{whose}.", tensors)
                if has_moved[whose] and not moments:
                    raise TrainingError(f"The checkpoint lacks the {whose}'s moments.")
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
        found = {"generator": self.generator, "average": self.average.average}
        return found | ({"critic": self.critic} if self.critic else {})

    def _optimizers(self) -> dict[str, torch.optim.Optimizer]:
        found = {"optimizer": self.optimizer}
        return found | (
            {"critic_optimizer": self.critic_optimizer} if self.critic_optimizer else {}
        )


def _restore_optimizer(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Give an Adam its moments back; it has none before its first step."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    moments: dict[int, dict[str, Tensor]] = {}
    for name, saved in tensors.items():
        index, key = name.split(".", 1)
        # The fused Adam walks memory in storage order: the layout must be the parameter's.
        like = parameters[int(index)].detach() if saved.dim() else saved
        moments.setdefault(int(index), {})[key] = torch.empty_like(like).copy_(saved)
    if moments and len(moments) != len(parameters):
        raise TrainingError("The checkpoint lacks some of an optimizer's moments.")
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": moments, "param_groups": groups})


def save(state: TrainingState, folder: Path) -> Path:
    """Write a checkpoint; return the path of its JSON."""
    with errors_about(folder):
        folder.mkdir(parents=True, exist_ok=True)
    path = path_of(folder, state.progress.images_seen)
    encoded = save_safetensors({k: v.contiguous().cpu() for k, v in state.tensors().items()})
    atomic_write_bytes(path.with_suffix(".safetensors"), encoded)
    numbers = vars(state.progress) | {"sha256": hashlib.sha256(encoded).hexdigest()}
    atomic_write_bytes(path, json.dumps(numbers, indent=2).encode())
    return path


def path_of(folder: Path, images_seen: int) -> Path:
    """Name the JSON of the checkpoint after so many images."""
    return folder / f"image-{images_seen:09d}.json"


def newest(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """Read the newest whole checkpoint of a folder.

    Returns:
        Its tensors and numbers; None when the folder holds no checkpoint at all.

    Raises:
        TrainingError: there are checkpoints, and every one is damaged.
    """
    paths = list_checkpoints(folder)
    for path in reversed(paths):
        try:
            return read(path)
        except TrainingError as error:
            warnings.warn(f"{error} The one before it is used.", stacklevel=2)
    if paths:
        raise TrainingError(f"Every checkpoint in {folder} is damaged; start in another folder.")
    return None


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read one checkpoint, given its JSON.

    Raises:
        TrainingError: it is damaged.
    """
    try:
        numbers = json.loads(path.read_bytes())
        encoded = path.with_suffix(".safetensors").read_bytes()
        if hashlib.sha256(encoded).hexdigest() != numbers.pop("sha256"):
            raise TrainingError(f"The checkpoint {path.with_suffix('.safetensors')} is damaged.")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise TrainingError(f"The checkpoint {path} is damaged: {error}.") from error
    return load_safetensors(encoded), numbers


def list_checkpoints(folder: Path) -> list[Path]:
    """List the JSON files of a folder's checkpoints, oldest first."""
    return sorted(folder.glob("image-*.json"))


def prune(folder: Path, keep: int, progress: Progress) -> None:
    """Delete all but the newest `keep` checkpoints and the best; the JSON goes first.

    One from beyond `progress` is a damaged one that a resumed run passed over: it does not count.
    Tensors without their JSON, which a killed run leaves, go as well.

    Raises:
        OutputError: a file cannot be removed.
    """
    newest, best = (
        path_of(folder, images_seen)
        for images_seen in (progress.images_seen, progress.best_images_seen)
    )
    so_far = [path for path in list_checkpoints(folder) if path <= newest]
    with errors_about(folder):
        for path in {*so_far[:-keep]} - {newest, best}:
            path.unlink()
        for path in folder.glob("image-*.safetensors"):
            if not path.with_suffix(".json").exists():
                path.unlink()


def tensors_under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Pick the tensors whose names begin with `prefix`, and take it off."""
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
