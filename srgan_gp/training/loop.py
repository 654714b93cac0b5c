"""The training loop, top to bottom."""

import math
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from srgan_gp.errors import TrainingError
from srgan_gp.losses.pixel import PIXEL_LOSSES
from srgan_gp.training import checkpoint
from srgan_gp.training.checkpoint import Progress, TrainingState
from srgan_gp.training.config import TrainConfig
from srgan_gp.training.device import choose_autocast, choose_device
from srgan_gp.training.ema import MovingAverage
from srgan_gp.training.reports import Reports
from srgan_gp.training.signals import StopRequest
from srgan_gp.training.start import load_weights, resume, save_config
from srgan_gp.training.tasks import TASKS, Batch, Task


def train(
    config: TrainConfig,
    data: Sequence[str],
    run_dir: Path,
    *,
    validation: str | None = None,
    start_from: Path | None = None,
) -> Path:
    """Train a generator until `config.total_images` images were seen.

    To resume, call again with the same arguments. SIGTERM and SIGINT end the run after the current
    step with a checkpoint.

    Args:
        config: every option of the run.
        data: folders or zip files of training pictures.
        run_dir: where checkpoints, previews, logs and the options go.
        validation: folder or zip file of held-out pictures.
        start_from: `.safetensors` weights to begin a new run with.

    Returns:
        `run_dir`.

    Raises:
        TrainingError: the loss or the gradient is not finite, or a checkpoint does not fit.
        UsageError: an option or the data makes no sense.
        Stopped: a signal ended the run; everything is saved.
    """
    # Build.
    device = choose_device(config.device)
    if config.threads:
        torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    task: Task = TASKS[config.task](config, data, validation, device)
    generator = task.build_generator().to(device).to(memory_format=torch.channels_last)
    average = MovingAverage(generator, config.ema_decay)
    optimizer = torch.optim.Adam(
        generator.parameters(), betas=(config.adam_beta1, config.adam_beta2), fused=True
    )
    pixel_loss = PIXEL_LOSSES[config.pixel_loss]
    autocast = choose_autocast(config.precision, device)

    # Resume or start.
    state = TrainingState(generator, average, optimizer, Progress())
    progress = state.progress
    if not resume(state, config, run_dir) and start_from:
        load_weights(generator, start_from)
        load_weights(average.average, start_from)
    save_config(config, run_dir)
    reports = Reports(run_dir, config.total_images, progress.images_seen)

    # Loop.
    with reports, StopRequest() as stop:
        began = time.monotonic() - progress.seconds
        for batch in task.batches(progress.images_seen):
            # Critic: the WGAN-GP phase takes its steps here.

            # Generator: move towards the target; the adversarial term will join the loss here.
            with autocast:
                output = generator(batch.inputs)
            loss = pixel_loss(output, batch.targets)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            gradients = [p.grad for p in generator.parameters() if p.grad is not None]
            gradient_norm = nn.utils.get_total_norm(gradients)
            _require_finite(loss, gradient_norm, task, batch, progress)
            _set_rate(optimizer, learning_rate(config, progress.images_seen))
            optimizer.step()

            # Moving average.
            progress.step += 1
            average.update(generator, progress.step)

            # Report, validate, checkpoint.
            before = progress.images_seen
            progress.images_seen += len(batch.inputs)
            progress.seconds = time.monotonic() - began
            reports.advance(progress.images_seen, loss, gradient_norm)
            is_last = progress.images_seen >= config.total_images
            if is_last or _is_due(before, progress.images_seen, config.report_images):
                reports.write(progress, learning_rate(config, before))
            if is_last or _is_due(before, progress.images_seen, config.validate_images):
                _validate(task, average.average, progress, reports)
            is_best = progress.best_images_seen == progress.images_seen
            is_due = _is_due(before, progress.images_seen, config.checkpoint_images)
            if is_last or is_best or is_due or stop.requested:
                checkpoint.save(state, run_dir / "checkpoints")
                checkpoint.prune(run_dir / "checkpoints", config.keep_checkpoints, progress)
            if stop.requested:
                reports.say(f"Stopped at {progress.images_seen} images; all is saved.")
            stop.raise_if_requested()
    return run_dir


def learning_rate(config: TrainConfig, images_seen: int) -> float:
    """Rate of the step that begins after `images_seen` images: linear warm-up times a cosine.

    Source:
        Loshchilov & Hutter 2017 (SGDR), arXiv:1608.03983, equation 5, one period.
    """
    warmup = min(1.0, (images_seen + config.batch_size) / max(config.warmup_images, 1))
    cosine = 0.5 * (1 + math.cos(math.pi * min(images_seen / config.total_images, 1.0)))
    span = config.learning_rate - config.final_learning_rate
    return warmup * (config.final_learning_rate + span * cosine)


def _set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate


def _is_due(before: int, after: int, every: int) -> bool:
    """Tell whether a multiple of `every` lies in (before, after]."""
    return after // every > before // every


def _require_finite(
    loss: Tensor, gradient_norm: Tensor, task: Task, batch: Batch, progress: Progress
) -> None:
    """Stop before the update, while the weights are still good."""
    if torch.isfinite(loss) and torch.isfinite(gradient_norm):
        return
    raise TrainingError(
        f"Step {progress.step + 1} has a loss of {loss.item()} and a gradient norm of "
        f"{gradient_norm.item()}; the weights were not touched. The batch came from: "
        f"{', '.join(task.describe(batch))}. Lower the learning rate or remove a bad picture."
    )


def _validate(task: Task, generator: nn.Module, progress: Progress, reports: Reports) -> None:
    """Score the moving average, remember the best, draw a preview."""
    progress.validation = task.validate(generator)
    score = next(iter(progress.validation.values()), float(progress.images_seen))
    if score > progress.best_score:
        progress.best_score, progress.best_images_seen = score, progress.images_seen
    reports.validation(progress, task.preview(generator))
