"""Guarded fine-tuning of a model: plan, score, train, score again, compare.

`srgan-gp finetune` calls `finetune`; the app runs that command as a process.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from srgan_gp.data.image_sources import ImageFile, list_images, write_list
from srgan_gp.data.validation_split import FoundSets, Split, find_sets, largest_sizes, split_images
from srgan_gp.errors import OutputError
from srgan_gp.exporting.export import load_run
from srgan_gp.exporting.export_changes import smooth_faces
from srgan_gp.exporting.run_record import smoothing_of_start_model
from srgan_gp.finetuning.finetune_plan import plan, size_warnings
from srgan_gp.finetuning.finetune_result import FinetuneResult
from srgan_gp.finetuning.finetune_scores import (
    Measured,
    OnScored,
    score_faces,
    score_noise,
    score_upscaler,
)
from srgan_gp.finetuning.finetune_source import Source, find_source
from srgan_gp.finetuning.finetune_verdict import judge
from srgan_gp.finetuning.first_checks import TRAIN_LIST, VALIDATION_LIST, other_images_error
from srgan_gp.finetuning.install import save_first_card
from srgan_gp.finetuning.option_checks import require_usable_options
from srgan_gp.finetuning.usable_images import UsableImages, other_files_line
from srgan_gp.metrics.score_directions import BETTER
from srgan_gp.models.cards import FACES
from srgan_gp.networks import build
from srgan_gp.system.paths import is_file
from srgan_gp.training import checkpoint
from srgan_gp.training.device import cpu_threads
from srgan_gp.training.loop import train
from srgan_gp.training.options.config import TrainConfig
from srgan_gp.training.resume import require_same_options
from srgan_gp.training.start_weights import load_weights
from srgan_gp.training.tasks import generator_arguments
from srgan_gp.training.tasks.face_generation import face_cache
from srgan_gp.training.validation.validation_faces import ValidationFaces

Say = Callable[[str], None]
"""Shows a message to the user."""
OnStage = Callable[[str, int, int], None]
"""Shows the progress of a stage: its name, the steps done and the steps in all. With a fixed name
it becomes an `OnScored`, the progress of one scoring."""


def finetune(
    model: str,
    data: Sequence[str],
    run_dir: Path,
    *,
    validation: str | None = None,
    found: FoundSets | None = None,
    changes: Mapping[str, Any] | None = None,
    say: Say = lambda _: None,
    on_stage: OnStage = lambda stage, done, total: None,
) -> FinetuneResult:
    """Fine-tune a model on a user's own images; the same call resumes an interrupted run.

    The options are checked before an image is opened. Images that cannot be decoded are skipped,
    with a message for each.

    Args:
        model: a name, or the path of an `.onnx` or `.safetensors` file.
        data: folders and zip files of images.
        run_dir: folder for checkpoints, previews and logs.
        validation: folder or zip file of validation images; None: the validation folders of the
            prepared sets in `data`, or, if there are none, a share of `data` that `split_images`
            chooses.
        found: the result of `find_sets` for `data` and `validation`, so that they are not listed
            again; None: they are listed.
        changes: fields of `TrainConfig` that override the plan.
        say: called with each message to the user.
        on_stage: called while images are read and scored; see `OnStage`.

    Returns:
        Scores before and after, and the verdict. The best checkpoint stays in `run_dir`.

    Raises:
        UsageError: there are too few images, or an argument is not valid.
        ModelRefusedError: the model cannot be used.
        PictureError: the file of an image cannot be opened.
        TrainingError: a loss or a gradient is not finite, or a checkpoint is damaged or does not
            fit.
        OutputError: a file in `run_dir` cannot be written.
        LockedError: another run is in progress in `run_dir`.
        DeviceError: the GPU of the option `device` does not exist.
        Stopped: a signal ended the run; everything is saved.
    """
    source = find_source(model)
    found = found or find_sets(data, validation)
    changes = changes or {}
    # A first plan, to check the options before an image is read: as if all images can be decoded.
    most_train, most_validation = largest_sizes(found)
    config = plan(source, most_train, most_validation, changes)
    require_usable_options(config, source)
    generator = load_source(source, config)
    if message := other_files_line(found.places):  # about files that are not images
        say(message)
    # `choose` decodes all images, skips those that cannot be decoded, and computes the hashes.
    usable = UsableImages(say, on_stage)
    split = split_images(found, choose=usable.choose, sha256=usable.sha256)
    # The second plan is for the images that can be decoded.
    config = plan(source, len(split.train), len(split.validation), changes)
    # Checked before the options, because planned options depend on the number of images.
    _require_same_images(split, run_dir)
    # Other planned options depend on `total_images`: if it differs, the error names it first.
    require_same_options(config, run_dir, causes=("total_images",))
    _write_lists(split, run_dir)
    # A card without scores, so that the run can be exported if it is interrupted.
    save_first_card(source, len(split.train), run_dir)
    _announce(source, split, config, say)
    with cpu_threads(config.threads):  # PyTorch's number of threads, restored at the end
        before, noise = _score_before(generator, config, run_dir, on_stage)
        train(
            config,
            [str(run_dir / TRAIN_LIST)],
            run_dir,
            validation=str(run_dir / VALIDATION_LIST),
            start_from=source.weights,
        )
        _config, best_generator, best_images_seen = load_run(run_dir)
        smooth_faces(best_generator, smoothing_of_start_model(run_dir))  # as `export` does
        after = before  # stays so if no checkpoint is better than the unchanged model
        if best_images_seen:
            on_scored = partial(on_stage, "scoring the best result")
            after = _score(best_generator, config, run_dir, on_scored)
    newest = checkpoint.newest(run_dir / "checkpoints")
    assert newest  # `train` has saved one
    _tensors, progress = newest  # weights, and the numbers of `checkpoint.Progress`
    return FinetuneResult(
        source=source.name,
        run_dir=run_dir,
        trained_on=len(split.train),
        validation=len(split.validation),
        rule=split.rule,
        images_seen=progress["images_seen"],
        best_images_seen=best_images_seen,
        ended_because=progress["ended_because"],
        seconds=progress["seconds"],
        verdict=judge(before, after, config, noise),
    )


def _announce(source: Source, split: Split, config: TrainConfig, say: Say) -> None:
    """Report the plan, and warnings about the number of images."""
    counts = len(split.train), len(split.validation)
    say(f"{source.name}: {counts[0]} training images, {counts[1]} validation images.")
    say(f"{split.rule[0].upper()}{split.rule[1:]}.")  # how the validation images were chosen
    for warning in size_warnings(*counts):
        say(f"warning: {warning}")
    say(
        f"Plan: {config.total_images} images in batches of {config.batch_size}, learning rate "
        f"{config.learning_rate:g}, best by {config.best_by} ({BETTER[config.best_by]} is better)."
    )


def load_source(source: Source, config: TrainConfig) -> nn.Module:
    """Return the generator with the weights and the filter of `source`, in evaluation mode.

    Raises:
        UsageError: the options define another network than that of the weights.
    """
    generator = build("generators", config.generator, **generator_arguments(config)).eval()
    load_weights(generator, source.weights)
    smooth_faces(generator, source.smoothing)
    return generator


def _score_before(
    generator: nn.Module, config: TrainConfig, run_dir: Path, on_stage: OnStage
) -> tuple[Measured, float]:
    """Score the unchanged generator.

    Returns:
        Its scores, and for `judge` the noise of the deciding score `config.best_by`, see
        `score_noise`. For a face generator the noise is 0: its scores are of several random sets of
        latents, whose scatter `judge` takes into account already.
    """
    on_scored = partial(on_stage, "scoring the model before training")
    measured = _score(generator, config, run_dir, on_scored)
    if config.task == FACES:
        return measured, 0.0
    files = list_images(str(run_dir / VALIDATION_LIST))
    on_scored = partial(on_stage, "measuring the noise of the scores")
    shifted = score_upscaler(generator, files, config, on_scored, is_shifted=True)
    return measured, score_noise(measured, shifted, config.best_by)


def _score(
    generator: nn.Module, config: TrainConfig, run_dir: Path, on_scored: OnScored
) -> Measured:
    """Score a generator, on the CPU, on all validation images of a run.

    The training itself validates a face generator on one half of a large set only, to choose the
    checkpoint.
    """
    validation_list = str(run_dir / VALIDATION_LIST)
    if config.task != FACES:
        return score_upscaler(generator, list_images(validation_list), config, on_scored)
    train_faces = face_cache([str(run_dir / TRAIN_LIST)], config)
    faces = face_cache([validation_list], config)
    validation = ValidationFaces(faces, config, torch.device("cpu"), train_faces)
    return score_faces(generator, validation, on_scored)


def _require_same_images(split: Split, run_dir: Path) -> None:
    """Check that the checkpoints in `run_dir`, if there are any, are of a run on these images.

    A list that is missing cannot be compared; `_write_lists` writes it again.

    Raises:
        UsageError: the run was begun with other images.
    """
    if not checkpoint.list_checkpoints(run_dir / "checkpoints"):
        return
    for name, files in ((TRAIN_LIST, split.train), (VALIDATION_LIST, split.validation)):
        path = run_dir / name
        if is_file(path) and not _has_images(path, files):
            raise other_images_error(run_dir)


def _write_lists(split: Split, run_dir: Path) -> None:
    """Save the lists of training and validation images; create the folder if it is missing.

    Raises:
        OutputError: the folder cannot be written.
    """
    try:
        run_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"Cannot create {run_dir}: {error.strerror}.") from error
    for name, files in ((TRAIN_LIST, split.train), (VALIDATION_LIST, split.validation)):
        write_list(files, run_dir / name)


def _has_images(path: Path, files: Sequence[ImageFile]) -> bool:
    """Return whether a list file, which has absolute paths, names these images in this order."""
    listed = [(file.container, file.member) for file in list_images(path)]
    return listed == [(file.container.absolute(), file.member) for file in files]
