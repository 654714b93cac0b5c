"""Training loop of WGAN-GP: build or resume a run, step, report, validate, save checkpoints.

`srgan-gp train` and `finetuning.finetune` call `train`. Lengths are counted in training images seen
since the start of the run (`images_seen`), repetitions included.
"""

import time
from collections.abc import Sequence
from contextlib import ExitStack, nullcontext
from pathlib import Path

import torch
from torch import Tensor

from srgan_gp.system.paths import is_folder
from srgan_gp.system.signals import StopRequest
from srgan_gp.training import checkpoint, resume
from srgan_gp.training.checkpoint import Progress, TrainingState
from srgan_gp.training.critic.adaptive_augmentation import Augmenter
from srgan_gp.training.critic.critic_freezing import freeze_first_stages
from srgan_gp.training.critic.diagnostics import measure_critic_estimate
from srgan_gp.training.critic.run_diagnosis import diagnose_run
from srgan_gp.training.device import choose_device, cpu_threads, explain_memory_error, open_autocast
from srgan_gp.training.distributed import Processes, device_of_this_process
from srgan_gp.training.early_stopping import needs_start_scores, record_validation, require_scores
from srgan_gp.training.ema import MovingAverage
from srgan_gp.training.options.config import TrainConfig
from srgan_gp.training.options.optimizers import build_optimizer
from srgan_gp.training.reports.start_messages import finished_message, line_meanings
from srgan_gp.training.run_log import Reports
from srgan_gp.training.schedules import is_generator_turn
from srgan_gp.training.start_weights import load_start
from srgan_gp.training.steps import Run, critic_step, generated_input, generator_step
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

    With an `adversarial_ratio` above 0 this is WGAN-GP: the critic takes a step on every batch.
    To resume, call again with the same arguments. SIGTERM and SIGINT end the run after the current
    step with a checkpoint. Under `torchrun` the processes that call this make one run together.

    Args:
        config: options of the run.
        data: folders or zip files of training images.
        run_dir: folder for checkpoints, previews, logs and the options.
        validation: folder or zip file of validation images.
        start_from: `.onnx` or `.safetensors` file with the initial weights of a new run; the
            critic starts with those of `NAME.critic.safetensors` beside it, if that file exists.

    Returns:
        `run_dir`.

    Raises:
        TrainingError: a loss or a gradient is not finite, a checkpoint does not fit, or the memory
            is too small.
        UsageError: an option or the data is not valid.
        PictureError: a validation image or too many training images are damaged.
        DeviceError: the GPU does not exist.
        ModelRefusedError: the face detector of a run of faces cannot be used.
        OutputError: a file in `run_dir` cannot be written.
        LockedError: another run is in progress in `run_dir`.
        Stopped: a signal ended the run; everything is saved.
    """
    require_scores(config, validation is not None)
    device = choose_device(device_of_this_process(config.device))
    with (
        cpu_threads(config.threads), explain_memory_error(config, device),
        Processes(device) as processes, ExitStack() as lock,
    ):  # fmt: skip
        is_resumed = is_folder(run_dir / "checkpoints")
        if is_resumed and processes.is_first:  # before `_open_run` reads the checkpoints
            lock.enter_context(resume.locked_run(run_dir))
        run, changes = _open_run(config, data, run_dir, validation, start_from, device, processes)
        state, progress = run.state, run.state.progress
        reports = None  # only the first process writes files and messages
        if processes.is_first:
            if not is_resumed:  # after `_open_run`: a run that cannot start leaves no folder
                lock.enter_context(resume.locked_run(run_dir))
            resume.save_start(config, data, validation, run_dir, start_from)
            reports = _open_reports(run, run_dir, changes)
        with reports or nullcontext(), StopRequest() as stop:
            start_time = time.monotonic() - progress.seconds  # as if the run had no interruption
            is_measured = True  # for `generator_step`: measures slow log values once a log line
            # The batches end at `config.total_images`. A run that has stopped early has no more.
            batches = () if progress.ended_because else run.task.batches(progress.images_seen)
            for batch in batches:
                before = progress.images_seen  # images seen before and after this batch
                after = before + len(batch.numbers) * processes.count
                values: dict[str, Tensor] = {}  # log values of this batch by name

                # Images for both networks; `generated` has them as the critic gets them.
                moves_generator = is_generator_turn(config, before)
                with run.autocast, torch.set_grad_enabled(moves_generator):
                    output = state.generator(batch.inputs)
                    generated = generated_input(run, batch, output)

                # Critic (algorithm 1, lines 4 to 9): E D(fake) - E D(real) + drift + penalty.
                if generated:  # None: the run has no critic
                    values |= critic_step(run, batch, generated)

                # Generator (lines 11 and 12): content losses - E D(fake); then its moving average.
                if moves_generator:
                    values |= generator_step(run, batch, output, generated, is_measured=is_measured)
                    is_measured = False

                # Report, validate, save a checkpoint.
                is_measured = is_measured or _is_due(config, before, after, config.report_images)
                progress.images_seen = after
                progress.seconds = time.monotonic() - start_time
                if reports:
                    reports.advance(after, values)
                must_stop = processes.any(stop.requested)
                if reports:
                    _report(run, reports, run_dir, before, must_stop=must_stop)
                if must_stop:
                    stop.raise_stopped()
                # Only the first process validates, which may end the run of all processes.
                is_validated = _is_due(config, before, after, config.validate_images)
                if is_validated and processes.any(bool(progress.ended_because)):
                    break
            if reports and config.has_critic:
                for message in diagnose_run(run_dir):
                    reports.say(f"Diagnosis: {message}")
    return run_dir


def _open_run(
    config: TrainConfig,
    data: Sequence[str],
    run_dir: Path,
    validation: str | None,
    start_from: Path | None,
    device: torch.device,
    processes: Processes,
) -> tuple[Run, str]:
    """Build the networks of a run, then load its newest checkpoint, or else `start_from`.

    Returns:
        The run; and a message: how the machine differs from that of the checkpoint, or which layers
        `start_from` lacks; "" if there is nothing to say.
    """
    # Numbers below 1e-38 become 0: a CPU computes 50 times more slowly with them, and blocks whose
    # last layer starts at zero have such gradients.
    torch.set_flush_denormal(True)
    torch.manual_seed(config.seed)
    task: Task = TASKS[config.task](config, data, validation, device, processes)
    state = _build(config, task, device)
    augmenter = Augmenter(config, task, state.progress, processes)
    has_checkpoint = resume.load_checkpoint(state, config, data, validation, run_dir)
    added = load_start(state, start_from) if start_from and not has_checkpoint else ""
    # A new run has no earlier machine, so that there is one message at most.
    changes = resume.update_machine(state.progress, config, device) or added
    # Each process has measured whether bf16 is faster; either all processes use bf16, or none.
    if config.precision == "auto" and processes.any(state.progress.precision == "fp32"):
        state.progress.precision = "fp32"
    autocast = open_autocast(state.progress.precision, device)
    processes.require_even_shares(config, state.progress.images_seen)
    return Run(config, task, state, processes, autocast, augmenter), changes


def _build(config: TrainConfig, task: Task, device: torch.device) -> TrainingState:
    """Build networks and optimizers with fresh weights."""
    rate = 1e-3  # never used: each step sets the rate of its schedule
    progress = Progress(augment_probability=config.augment_probability)
    generator = task.build_generator().to(device).to(memory_format=torch.channels_last)
    average = MovingAverage(generator, config.average_decay)
    betas = config.adam_beta1, config.adam_beta2
    optimizer = build_optimizer(config.optimizer, generator, rate, *betas)
    if not config.has_critic:
        return TrainingState(generator, average, optimizer, progress)
    critic = task.build_critic().to(device).to(memory_format=torch.channels_last)
    freeze_first_stages(critic, config.freeze_critic_stages)
    betas = config.critic_beta1, config.critic_beta2
    critic_optimizer = build_optimizer(config.optimizer, critic, rate, *betas)
    return TrainingState(generator, average, optimizer, progress, critic, critic_optimizer)


def _open_reports(run: Run, run_dir: Path, changes: str) -> Reports:
    """Open the log of a run, print its first lines, and score the start if an option needs that.

    `changes` is that of `_open_run`. A checkpoint keeps the scores for a resumed run.
    """
    config, progress = run.config, run.state.progress
    reports = Reports(run_dir, config.total_images, progress.images_seen)
    if finished := finished_message(config, progress):
        reports.say(finished)
    else:
        if changes:
            reports.say_and_save(progress.images_seen, changes)
        is_new = not progress.images_seen
        reports.report_start(run.task.preview(run.state.average.average) if is_new else None)
        for line in line_meanings(config, progress):
            reports.say(line)
    if needs_start_scores(config) and not (progress.images_seen or progress.start_validation):
        _validate(run, reports)
        checkpoint.save(run.state, run_dir / "checkpoints")
    return reports


def _is_due(config: TrainConfig, before: int, after: int, every: int) -> bool:
    """Return whether (before, after] holds a multiple of `every`, or `after` is the run's end."""
    return after >= config.total_images or after // every > before // every


