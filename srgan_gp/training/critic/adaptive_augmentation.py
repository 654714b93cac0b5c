"""Adaptive augmentation of the critic's images (ADA).

A critic with few training images overfits: it scores real images that it never saw like generated
ones. Augmenting real and generated images reduces that. With the option `augment_target` the
probability of the augmentations is adapted to the overfitting gap, else it is fixed. The gap,
`diagnostics.critic_gap`, is 0 if validation images score like training images, and 1 if they score
like generated ones. `steps` calls the methods of `Augmenter` in each step.
"""

from dataclasses import replace

import torch
from torch import Tensor, nn

from srgan_gp.data.augmentations import augment, draw_augmentations
from srgan_gp.errors import UsageError
from srgan_gp.models.cards import UPSCALING
from srgan_gp.training.checkpoint import Progress
from srgan_gp.training.critic.critic_freezing import evaluating
from srgan_gp.training.critic.diagnostics import critic_gap
from srgan_gp.training.distributed import Processes
from srgan_gp.training.options.config import TrainConfig
from srgan_gp.training.tasks import Batch, Task

CHECK_EVERY = 4
"""Batches from one scoring of validation images to the next, as in the ADA paper."""
FULL_SPEED_AT = 0.1
"""Distance of the gap from its target above which the probability changes at full speed. With a
smaller one, noise of the gap near its target causes large steps; with a larger one, the gap returns
to its target more slowly."""
REAL, FAKE, VALIDATION = range(3)
"""Argument `substream` of `draw_augmentations`: real, generated and validation images of the same
number are augmented differently."""


def require_augmentations(config: TrainConfig, processes: int = 1) -> None:
    """Check that the augmentations of a run fit its batches and its critic.

    Args:
        config: options of the run.
        processes: number of processes that share each batch.

    Raises:
        UsageError: as for `Augmenter`, except for missing validation images.
    """
    if not config.augmentations:
        return
    if config.augment_target and config.batch_size < 2 * processes:
        raise UsageError(
            f"An augment_target of {config.augment_target} needs the deviation of the scores; "
            "choose a batch_size of at least 2 for each process."
        )
    if not (config.augment_target or config.augment_probability):
        raise UsageError(
            f"With an augment_probability of 0 and no augment_target the augmentations "
            f"{config.augment} never happen; use --augment-probability 1 or --augment none."
        )
    if config.task == UPSCALING and config.critic_conditional:
        raise UsageError(
            f"The augmentations {config.augment} cannot be used with a critic that compares "
            "each image with its LR image; use --no-critic-conditional or --augment none."
        )


