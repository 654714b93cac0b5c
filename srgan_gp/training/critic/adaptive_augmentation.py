"""Adaptive augmentation of the critic's images.

A critic with few images overfits: it scores real images that it never saw like generated ones. The
probability of the augmentations can follow this gap, which finds the strength automatically.
"""

from dataclasses import replace

import torch
from torch import Tensor, nn

from srgan_gp.data.augmentations import augment, draw
from srgan_gp.errors import UsageError
from srgan_gp.training.checkpoint import Progress
from srgan_gp.training.critic.critic_freezing import evaluating
from srgan_gp.training.critic.diagnostics import critic_gap
from srgan_gp.training.distributed import Processes
from srgan_gp.training.options.config import TrainConfig
from srgan_gp.training.tasks import Batch, Task

CHECK_EVERY = 4
"""Batches between two checks on validation images; the published number."""
FULL_SPEED_AT = 0.1
"""Distance of the gap from its target above which the probability changes at full speed."""
REAL, FAKE, VALIDATION = range(3)  # random streams: no two images of a step share one


class Augmenter:
    """Augments images for the critic and measures how it scores validation images.

    The result is a function of the options, the image numbers and `progress`. Only
    `progress.augment_probability` changes, equally in every process.

    Args:
        config: names the augmentations, their probability and its target.
        task: has validation images, in the first process or in none.
        progress: numbers of the run; `augment_probability` is changed.
        processes: processes of the run; all of them create an augmenter together.

    Raises:
        UsageError: the probability has a target, but there are no validation images or batches hold
            one image; or the critic compares each image with a condition, which would not be
            augmented; or no image would ever be augmented.
    """

    def __init__(
        self, config: TrainConfig, task: Task, progress: Progress, processes: Processes
    ) -> None:
        self._config = config
        self._progress = progress
        self._processes = processes
        self._kinds = config.augmentations  # the names in the text `config.augment`
        self._adapts = bool(self._kinds and config.augment_target)
        self._validation = task.validation_batch() if config.has_critic else None
        if self._adapts and not processes.any(self._validation is not None):
            raise UsageError(
                f"An augment_target of {config.augment_target} needs validation images; pass "
                "--validation, or an augment_target of 0 for a fixed augment_probability."
            )
        if self._adapts and config.batch_size < 2 * processes.count:
            raise UsageError(
                f"An augment_target of {config.augment_target} needs the deviation of the scores; "
                "choose a batch_size of at least 2 for each process."
            )
        if self._kinds and not (self._adapts or config.augment_probability):
            raise UsageError(
                f"With an augment_probability of 0 and no augment_target the augmentations "
                f"{config.augment} never happen; use --augment-probability 1 or --augment none."
            )
        if self._kinds and config.task == "super-resolution" and config.critic_conditional:
            raise UsageError(
                f"The augmentations {config.augment} cannot be used with a critic that compares "
                "each image with its LR image; use --no-critic-conditional or --augment none."
            )

    def real(self, batch: Batch) -> Batch:
        """Return the batch with its targets augmented."""
        return replace(batch, targets=self._augment(batch.targets, batch.numbers, REAL))

    def fake(self, output: Tensor, batch: Batch) -> Tensor:
        """Return the generator's images augmented, with their gradient."""
        return self._augment(output, batch.numbers, FAKE)

    def adapt(self, critic: nn.Module, notes: dict[str, Tensor]) -> dict[str, Tensor]:
        """Score validation images on every `CHECK_EVERY`-th batch and adapt the probability.

        Args:
            critic: before its step on the batch.
            notes: log values of the batch: `health/real_score`, `health/critic_estimate` and
                `health/estimate_error`.

        Returns:
            Scalars for the log; empty on other batches, and without a use for the scores:
            - `health/training_estimate` and `health/validation_estimate`, the critic estimate on
              this batch with training and with validation images; in a process that has those.
            - `health/augment_probability`, if there are augmentations.
        """
        config, progress, count = self._config, self._progress, self._processes.count
        if progress.images_seen // config.batch_size % CHECK_EVERY:
            return {}
        if not (self._adapts or self._validation):
            return {}
        real, estimate = notes["health/real_score"], notes["health/critic_estimate"]
        validation = self._validation_score(critic).to(real)
        if self._adapts:
            # Summed over the processes. The mean of the batch is the sum of the means of `count`
            # equal shares, each divided by `count`; its squared standard error is the sum of their
            # (error / count)^2. `validation` is 0 except in the first process.
            variance = (notes["health/estimate_error"] / count).square()
            scores = torch.stack([real / count, estimate / count, validation, variance])
            real, estimate, validation, variance = self._processes.sum(scores)
            # The mean score of generated images is real - estimate.
            gap = critic_gap(
                training=estimate.item(),
                validation=(estimate - real + validation).item(),
                error=variance.sqrt().item(),
            )
            progress.augment_probability = adapt_probability(
                progress.augment_probability, gap, config
            )
        found = {}
        if self._validation:
            found["health/training_estimate"] = estimate
            found["health/validation_estimate"] = estimate - real + validation
        if self._kinds:
            found["health/augment_probability"] = torch.tensor(progress.augment_probability)
        return found

    @torch.no_grad()
    def _validation_score(self, critic: nn.Module) -> Tensor:
        """Score the next validation images, as many as a batch has; 0 without any."""
        if self._validation is None:
            return torch.zeros(())
        images, condition = self._validation.targets, self._validation.condition
        count = min(self._config.batch_size, len(images))
        checks = self._progress.images_seen // self._config.batch_size // CHECK_EVERY
        first = checks * count  # modulo below: every validation image is scored equally often
        which = (torch.arange(count, device=images.device) + first) % len(images)
        shown = self._augment(images[which], range(first, first + count), VALIDATION)
        with evaluating(critic):
            return critic(shown, None if condition is None else condition[which]).mean()

    def _augment(self, images: Tensor, numbers: range, stream: int) -> Tensor:
        probability = self._progress.augment_probability
        if not (self._kinds and probability):
            return images
        return augment(images, draw(self._config.seed, numbers, self._kinds, probability, stream))


def adapt_probability(probability: float, gap: float | None, config: TrainConfig) -> float:
    """Raise a probability while the critic's gap is above its target, lower it while it is below.

    An unknown gap, None, does not change it. At full speed it goes from 0 to 1 in
    `config.augment_images` images. Near the target it changes more slowly; with the bare sign of
    the difference a rounding error would cause a whole step.

    Source:
        Karras et al. 2020, arXiv:2006.06676, section 3; the slower change near the target is ours.
    """
    if gap is None:
        return probability
    speed = min(max((gap - config.augment_target) / FULL_SPEED_AT, -1.0), 1.0)
    step = speed * CHECK_EVERY * config.batch_size / config.augment_images
    return min(max(probability + step, 0.0), 1.0)