def _report(run: Run, reports: Reports, run_dir: Path, before: int, *, must_stop: bool) -> None:
    """Write a log line, validate and save a checkpoint, each if it is due.

    The log line comes first: `Reports.write_validation` prints its means. The checkpoint comes
    last: it contains the scores.
    """
    config, progress, folder = run.config, run.state.progress, run_dir / "checkpoints"
    after = progress.images_seen
    if _is_due(config, before, after, config.report_images):
        reports.write_means(progress)
    if _is_due(config, before, after, config.validate_images):
        _validate(run, reports)
    is_best = progress.best_images_seen == after
    is_due = _is_due(config, before, after, config.checkpoint_images)
    if is_due or is_best or must_stop or progress.ended_because:
        checkpoint.save(run.state, folder)
        checkpoint.prune(folder, config.keep_checkpoints, progress)
    if must_stop:
        reports.say(
            f"Stopped after {after} images; all is saved. The same command resumes the run."
        )


def _validate(run: Run, reports: Reports) -> None:
    """Score the moving average and the critic, update `progress`, save a preview."""
    state, progress = run.state, run.state.progress
    average = state.average.average
    progress.validation = run.task.validate(average)
    batch = run.task.validation_batch()
    if state.critic and batch:
        estimate = measure_critic_estimate(state.critic, state.generator, batch)
        progress.validation["critic_estimate"] = estimate
    record_validation(run.config, progress)
    reports.write_validation(progress, run.task.preview(average))
    if progress.ended_because:
        reports.say(progress.ended_because)