class Augmenter:
    """Augments images for the critic and measures how it scores validation images.

    The augmentations are a function of the options, the image numbers and the current probability,
    `progress.augment_probability`, so that a resumed run repeats them. `update_probability` changes
    the probability, equally in every process.

    Args:
        config: names the augmentations, their probability and the target of the overfitting gap.
        task: provides the validation images; only the first process has them.
        progress: images seen and other numbers of the run; its `augment_probability` is changed.
        processes: processes of the run, which must all create an augmenter.

    Raises:
        UsageError: the overfitting gap has a target, but there are no validation images, or a
            process has only one image of each batch; or the critic compares each image with its LR
            image, which would not be augmented; or no image would ever be augmented.
    """

    def __init__(
        self, config: TrainConfig, task: Task, progress: Progress, processes: Processes
    ) -> None:
        self._config = config
        self._progress = progress
        self._processes = processes
        self._kinds = config.augmentations  # names, such as "colour"; empty: no augmentation
        self._adapts = bool(self._kinds and config.augment_target)  # else a fixed probability
        self._validation = task.validation_batch() if config.has_critic else None
        if self._adapts and not processes.any(self._validation is not None):
            raise UsageError(
                f"An augment_target of {config.augment_target} needs validation images; pass "
                "--validation, or an augment_target of 0 for a fixed augment_probability."
            )
        require_augmentations(config, processes.count)

    def augment_real(self, batch: Batch) -> Batch:
        """Return the batch with its real images, `targets`, augmented."""
        return replace(batch, targets=self._augment(batch.targets, batch.numbers, REAL))

    def augment_fake(self, output: Tensor, batch: Batch) -> Tensor:
        """Return the generator's images, (B, 3, H, W), augmented; differentiable."""
        return self._augment(output, batch.numbers, FAKE)

    def update_probability(
        self, critic: nn.Module, log_values: dict[str, Tensor]
    ) -> dict[str, Tensor]:
        """Score validation images on every `CHECK_EVERY`-th batch and adapt the probability.

        Without an `augment_target` the scores are only logged, and the probability is fixed.

        Args:
            critic: before its step on the batch.
            log_values: log values of the batch: `health/real_score`, the mean score of real images;
                `health/critic_estimate`, the real score minus the mean score of generated images;
                and `health/estimate_error`, the standard error of the estimate.

        Returns:
            Scalars for the log; empty on other batches, and if nothing is adapted and there are no
            validation images:
            - `health/training_estimate` and `health/validation_estimate`, the critic estimate on
              this batch with training and with validation images; only in the first process, if
              there are validation images
            - `health/augment_probability`, if there are augmentations
        """
        config, progress, count = self._config, self._progress, self._processes.count
        batch_number = progress.images_seen // config.batch_size  # from 0: this one is not counted
        if batch_number % CHECK_EVERY or not (self._adapts or self._validation is not None):
            return {}
        real_score, estimate = log_values["health/real_score"], log_values["health/critic_estimate"]
        error = log_values["health/estimate_error"]
        # 0 except in the first process, so that the sum over processes is the score.
        validation_score = self._validation_score(critic).to(real_score)
        if self._adapts:
            # The values of this process become those of the whole batch, of which each of `count`
            # processes has an equal share: a mean is the sum of mean / count, and its squared
            # standard error the sum of (error / count)^2.
            variance = (error / count).square()
            shares = [real_score / count, estimate / count, validation_score, variance]
            sums = self._processes.sum(torch.stack(shares))
            real_score, estimate, validation_score, variance = sums
            error = variance.sqrt()
        generated_score = real_score - estimate  # by the definition of the estimate
        validation_estimate = validation_score - generated_score
        if self._adapts:
            gap = critic_gap(estimate.item(), validation_estimate.item(), error.item())
            progress.augment_probability = adapt_probability(
                progress.augment_probability, gap, config
            )
        added: dict[str, Tensor] = {}
        if self._validation is not None:
            added["health/training_estimate"] = estimate
            added["health/validation_estimate"] = validation_estimate
        if self._kinds:
            added["health/augment_probability"] = torch.tensor(progress.augment_probability)
        return added

    @torch.no_grad()
    def _validation_score(self, critic: nn.Module) -> Tensor:
        """Return the mean score of the next validation images, as many as a batch has.

        After the last image the first one follows. 0 without validation images.
        """
        if self._validation is None:
            return torch.zeros(())
        images, condition = self._validation.targets, self._validation.condition
        count = min(self._config.batch_size, len(images))
        # `images_seen` does not count this batch yet, whose number is a multiple of `CHECK_EVERY`.
        earlier_checks = self._progress.images_seen // self._config.batch_size // CHECK_EVERY
        first = earlier_checks * count
        indices = (torch.arange(count, device=images.device) + first) % len(images)
        augmented = self._augment(images[indices], range(first, first + count), VALIDATION)
        with evaluating(critic):
            return critic(augmented, None if condition is None else condition[indices]).mean()

    def _augment(self, images: Tensor, numbers: range, substream: int) -> Tensor:
        """Augment images, (B, 3, H, W); `numbers` and `substream` determine the random draws."""
        probability = self._progress.augment_probability
        if not (self._kinds and probability):
            return images
        draws = draw_augmentations(self._config.seed, numbers, self._kinds, probability, substream)
        return augment(images, draws)


def adapt_probability(probability: float, gap: float | None, config: TrainConfig) -> float:
    """Raise a probability while the critic's gap is above its target, lower it while it is below.

    At full speed the probability goes from 0 to 1 in `config.augment_images` images. Near the
    target it changes more slowly; with the bare sign of the difference a rounding error would cause
    a whole step.

    Args:
        probability: probability so far, in [0, 1].
        gap: the overfitting gap, from `critic_gap`; None: not known.
        config: options of the run.

    Returns:
        The new probability, in [0, 1]; unchanged if the gap is not known.

    Source:
        Karras et al. 2020, arXiv:2006.06676, section 3; the slower change near the target is ours.
    """
    if gap is None:
        return probability
    speed = min(max((gap - config.augment_target) / FULL_SPEED_AT, -1.0), 1.0)
    step = speed * CHECK_EVERY * config.batch_size / config.augment_images
    return min(max(probability + step, 0.0), 1.0)
