"""Every training option, once: a frozen dataclass, its presets and its command-line options.

Imports no torch, so that `srgan-gp train --help` stays instant.
"""

import json
import math
from argparse import SUPPRESS, ArgumentParser, BooleanOptionalAction
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_origin

from srgan_gp.errors import TrainingError, UsageError
from srgan_gp.files import atomic_write

_CHOICES = {
    "task": ("super-resolution",),
    "pixel_loss": ("l1", "charbonnier"),
    "precision": ("auto", "fp32", "bf16"),
}


def option(default: Any, text: str, *, may_change: bool = False) -> Any:  # noqa: ANN401 - any field type
    """Declare a field with its help text; `may_change`: a resumed run may set it anew."""
    return field(default=default, metadata={"help": text, "may_change": may_change})


@dataclass(frozen=True)
class TrainConfig:
    """The options of one run. Lengths are counted in images seen, never in steps or epochs."""

    # What is trained.
    task: str = option("super-resolution", "what the network learns")
    generator: str = option("srresnet", "architecture, a file of networks/generators")
    scale: int = option(4, "enlargement of both sides: 2, 3 or 4")
    width: int = option(48, "channels of the hidden layers")
    blocks: int = option(12, "residual blocks")
    tail: str = option("direct", "how the network ends: direct or staged")

    # How long, on what.
    total_images: int = option(1_000_000, "images to see in all", may_change=True)
    batch_size: int = option(32, "images a step")
    patch_sizes: tuple[int, ...] = option((24, 32, 48), "sides of the low-res patches, one a phase")
    patch_starts: tuple[float, ...] = option(
        (0.0, 0.7, 0.9), "where each phase begins, as shares of total_images"
    )
    seed: int = option(0, "seed of the weights, the order of pictures and the crops")
    cache_gigabytes: float = option(4.0, "decoded pictures kept in memory", may_change=True)

    # Losses and optimiser.
    pixel_loss: str = option("l1", "l1 or charbonnier")
    learning_rate: float = option(1e-3, "highest rate of Adam")
    final_learning_rate: float = option(1e-6, "rate at the end of the cosine")
    warmup_images: int = option(16_000, "images over which the rate rises linearly from 0")
    adam_beta1: float = option(0.9, "Adam: memory of the gradient")
    adam_beta2: float = option(0.99, "Adam: memory of its square")
    ema_decay: float = option(0.999, "moving average of the weights: decay a step")

    # Machine.
    device: str = option("auto", "auto, cpu, cuda or cuda:N", may_change=True)
    precision: str = option("auto", "auto, fp32 or bf16 (autocast)")
    threads: int | None = option(None, "CPU threads; default: torch's own choice", may_change=True)

    # Reports.
    report_images: int = option(6_400, "a line in stats.jsonl and TensorBoard", may_change=True)
    validate_images: int = option(64_000, "validation and a preview grid", may_change=True)
    checkpoint_images: int = option(32_000, "a checkpoint to resume from", may_change=True)
    keep_checkpoints: int = option(3, "newest checkpoints kept beside the best", may_change=True)

    def __post_init__(self) -> None:
        """Check what would otherwise fail late in a run."""
        counts = ("total_images", "batch_size", "report_images", "validate_images",
                  "checkpoint_images", "keep_checkpoints")  # fmt: skip
        for name in counts:
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, not {getattr(self, name)}.")
        for name, known in _CHOICES.items():
            if getattr(self, name) not in known:
                raise UsageError(
                    f"There is no {name} {getattr(self, name)!r}; use {', '.join(known)}."
                )
        threads = 1 if self.threads is None else self.threads
        if min(self.scale, threads, *self.patch_sizes) < 1 or self.seed < 0:
            raise UsageError("scale, patch_sizes and threads start at 1, seed at 0.")
        if not 0 < self.learning_rate < math.inf or not 0 <= self.final_learning_rate < math.inf:
            raise UsageError("learning_rate must be above 0, and final_learning_rate at least 0.")
        for name in ("adam_beta1", "adam_beta2", "ema_decay"):
            if not 0 <= getattr(self, name) < 1:
                raise UsageError(f"{name} must lie in [0, 1), not be {getattr(self, name)}.")
        starts = self.patch_starts
        rises = starts[:1] == (0,) and list(starts) == sorted(starts)
        if len(starts) != len(self.patch_sizes) or not rises:
            raise UsageError(
                f"patch_starts {starts} must rise from 0 and have one value for each of "
                f"patch_sizes {self.patch_sizes}."
            )

    def patch_size(self, images_seen: int) -> int:
        """Side of the low-res patches after `images_seen` images.

        >>> TrainConfig(total_images=100).patch_size(70)
        32
        """
        share = images_seen / self.total_images
        started = sum(start <= share for start in self.patch_starts)
        return self.patch_sizes[max(started, 1) - 1]

    def save(self, path: Path) -> None:
        """Write the options as JSON."""
        with atomic_write(path) as file:
            file.write(json.dumps(asdict(self), indent=2).encode())

    @classmethod
    def load(cls, path: Path) -> "TrainConfig":
        """Read the options of an earlier run.

        Raises:
            TrainingError: the file does not hold the options of this version.
        """
        try:
            values = json.loads(path.read_text())
            values |= {k: tuple(v) for k, v in values.items() if isinstance(v, list)}
            return cls(**values)
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise TrainingError(f"{path} does not hold the options of a run: {error}.") from error

    def differences(self, other: "TrainConfig") -> list[str]:
        """Name the options that differ from `other` and may not change within a run."""
        return [
            f"{f.name} ({getattr(self, f.name)}, before: {getattr(other, f.name)})"
            for f in fields(self)
            if not f.metadata["may_change"] and getattr(self, f.name) != getattr(other, f.name)
        ]


_CLASSIC = TrainConfig(total_images=576_000)
PRESETS: dict[str, TrainConfig] = {
    # name               options                                       # where, how long
    "classic-x4": _CLASSIC,                                            # 2 cores, 2 hours
    "tiny": replace(
        _CLASSIC, width=8, blocks=2, total_images=64, batch_size=4, patch_sizes=(8,),
        patch_starts=(0.0,), warmup_images=8, precision="fp32", report_images=16,
        validate_images=32, checkpoint_images=32,
    ),                                                                 # tests, a second
}  # fmt: skip


def add_options(parser: ArgumentParser, config_class: type[TrainConfig]) -> None:
    """Add one option per field; an unset option stays absent, so that a preset shows through."""
    for f in fields(config_class):
        name = "--" + f.name.replace("_", "-")
        kinds = [t for t in get_args(f.type) or (f.type,) if t not in (NoneType, Ellipsis)]
        how: dict[str, Any] = {"type": kinds[0]}
        default = f.default
        if kinds == [bool]:
            how = {"action": BooleanOptionalAction}
        elif get_origin(f.type) is tuple:
            how |= {"nargs": "+"}
            default = " ".join(map(str, f.default))  # type: ignore[arg-type]
        parser.add_argument(name, default=SUPPRESS, help=f"{f.metadata['help']} [{default}]", **how)


def resolve(preset: str, options: dict[str, Any]) -> TrainConfig:
    """Combine a preset with the options that were set on the command line.

    Raises:
        UsageError: there is no such preset, or an option is out of range.
    """
    if preset not in PRESETS:
        raise UsageError(f"There is no preset {preset!r}; known: {', '.join(PRESETS)}.")
    options = {k: tuple(v) if isinstance(v, list) else v for k, v in options.items()}
    return replace(PRESETS[preset], **options)
