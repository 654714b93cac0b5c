"""The training loop, top to bottom."""

import math
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from srgan_gp.errors import TrainingError
from srgan_gp.losses.adversarial import generator_loss
from srgan_gp.training import checkpoint
from srgan_gp.training.adversary import (
    critic_objective,
    frozen,
    is_generators_turn,
    weight_of_critic,
)
from srgan_gp.training.checkpoint import Progress, TrainingState
from srgan_gp.training.config import TrainConfig
from srgan_gp.training.device import choose_autocast, choose_device
from srgan_gp.training.ema import MovingAverage
from srgan_gp.training.health import critic_estimate, diversity, gradient_ratio
from srgan_gp.training.processes import Processes, device_of_this_process
from srgan_gp.training.reports import Reports
from srgan_gp.training.signals import StopRequest
from srgan_gp.training.start import load_critic, load_weights, resume, save_config
from srgan_gp.training.tasks import TASKS, Batch, Task


@dataclass(frozen=True)
class Run:
    """What the steps of a run share."""

    config: TrainConfig
    task: Task
    state: TrainingState
    processes: Processes
    autocast: torch.autocast


def train(
    config: TrainConfig,
    data: Sequence[str],
    run_dir: Path,
    *,
    validation: str | None = None,
    start_from: Path | None = None,
) -> Path:
    """Train a generator until `config.total_images` images were seen.

    With an adversarial ratio above 0 this is WGAN-GP: the critic takes a step on every batch, the
    generator after the critic's warm-up. To resume, call again with the same arguments. SIGTERM and
    SIGINT end the run after the current step with a checkpoint. Under `torchrun` every process
    calls this, and together they make one run.

    Args:
        config: every option of the run.
        data: folders or zip files of training pictures.
        run_dir: where checkpoints, previews, logs and the options go.
        validation: folder or zip file of held-out pictures.
        start_from: `.safetensors` weights to begin a new run with; the critic begins with those of
            `NAME.critic.safetensors` beside it, where there are any.

    Returns:
        `run_dir`.

    Raises:
        TrainingError: a loss or a gradient is not finite, or a checkpoint does not fit.
        UsageError: an option or the data makes no sense.
        Stopped: a signal ended the run; everything is saved.
    """
    device = choose_device(device_of_this_process(config.device))
    with Processes(device) as processes:
        # Build.
        if config.threads:
            torch.set_num_threads(config.threads)
        torch.manual_seed(config.seed)
        task: Task = TASKS[config.task](config, data, validation, device, processes)
        state = _build(config, task, device)
        progress = state.progress
        run = Run(config, task, state, processes, choose_autocast(config.precision, device))

        # Resume or start.
        if not resume(state, config, run_dir) and start_from:
            load_weights(state.generator, start_from)
            load_weights(state.average.average, start_from)
            if state.critic:
                load_critic(state.critic, start_from)
        reports = None
        if processes.is_first:
            save_config(config, run_dir)
            reports = Reports(run_dir, config.total_images, progress.images_seen)

        # Loop.
        with reports or nullcontext(), StopRequest() as stop:
            began = time.monotonic() - progress.seconds
            for batch in task.batches(progress.images_seen):
                before = progress.images_seen
                after = before + len(batch.numbers) * processes.count
                is_last = after >= config.total_images
                reports_now = is_last or _is_due(before, after, config.report_images)
                notes: dict[str, Tensor] = {}

                # Generator's pictures: both networks learn from them.
                can_move = is_generators_turn(config, before)
                with run.autocast, torch.set_grad_enabled(can_move):
                    output = state.generator(batch.inputs)

                # Critic: score real above generated, with a slope of 1 between them.
                if state.critic:
                    notes |= _critic_step(run, batch, output.detach())

                # Generator: towards the targets and better scores; then its moving average.
                if can_move:
                    notes |= _generator_step(run, batch, output, is_watched=reports_now)

                # Report, validate, checkpoint.
                progress.images_seen = after
                progress.seconds = time.monotonic() - began
                if reports:
                    reports.advance(after, notes)
                must_stop = processes.any(stop.requested)
                if reports:
                    if reports_now:
                        reports.write(progress, learning_rate(config, before))
                    if is_last or _is_due(before, after, config.validate_images):
                        _validate(run, reports)
                    is_best = progress.best_images_seen == after
                    is_due = _is_due(before, after, config.checkpoint_images)
                    if is_last or is_best or is_due or must_stop:
                        checkpoint.save(state, run_dir / "checkpoints")
                        checkpoint.prune(run_dir / "checkpoints", config.keep_checkpoints, progress)
                    if must_stop:
                        reports.say(f"Stopped at {after} images; all is saved.")
                if must_stop:
                    stop.end()
    return run_dir


