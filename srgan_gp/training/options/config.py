"""`TrainConfig`: every training option, in one frozen dataclass.

`option_fields` makes the command-line options of `srgan-gp train` from the fields; `presets` has
sets of values. Choices are read from source files without importing torch: `--help` is instant.
`may_change` marks an option that may have another value when a run is resumed. Where nothing else
is said, `most` only refuses values that are probably mistyped.
"""

from dataclasses import dataclass, fields

from srgan_gp.training.options import generator_args
from srgan_gp.training.options.lengths import require_generator_step, require_patch_starts
from srgan_gp.training.options.option_fields import option, require_in_range
from srgan_gp.training.options.registered_names import registered_names

_BASELINES = registered_names("srgan_gp.losses.lipschitz_baselines", "BASELINES")
PENALTIES = (*registered_names("srgan_gp.losses.gradient_penalties", "PENALTIES"), *_BASELINES)
AUGMENTATIONS = registered_names("srgan_gp.data.augmentations", "KINDS")  # names of `augment`


@dataclass(frozen=True)
class TrainConfig:
    """Options of one run. Lengths are counted in images seen, never in steps or epochs."""

    # Network and task.
    task: str = option(
        "super-resolution", "task of the network",
        choices=("super-resolution", "face-generation"),
    )  # fmt: skip
    generator: str = option("srresnet", "architecture of the generator")
    scale: int = option(4, "enlargement of both sides: 2, 3 or 4", least=1)
    generator_args: tuple[str, ...] = option((), generator_args.describe)
    image_size: int = option(64, "side of generated faces: 32, 64 or 128", least=8, most=1024)
    latent_size: int = option(128, "size of the latent vector of a face", least=1, most=4096)

    # Length and data.
    total_images: int = option(  # at most nine digits, as in the names of checkpoints
        1_000_000, "images seen in the whole run", least=1, most=10**9 - 1, may_change=True
    )
    batch_size: int = option(32, "images per step, over all processes", least=1)
    patch_sizes: tuple[int, ...] = option(
        (24, 32, 48), "sides of the LR patches in pixels, one per phase", least=1
    )
    patch_starts: tuple[float, ...] = option(
        (0.0, 0.7, 0.9), "start of each phase, as shares of total_images"
    )
    low_res: str = option(
        "matlab", "downscaling of the LR images: MATLAB's bicubic, or a mixture of downscalers, "
        "blur, noise and JPEG", choices=("matlab", "mixture"),
    )  # fmt: skip
    clean_share: float = option(
        1 / 3, "share of the mixture that is only downscaled", least=0, most=1
    )
    damage: str = option(
        "mild", "strength of the mixture's blur, noise and JPEG",
        choices=registered_names("srgan_gp.data.degradation_draws", "STRENGTHS"),
    )  # fmt: skip
    shrink_share: float = option(
        0.0, "share of the crops that are cut up to twice as large and downscaled", least=0, most=1
    )
    seed: int = option(
        0, "seed of weights, order of the images and all random draws", least=0, most=2**63 - 1
    )
    cache_gigabytes: float = option(4.0, "memory for decoded images", least=0, may_change=True)

    # Content losses.
    pixel_loss: str = option(
        "l1", "pixel loss", choices=registered_names("srgan_gp.losses.pixel", "PIXEL_LOSSES")
    )
    sharpen_targets: float = option(
        0.0, "unsharp masking of the pixel loss's targets, not of the critic's", least=0
    )
    perceptual_loss: str = option(
        "none", "feature network of the perceptual loss",
        choices=("none", *registered_names("srgan_gp.losses.features", "FEATURE_NETWORKS")),
    )  # fmt: skip
    perceptual_weight: float = option(0.05, "weight of the perceptual loss", least=0)
    perceptual_noise: float = option(0.0, "noise on both of its images, in levels of 255", least=0)
    feature_weights: str | None = option(
        None, "file of the feature network; default: that of `srgan-gp fetch`", may_change=True
    )
    equivariance_weight: float = option(
        0.0, "weight of the shift equivariance loss, against patterns of the pixel grid", least=0
    )
    face_detector: str | None = option(
        None,
        "YuNet (.onnx) for the score FD-yunet of a run of faces, or none; default: that of "
        "`srgan-gp fetch`, if it is installed",
        may_change=True,
    )

    # Critic.
    adversarial_ratio: float = option(
        0.0, "gradient norm of the adversarial over the pixel loss; 0: no critic", least=0
    )
    ratio_ramp_images: int = option(
        32_000, "images over which the ratio rises linearly from 0", least=0
    )
    critic: str = option("resnet_critic", "architecture of the critic")
    critic_width: int = option(24, "channels of the critic's first stage", least=1, most=4096)
    critic_stages: int = option(4, "stages of the critic, each halves the size", least=1, most=16)
    critic_conditional: bool = option(True, "condition the critic on the LR image")
    critic_warmup_images: int = option(8_000, "images that only the critic is trained on", least=0)
    critic_norm: str = option(
        "none", "normalisation of the critic",
        choices=registered_names("srgan_gp.networks.critic_norms", "CRITIC_NORMS"),
    )  # fmt: skip
    critic_detail: bool = option(False, "with projected_critic: a part that scores fine detail")
    feature_ratio: float = option(
        3.0, "with projected_critic: gradient norm of its feature over its image parts", least=0
    )
    detail_ratio: float = option(4.0, "with critic_detail: gradient norm, detail/image", least=0)
    critic_steps: int = option(1, "steps of the critic per step of the generator", least=1)
    critic_learning_rate: float = option(2e-4, "learning rate of the critic", above=0)
    critic_final_learning_rate: float | None = option(
        None, "critic's learning rate at the end of the cosine; default: constant rate", least=0
    )
    critic_beta1: float = option(0.0, "beta1 of the critic's Adam", least=0, below=1)
    critic_beta2: float = option(0.9, "beta2 of the critic's Adam", least=0, below=1)
    adversarial_loss: str = option(
        "wasserstein", "losses of critic and generator; relativistic is that of R3GAN",
        choices=registered_names("srgan_gp.losses.adversarial", "ADVERSARIAL_LOSSES"),
    )  # fmt: skip
    penalty: str = option(
        "wgan_gp", "gradient penalty, or another bound of the critic's slope", choices=PENALTIES
    )
    penalty_weight: float = option(10.0, "lambda, or gamma of zero-centred ones", least=0)
    penalty_every: int = option(2, "take the penalty on every n-th sample of a batch", least=1)
    penalty_interval: int = option(1, "take it on every n-th step, n times as strong", least=1)
    clip_limit: float = option(0.01, "with weight_clipping: largest absolute weight", above=0)
    drift_weight: float = option(1e-3, "weight that keeps the critic's scores near 0", least=0)
    freeze_critic_stages: int = option(
        0, "number of the critic's first stages that are frozen, with its stem", least=0, most=15
    )  # one stage is trained at least

    # Augmentation of the critic's images, for small training sets.
    augment: str = option(
        "none", f"augmentations of the critic's images: none, or some of {','.join(AUGMENTATIONS)}"
    )
    augment_probability: float = option(
        1.0, "probability of each augmentation; initial one with a target", least=0, most=1
    )
    augment_target: float = option(
        0.0, "overfitting gap that the probability follows; 0: fixed", least=0, below=1
    )
    augment_images: int = option(500_000, "images in which it can rise from 0 to 1", least=1)

    # Optimiser of both networks; learning rate and moving average of the generator.
    optimizer: str = option(
        "adam", "optimiser of both networks; rmsprop has no beta1",
        choices=registered_names("srgan_gp.training.options.optimizers", "OPTIMIZERS"),
    )  # fmt: skip
    learning_rate: float = option(1e-3, "highest learning rate", above=0)
    final_learning_rate: float = option(1e-6, "learning rate at the end of the cosine", least=0)
    warmup_images: int = option(16_000, "images of the linear rise of the rate from 0", least=0)
    adam_beta1: float = option(0.9, "beta1 of Adam", least=0, below=1)
    adam_beta2: float = option(0.99, "beta2 of Adam", least=0, below=1)
    ema_decay: float = option(
        0.999, "decay per step of the moving average of the weights", least=0, below=1
    )
    ema_half_life_images: int = option(
        0, "half-life of the moving average in images; 0: use ema_decay", least=0
    )

    # Best checkpoint and early stopping.
    best_by: str = option(
        "auto",
        "validation score that chooses the best checkpoint; auto: the task's first score, or the "
        "last checkpoint with a critic or a perceptual loss",
        choices=("auto", "psnr_y", "squeeze_distance", "kid_squeeze"),
    )
    patience: int = option(
        0,
        "stop after this number of consecutive validations that do not exceed the best or the "
        "start; 0: never stop, and do not score the start",
        least=0,
    )
    most_psnr_loss: float | None = option(
        None, "largest loss of PSNR-Y against the start in dB; default: no limit", least=0
    )
    least_novelty: float | None = option(
        None, "novelty of generated images below which the run stops; default: no limit", least=0
    )

    # Machine.
    device: str = option("auto", "auto, cpu, cuda or cuda:N", may_change=True)
    precision: str = option(
        "auto", "auto, fp32 or bf16 (autocast)", choices=("auto", "fp32", "bf16")
    )
    threads: int | None = option(
        None, "CPU threads; default: PyTorch's choice", least=1, most=1024, may_change=True
    )

    # Reports.
    report_images: int = option(
        6_400, "images between lines of stats.jsonl and TensorBoard", least=1, may_change=True
    )
    validate_images: int = option(64_000, "images between validations", least=1, may_change=True)
    checkpoint_images: int = option(32_000, "images between checkpoints", least=1, may_change=True)
    keep_checkpoints: int = option(3, "newest ones kept beside the best", least=1, may_change=True)

    def __post_init__(self) -> None:
        """Check the values and complete `generator_args` with their defaults."""
        args = generator_args.complete(self.generator, self.generator_args)
        object.__setattr__(self, "generator_args", args)  # the class is frozen
        for f in fields(self):
            value = getattr(self, f.name)
            values = value if isinstance(value, tuple) else (value,)
            for single in values:
                require_in_range(f.name, single, f.metadata)
        require_patch_starts(self.patch_starts, self.patch_sizes)
        for kind in self.augmentations:
            require_in_range("augmentation", kind, {"choices": AUGMENTATIONS})
        if self.has_critic:
            require_generator_step(
                self.total_images, self.critic_warmup_images, self.critic_steps, self.batch_size
            )

    def patch_size(self, images_seen: int) -> int:
        """Side of the LR patches in pixels after `images_seen` images.

        >>> TrainConfig(total_images=100).patch_size(70)
        32
        """
        share = images_seen / self.total_images
        phases_begun = sum(start <= share for start in self.patch_starts)  # the first starts at 0
        return self.patch_sizes[phases_begun - 1]

    @property
    def average_decay(self) -> float:
        """Decay of the moving average in one step of the generator, in [0, 1).

        Source:
            Karras et al. 2020, arXiv:2006.06676: half-life in images.
        """
        if not self.ema_half_life_images:
            return self.ema_decay
        # Each step of the critic has a batch of its own, whose images count as seen.
        images_per_step = self.batch_size * (self.critic_steps if self.has_critic else 1)
        return 0.5 ** (images_per_step / self.ema_half_life_images)

    @property
    def augmentations(self) -> tuple[str, ...]:
        """Names of the augmentations in `augment`; empty for `none`."""
        return () if self.augment == "none" else tuple(self.augment.split(","))

    @property
    def has_critic(self) -> bool:
        """Whether the run has an adversarial loss, and so a critic."""
        return self.adversarial_ratio > 0
