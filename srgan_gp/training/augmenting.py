"""What the critic of a run is shown: augmented pictures, and held-out ones to be found out by.

A critic with few pictures learns them by heart: it scores pictures that it never saw like generated
ones. The probability of the augmentations may follow this, and so find the strength by itself.
"""

from dataclasses import replace

import torch
from torch import Tensor, nn

from srgan_gp.data.augmentations import augment, draw
from srgan_gp.errors import UsageError
from srgan_gp.training.checkpoint import Progress
from srgan_gp.training.config import TrainConfig
from srgan_gp.training.health import critic_gap
from srgan_gp.training.processes import Processes
from srgan_gp.training.tasks import Batch, Task

LOOK_EVERY = 4
"""Batches from one look at held-out pictures to the next; the published number."""
FULL_SPEED_AT = 0.1
"""Distance of the gap from its target from which on the probability moves at its full speed."""
REAL, FAKE, HELD_OUT = range(3)  # streams of draws: no two pictures of a step share one


class Augmenter:
    """Augments pictures for the critic and watches how it scores held-out ones.

    Everything is a function of the options, the image numbers and `progress`; what changes is
    `progress.augment_probability`, in every process alike.

    Args:
        config: names the augmentations, their probability and what it should follow.
        task: has held-out pictures, in the first process or nowhere.
        progress: of the run.
        processes: those of the run; all build theirs at once.

    Raises:
        UsageError: the probability should follow held-out pictures and there are none, or the
            critic compares each picture with a condition, which the augmentations would not move,
            or nothing would ever be augmented, or it follows batches of one picture.
    """

    def __init__(
        self, config: TrainConfig, task: Task, progress: Progress, processes: Processes
    ) -> None:
        self._config = config
        self._progress = progress
        self._processes = processes
        self._kinds = config.augmentations
        self._adapts = bool(self._kinds and config.augment_target)
        self._held_out = task.held_out_batch() if config.has_critic else None
        if self._adapts and not processes.any(self._held_out is not None):
            raise UsageError(
                f"An augment_target of {config.augment_target} needs held-out pictures; pass "
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
                f"The augmentations {config.augment} do not go with a critic that compares each "
                "picture with its low-res side; use --no-critic-conditional or --augment none."
            )

    def real(self, batch: Batch) -> Batch:
        """Return the batch with its targets as the critic is shown them."""
        return replace(batch, targets=self._changed(batch.targets, batch.numbers, REAL))

    def fake(self, output: Tensor, batch: Batch) -> Tensor:
        """Return the generator's pictures as the critic is shown them, with their gradient."""
        return self._changed(output, batch.numbers, FAKE)

    def look(self, critic: nn.Module, notes: dict[str, Tensor]) -> dict[str, Tensor]:
        """Have held-out pictures scored on every `LOOK_EVERY`-th batch; adapt the probability.

        Args:
            critic: before its step on the batch.
            notes: on the batch: `health/real_score`, `health/critic_estimate` and
                `health/estimate_error`.

        Returns:
            For the log, scalars: the critic estimate on this batch, and with held-out in place of
            training pictures, in the first process; the probability, which stays where the gap is
            not known. Nothing on other batches.
        """
        config, progress, count = self._config, self._progress, self._processes.count
        if progress.images_seen // config.batch_size % LOOK_EVERY:
            return {}
        if not (self._adapts or self._held_out):
            return {}
        real, estimate = notes["health/real_score"], notes["health/critic_estimate"]
        held_out = self._held_out_score(critic).to(real)
        if self._adapts:
            variance = (notes["health/estimate_error"] / count).square()
            scores = torch.stack([real / count, estimate / count, held_out, variance])
            real, estimate, held_out, variance = self._processes.sum(scores)
            means = estimate.item(), (estimate - real + held_out).item()
            gap = critic_gap(*means, variance.sqrt().item())
            progress.augment_probability = adapted(progress.augment_probability, gap, config)
        found = {}
        if self._held_out:
            found["health/looked_at_estimate"] = estimate
            found["health/held_out_estimate"] = estimate - real + held_out
        if self._kinds:
            found["health/augment_probability"] = torch.tensor(progress.augment_probability)
        return found

    @torch.no_grad()
    def _held_out_score(self, critic: nn.Module) -> Tensor:
        """Score as many held-out pictures as a batch has, others each time; 0 without any."""
        if self._held_out is None:
            return torch.zeros(())
        pictures, condition = self._held_out.targets, self._held_out.condition
        count = min(self._config.batch_size, len(pictures))
        looks = self._progress.images_seen // self._config.batch_size // LOOK_EVERY
        first = looks * count  # goes round: every held-out picture is scored as often as any other
        which = (torch.arange(count, device=pictures.device) + first) % len(pictures)
        shown = self._changed(pictures[which], range(first, first + count), HELD_OUT)
        return critic(shown, None if condition is None else condition[which]).mean()

    def _changed(self, pictures: Tensor, numbers: range, stream: int) -> Tensor:
        probability = self._progress.augment_probability
        if not (self._kinds and probability):
            return pictures
        return augment(pictures, draw(self._config.seed, numbers, self._kinds, probability, stream))


def adapted(probability: float, gap: float | None, config: TrainConfig) -> float:
    """Move a probability up while the critic's gap is above its target, down while it is below.

    Where the gap is not known it stays.

    At full speed it goes from 0 to 1 in `config.augment_images` images. Near the target it slows
    down; a bare sign would make a rounding error a whole step.

    Source:
        Karras et al. 2020, arXiv:2006.06676, section 3; the slowing down is ours.
    """
    if gap is None:
        return probability
    speed = min(max((gap - config.augment_target) / FULL_SPEED_AT, -1.0), 1.0)
    step = speed * LOOK_EVERY * config.batch_size / config.augment_images
    return min(max(probability + step, 0.0), 1.0)