def _critic_step(run: Run, batch: Batch, output: Tensor) -> dict[str, Tensor]:
    """Move the critic by one step of Adam; return what is worth a note."""
    critic, optimizer = run.state.critic, run.state.critic_optimizer
    assert critic and optimizer
    with run.autocast:
        loss, notes = critic_objective(critic, batch, output, run.config)
    notes["health/critic_gradient_norm"] = _backward(run, critic, optimizer, loss, batch)
    _set_rate(optimizer, run.config.critic_learning_rate)
    optimizer.step()
    return notes


def _generator_step(
    run: Run, batch: Batch, output: Tensor, *, is_watched: bool
) -> dict[str, Tensor]:
    """Move the generator by one step of Adam, and its average; return what is worth a note."""
    config, state = run.config, run.state
    with run.autocast:
        losses = run.task.content_losses(output, batch)
        content = sum(losses.values())
        if state.critic:
            weight = weight_of_critic(config, state.progress.images_seen, batch.targets)
            with frozen(state.critic):
                scores = state.critic(output, batch.condition)
            losses["adversarial"] = weight * generator_loss(scores)
    loss = torch.stack(list(losses.values())).sum()
    notes = {f"loss/{name}": value.detach() for name, value in losses.items()}
    if state.critic and is_watched:
        notes["health/diversity"] = diversity(output, batch.targets)
        if isinstance(content, Tensor):
            notes["health/gradient_ratio"] = gradient_ratio(output, losses["adversarial"], content)
    gradient_norm = _backward(run, state.generator, state.optimizer, loss, batch)
    _set_rate(state.optimizer, learning_rate(config, state.progress.images_seen))
    state.optimizer.step()
    state.progress.step += 1
    state.average.update(state.generator, state.progress.step)
    return notes | {"loss": loss.detach(), "gradient_norm": gradient_norm}


def learning_rate(config: TrainConfig, images_seen: int) -> float:
    """Rate of the generator's step after `images_seen` images: linear warm-up times a cosine.

    Source:
        Loshchilov & Hutter 2017 (SGDR), arXiv:1608.03983, equation 5, one period.
    """
    warmup = min(1.0, (images_seen + config.batch_size) / max(config.warmup_images, 1))
    cosine = 0.5 * (1 + math.cos(math.pi * min(images_seen / config.total_images, 1.0)))
    span = config.learning_rate - config.final_learning_rate
    return warmup * (config.final_learning_rate + span * cosine)


def _build(config: TrainConfig, task: Task, device: torch.device) -> TrainingState:
    """Build networks and optimizers with fresh weights."""

    def adam(network: nn.Module, *betas: float) -> torch.optim.Adam:
        return torch.optim.Adam(network.parameters(), betas=(betas[0], betas[1]), fused=True)

    generator = task.build_generator().to(device).to(memory_format=torch.channels_last)
    average = MovingAverage(generator, config.ema_decay)
    optimizer = adam(generator, config.adam_beta1, config.adam_beta2)
    if not config.has_critic:
        return TrainingState(generator, average, optimizer, Progress())
    critic = task.build_critic().to(device).to(memory_format=torch.channels_last)
    critic_optimizer = adam(critic, config.critic_beta1, config.critic_beta2)
    return TrainingState(generator, average, optimizer, Progress(), critic, critic_optimizer)


def _set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate


def _is_due(before: int, after: int, every: int) -> bool:
    """Tell whether a multiple of `every` lies in (before, after]."""
    return after // every > before // every


def _backward(
    run: Run, network: nn.Module, optimizer: torch.optim.Optimizer, loss: Tensor, batch: Batch
) -> Tensor:
    """Compute gradients, average them over the processes, return their norm.

    Raises:
        TrainingError: loss or norm is not finite; the weights are still good.
    """
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    run.processes.average_gradients(network)
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    norm = nn.utils.get_total_norm(gradients)
    if not (torch.isfinite(loss) and torch.isfinite(norm)):
        raise TrainingError(
            f"Step {run.state.progress.step + 1} has a loss of {loss.item()} and a gradient norm "
            f"of {norm.item()}; the weights were not touched. The batch came from: "
            f"{', '.join(run.task.describe(batch))}. Lower the learning rate or remove a bad "
            "picture."
        )
    return norm


def _validate(run: Run, reports: Reports) -> None:
    """Score the moving average, remember the best, look at the critic, draw a preview.

    The best is the highest first score. With a critic or a perceptual loss it is the last one: the
    first score is PSNR, and such a run gives some of it away on purpose.
    """
    state, progress = run.state, run.state.progress
    average = state.average.average
    progress.validation = run.task.validate(average)
    held_out = run.task.held_out_batch()
    if state.critic and held_out:
        estimate = critic_estimate(state.critic, state.generator, held_out)
        progress.validation["critic_estimate"] = estimate
    score = next(iter(progress.validation.values()), float(progress.images_seen))
    if run.config.has_critic or run.config.perceptual_loss != "none":
        score = float(progress.images_seen)
    if score > progress.best_score:
        progress.best_score, progress.best_images_seen = score, progress.images_seen
    reports.validation(progress, run.task.preview(average))
