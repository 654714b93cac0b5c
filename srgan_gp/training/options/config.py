"""`TrainConfig`: every training option, in one frozen dataclass.

Imports no torch, so that `srgan-gp train --help` stays instant.
"""

import json
import warnings
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from srgan_gp.errors import TrainingError, UsageError
from srgan_gp.system.files import atomic_write_bytes
from srgan_gp.training.options import generator_args
from srgan_gp.training.options.option_fields import option, require_in_range
from srgan_gp.training.options.registered_names import registered_names

AUGMENTATIONS = registered_names("srgan_gp.data.augmentations", "KINDS")

_REMOVED: dict[str, object] = {"grid_weight": 0.0, "most_grid": None}
"""Options of earlier versions that no longer exist, with the defaults they had."""


@dataclass(frozen=True)
class TrainConfig:
    """The options of one run. Lengths are counted in images seen, never in steps or epochs."""

    # What is trained.
    task: str = option(
        "super-resolution", "what the network learns",
        choices=("super-resolution", "face-generation"),
    )  # fmt: skip
    generator: str = option("srresnet", "architecture, a file of networks/generators")
    scale: int = option(4, "enlargement of both sides: 2, 3 or 4", least=1)
    generator_args: tuple[str, ...] = option((), generator_args.describe)
    image_size: int = option(64, "side of generated faces: 32, 64 or 128", least=8, most=1024)
    latent_size: int = option(128, "random numbers a face is made of", least=1, most=4096)

    # How long, on what.
    total_images: int = option(
        1_000_000, "images to see in all", least=1, most=10**9 - 1, may_change=True
    )
    batch_size: int = option(32, "images a step, over all processes", least=1)
    patch_sizes: tuple[int, ...] = option(
        (24, 32, 48), "sides of the low-res patches, one a phase", least=1
    )
    patch_starts: tuple[float, ...] = option(
        (0.0, 0.7, 0.9), "where each phase begins, as shares of total_images"
    )
    low_res: str = option(
        "matlab",
        "how the low-res side is made: matlab's bicubic, or a mixture of downscalers, blur, noise "
        "and JPEG",
        choices=("matlab", "mixture"),
    )
    clean_share: float = option(
        1 / 3, "share of the mixture that is only downscaled", least=0, most=1
    )
    damage: str = option(
        "mild",
        "strength of the mixture's blur, noise and JPEG",
        choices=registered_names("srgan_gp.data.degradation_draws", "STRENGTHS"),
    )
    shrink_share: float = option(
        0.0, "share of the crops cut up to twice too large and made smaller", least=0, most=1
    )
    seed: int = option(
        0, "seed of the weights, the order of pictures and every draw", least=0, most=2**63 - 1
    )
    cache_gigabytes: float = option(
        4.0, "decoded pictures kept in memory", least=0, may_change=True
    )

    # What the output is compared with.
    pixel_loss: str = option(
        "l1", "pixel loss", choices=registered_names("srgan_gp.losses.pixel", "PIXEL_LOSSES")
    )
    sharpen_targets: float = option(
        0.0,
        "unsharp masking of the pixel loss's targets; the critic sees them as they are",
        least=0,
    )
    perceptual_loss: str = option(
        "none",
        "feature network of the perceptual loss",
        choices=("none", *registered_names("srgan_gp.losses.features", "FEATURE_NETWORKS")),
    )
    perceptual_weight: float = option(0.05, "of the perceptual loss, beside the pixels' 1", least=0)
    feature_weights: str | None = option(
        None, "file of the feature network; default: torchvision's", may_change=True
    )
    equivariance_weight: float = option(
        0.0,
        "of the loss that makes outputs move along with the scene, against patterns locked to the "
        "pixel grid; one more pass of the generator",
        least=0,
    )
    face_detector: str | None = option(
        None,
        "YuNet (.onnx): a run of faces is scored with FD-yunet; none: it is not; default: "
        "yunet.onnx in the folder of models, if there is one",
        may_change=True,
    )

    # Critic.
    adversarial_ratio: float = option(
        0.0, "gradient of the critic's term over the pixels'; 0: no critic", least=0
    )
    ratio_ramp_images: int = option(
        32_000, "images over which the ratio rises linearly from 0", least=0
    )
    critic: str = option("resnet_critic", "architecture, a file of networks/critics")
    critic_width: int = option(24, "channels of the critic's first stage", least=1, most=4096)
    critic_stages: int = option(4, "stages of the critic, each at half the size", least=1, most=16)
    critic_conditional: bool = option(True, "show the critic the low-res picture as well")
    critic_warmup_images: int = option(
        8_000, "images for the critic alone, the generator frozen", least=0
    )
    feature_ratio: float = option(
        3.0,
        "with projected_critic: gradient of its features over that of its image critic, at the "
        "generated images",
        least=0,
    )
    critic_steps: int = option(1, "steps of the critic for each of the generator", least=1)
    critic_learning_rate: float = option(2e-4, "of the critic's Adam", above=0)
    critic_final_learning_rate: float | None = option(
        None, "rate of the critic at the end of the cosine; default: its rate is constant", least=0
    )
    critic_beta1: float = option(0.0, "critic's Adam: memory of the gradient", least=0, below=1)
    critic_beta2: float = option(0.9, "critic's Adam: memory of its square", least=0, below=1)
    penalty: str = option(
        "wgan_gp",
        "gradient penalty",
        choices=registered_names("srgan_gp.losses.gradient_penalties", "PENALTIES"),
    )
    penalty_weight: float = option(10.0, "lambda, or gamma of r1 and r2", least=0)
    penalty_every: int = option(2, "penalise every n-th sample of a batch", least=1)
    drift_weight: float = option(1e-3, "keeps the critic's scores near 0", least=0)
    freeze_critic_stages: int = option(
        0, "first stages of the critic that do not learn, and its stem with them", least=0, most=15
    )

    # What the critic is shown, so that few pictures last.
    augment: str = option(
        "none", f"changes to all that the critic sees: none, or some of {','.join(AUGMENTATIONS)}"
    )
    augment_probability: float = option(
        1.0, "of each change to a picture; with a target where it begins", least=0, most=1
    )
    augment_target: float = option(
        0.0,
        "gap of the critic to held-out pictures that it keeps; 0: it is fixed",
        least=0,
        below=1,
    )
    augment_images: int = option(500_000, "in which it may go from 0 to 1 with a target", least=1)

    # Optimiser of the generator.
    learning_rate: float = option(1e-3, "highest rate of Adam", above=0)
    final_learning_rate: float = option(1e-6, "rate at the end of the cosine", least=0)
    warmup_images: int = option(16_000, "images over which the rate rises linearly from 0", least=0)
    adam_beta1: float = option(0.9, "Adam: memory of the gradient", least=0, below=1)
    adam_beta2: float = option(0.99, "Adam: memory of its square", least=0, below=1)
    ema_decay: float = option(
        0.999, "moving average of the weights: decay a step", least=0, below=1
    )
    ema_half_life_images: int = option(
        0, "the same as the images after which half is forgotten; 0: ema_decay holds", least=0
    )

    # Which checkpoint is the best, and when a run ends early.
    best_by: str = option(
        "auto",
        "held-out score that decides; auto: the task's first one, or the last checkpoint with a "
        "critic or a perceptual loss",
        choices=("auto", "psnr_y", "squeeze_distance", "kid_squeeze"),
    )
    patience: int = option(
        0,
        "end after so many validations in a row that are no better than the best or the start; 0: "
        "never, and the start is not scored",
        least=0,
    )
    most_psnr_loss: float | None = option(
        None, "dB of PSNR-Y that the best may lie below the start; default: any", least=0
    )
    least_novelty: float | None = option(
        None, "novelty of generated pictures below which the run ends; default: any", least=0
    )

    # Machine.
    device: str = option("auto", "auto, cpu, cuda or cuda:N", may_change=True)
    precision: str = option(
        "auto", "auto, fp32 or bf16 (autocast)", choices=("auto", "fp32", "bf16")
    )
    threads: int | None = option(
        None, "CPU threads; default: torch's own choice", least=1, most=1024, may_change=True
    )

    # Reports.
    report_images: int = option(
        6_400, "a line in stats.jsonl and TensorBoard", least=1, may_change=True
    )
    validate_images: int = option(64_000, "validation and a preview grid", least=1, may_change=True)
    checkpoint_images: int = option(32_000, "a checkpoint to resume from", least=1, may_change=True)
    keep_checkpoints: int = option(3, "newest ones kept beside the best", least=1, may_change=True)

    def __post_init__(self) -> None:
        """Check what would otherwise fail late in a run, and complete `generator_args`."""
        args = generator_args.complete(self.generator, self.generator_args)
        object.__setattr__(self, "generator_args", args)
        for f in fields(self):
            value = getattr(self, f.name)
            for one in value if isinstance(value, tuple) else (value,):
                require_in_range(f.name, one, f.metadata)
        starts = self.patch_starts
        rises = starts[:1] == (0,) and list(starts) == sorted(starts)
        if len(starts) != len(self.patch_sizes) or not rises:
            raise UsageError(
                f"patch_starts {starts} must rise from 0 and have one value for each of "
                f"patch_sizes {self.patch_sizes}."
            )
        for kind in self.augmentations:
            require_in_range("augmentation", kind, {"choices": AUGMENTATIONS})
        shortest = self.critic_warmup_images + self.critic_steps * self.batch_size
        if self.has_critic and self.total_images < shortest:
            raise UsageError(
                f"total_images {self.total_images} end before the generator's first step; with a "
                f"critic choose at least {shortest}: critic_warmup_images "
                f"{self.critic_warmup_images} + critic_steps {self.critic_steps} * batch_size "
                f"{self.batch_size}."
            )

    def patch_size(self, images_seen: int) -> int:
        """Side of the low-res patches after `images_seen` images.

        >>> TrainConfig(total_images=100).patch_size(70)
        32
        """
        share = images_seen / self.total_images
        started = sum(start <= share for start in self.patch_starts)
        return self.patch_sizes[max(started, 1) - 1]

    @property
    def average_decay(self) -> float:
        """Decay of the moving average in one step of the generator.

        Source:
            Karras et al. 2020, arXiv:2006.06676: the half-life in images.
        """
        if not self.ema_half_life_images:
            return self.ema_decay
        images = self.batch_size * (self.critic_steps if self.has_critic else 1)
        return 0.5 ** (images / self.ema_half_life_images)

    @property
    def augmentations(self) -> tuple[str, ...]:
        """The names in `augment`; none for `none`."""
        return () if self.augment == "none" else tuple(self.augment.split(","))

    @property
    def has_critic(self) -> bool:
        """Whether the run has an adversarial term."""
        return self.adversarial_ratio > 0

    def save(self, path: Path) -> None:
        """Write the options as JSON."""
        atomic_write_bytes(path, json.dumps(asdict(self), indent=2).encode())

    @classmethod
    def load(cls, path: Path) -> "TrainConfig":
        """Read the options of an earlier run.

        Options that this version no longer has are ignored, with a warning if they were set.

        Raises:
            TrainingError: the file does not hold the options of this version.
        """
        try:
            values = json.loads(path.read_text())
            values |= {k: tuple(v) for k, v in values.items() if isinstance(v, list)}
            removed = {name: values.pop(name) for name in _REMOVED if name in values}
            config = cls(**generator_args.upgrade(values))
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise TrainingError(f"{path} does not hold the options of a run: {error}.") from error
        ignored = [f"{k} {v}" for k, v in removed.items() if v != _REMOVED[k]]
        if ignored:
            warnings.warn(
                f"{path} holds options that no longer exist and are ignored: {', '.join(ignored)}.",
                stacklevel=2,
            )
        return config

    def differences(self, other: "TrainConfig") -> list[str]:
        """Name the options that differ from `other` and may not change within a run."""
        return [
            f"{name} ({now}, before: {before})"
            for f in fields(self)
            if not f.metadata["may_change"] and getattr(self, f.name) != getattr(other, f.name)
            for name, now, before in self._differing_values(other, f.name)
        ]

    def _differing_values(self, other: "TrainConfig", name: str) -> list[tuple[str, Any, Any]]:
        """Name, present and earlier value of an option; of `generator_args`, of each argument."""
        now, before = getattr(self, name), getattr(other, name)
        if name != "generator_args" or self.generator != other.generator:
            return [(name, now, before)]
        values, earlier = (generator_args.parse(self.generator, args) for args in (now, before))
        return [(n, value, earlier[n]) for n, value in values.items() if value != earlier[n]]
