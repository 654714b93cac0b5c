"""The training loop, top to bottom."""

import time
from collections.abc import Sequence
from contextlib import ExitStack, nullcontext
from pathlib import Path

import torch
from torch import Tensor, nn

from srgan_gp.signals import StopRequest
from srgan_gp.training import checkpoint
from srgan_gp.training.adversary import is_generators_turn
from srgan_gp.training.augmenting import Augmenter
from srgan_gp.training.checkpoint import Progress, TrainingState
from srgan_gp.training.config import TrainConfig
from srgan_gp.training.device import choose_device, explained_memory, open_autocast
from srgan_gp.training.ema import MovingAverage
from srgan_gp.training.freezing import freeze_first_stages
from srgan_gp.training.health import critic_estimate
from srgan_gp.training.processes import Processes, device_of_this_process
from srgan_gp.training.reports import Reports
from srgan_gp.training.start import (
    load_critic,
    load_weights,
    locked_run,
    note_machine,
    resume,
    save_start,
)
from srgan_gp.training.steps import Run, critic_step, generator_step, show_generated
from srgan_gp.training.stopping import needs_start, note_validation, require_scores
from srgan_gp.training.tasks import TASKS, Task


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
        start_from: `.onnx` or `.safetensors` file of the weights to begin a new run with; the
            critic begins with those of `NAME.critic.safetensors` beside it, where there are any.

    Returns:
        `run_dir`.

    Raises:
        TrainingError: a loss or a gradient is not finite, a checkpoint does not fit, or the memory
            is too small.
        UsageError: an option or the data makes no sense.
        LockedError: another run is at work in `run_dir`.
        Stopped: a signal ended the run; everything is saved.
    """
    require_scores(config, validation is not None)
    device = choose_device(device_of_this_process(config.device))
    memory = explained_memory(config, device)
    with memory, Processes(device) as processes, ExitStack() as lock:
        # Build.
        if config.threads:
            torch.set_num_threads(config.threads)
        # Block ends that start at zero have tiny gradients, and numbers below 1e-38 take a CPU 50
        # times as long.
        torch.set_flush_denormal(True)
        torch.manual_seed(config.seed)
        task: Task = TASKS[config.task](config, data, validation, device, processes)
        state = _build(config, task, device)
        progress = state.progress
        augmenter = Augmenter(config, task, progress, processes)

        # Resume or start.
        if not resume(state, config, data, validation, run_dir) and start_from:
            load_weights(state.generator, start_from)
            load_weights(state.average.average, start_from)
            if state.critic:
                load_critic(state.critic, start_from)
        what_changed = note_machine(progress, config, device)
        autocast = open_autocast(progress.precision, device)
        run = Run(config, task, state, processes, autocast, augmenter)
        processes.require_even_shares(config, progress.images_seen)
        reports = None
        if processes.is_first:
            lock.enter_context(locked_run(run_dir))
            save_start(config, data, validation, run_dir)
            reports = Reports(run_dir, config.total_images, progress.images_seen)
            if what_changed:
                reports.note(progress.images_seen, what_changed)
            if progress.ended_because:
                reports.say(progress.ended_because)
            if needs_start(config) and not (progress.images_seen or progress.start_validation):
                _validate(run, reports)  # what every later checkpoint has to beat
                checkpoint.save(state, run_dir / "checkpoints")

        # Loop.
        with reports or nullcontext(), StopRequest() as stop:
            began = time.monotonic() - progress.seconds
            is_watch_due = True  # on the generator's first turn of each report
            for batch in [] if progress.ended_because else task.batches(progress.images_seen):
                before = progress.images_seen
                after = before + len(batch.numbers) * processes.count
                is_last = after >= config.total_images
                reports_now = is_last or _is_due(before, after, config.report_images)
                validates_now = is_last or _is_due(before, after, config.validate_images)
                notes: dict[str, Tensor] = {}

                # Generator's pictures: both networks learn from them.
                can_move = is_generators_turn(config, before)
                with run.autocast, torch.set_grad_enabled(can_move):
                    output = state.generator(batch.inputs)
                    generated = show_generated(run, batch, output)

                # Critic: score real above generated, with a slope of 1 between them.
                if generated:
                    notes |= critic_step(run, batch, generated)

                # Generator: towards the targets and better scores; then its moving average.
                if can_move:
                    notes |= generator_step(run, batch, output, generated, is_watched=is_watch_due)
                    is_watch_due = False

                # Report, validate, checkpoint.
                is_watch_due = is_watch_due or reports_now
                progress.images_seen = after
                progress.seconds = time.monotonic() - began
                if reports:
                    reports.advance(after, notes)
                must_stop = processes.any(stop.requested)
                if reports:
                    if reports_now:
                        reports.write(progress)
                    if validates_now:
                        _validate(run, reports)
                    is_best = progress.best_images_seen == after
                    is_due = _is_due(before, after, config.checkpoint_images)
                    if is_last or is_best or is_due or must_stop or progress.ended_because:
                        checkpoint.save(state, run_dir / "checkpoints")
                        checkpoint.prune(run_dir / "checkpoints", config.keep_checkpoints, progress)
                    if must_stop:
                        reports.say(f"Stopped at {after} images; all is saved.")
                if must_stop:
                    stop.end()
                if validates_now and processes.any(bool(progress.ended_because)):
                    break
    return run_dir


def _build(config: TrainConfig, task: Task, device: torch.device) -> TrainingState:
    """Build networks and optimizers with fresh weights."""

    def adam(network: nn.Module, *betas: float) -> torch.optim.Adam:
        learning = [p for p in network.parameters() if p.requires_grad]
        return torch.optim.Adam(learning, betas=(betas[0], betas[1]), fused=True)

    progress = Progress(augment_probability=config.augment_probability)
    generator = task.build_generator().to(device).to(memory_format=torch.channels_last)
    average = MovingAverage(generator, config.average_decay)
    optimizer = adam(generator, config.adam_beta1, config.adam_beta2)
    if not config.has_critic:
        return TrainingState(generator, average, optimizer, progress)
    critic = task.build_critic().to(device).to(memory_format=torch.channels_last)
    freeze_first_stages(critic, config.freeze_critic_stages)
    critic_optimizer = adam(critic, config.critic_beta1, config.critic_beta2)
    return TrainingState(generator, average, optimizer, progress, critic, critic_optimizer)


def _is_due(before: int, after: int, every: int) -> bool:
    """Tell whether a multiple of `every` lies in (before, after]."""
    return after // every > before // every


def _validate(run: Run, reports: Reports) -> None:
    """Score the moving average, look at the critic, judge, draw a preview."""
    state, progress = run.state, run.state.progress
    average = state.average.average
    progress.validation = run.task.validate(average)
    held_out = run.task.held_out_batch()
    if state.critic and held_out:
        estimate = critic_estimate(state.critic, state.generator, held_out)
        progress.validation["critic_estimate"] = estimate
    note_validation(run.config, progress)
    reports.validation(progress, run.task.preview(average))
    if progress.ended_because:
        reports.say(progress.ended_because)
