"""Guarded fine-tuning of a model: plan, score, train, score again, compare."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from srgan_gp.data.image_sources import ImageFile, list_images, write_list
from srgan_gp.data.validation_split import Split, split_images
from srgan_gp.errors import OutputError, UsageError
from srgan_gp.exporting.export import load_run
from srgan_gp.finetuning.finetune_plan import plan, size_warnings
from srgan_gp.finetuning.finetune_scores import (
    Measured,
    OnScored,
    score_faces,
    score_noise,
    score_upscaler,
)
from srgan_gp.finetuning.finetune_source import Source, find_source
from srgan_gp.finetuning.finetune_verdict import Verdict, judge
from srgan_gp.finetuning.usable_images import other_files_line, usable_images
from srgan_gp.metrics.score_directions import BETTER
from srgan_gp.models.cards import FACES
from srgan_gp.networks import build
from srgan_gp.system.paths import is_file
from srgan_gp.training import checkpoint
from srgan_gp.training.critic.run_diagnosis import FINETUNE_LIST
from srgan_gp.training.device import cpu_threads
from srgan_gp.training.feature_network import load_features
from srgan_gp.training.loop import train
from srgan_gp.training.options.config import TrainConfig
from srgan_gp.training.resume import load_weights, require_same_options
from srgan_gp.training.tasks import generator_arguments
from srgan_gp.training.tasks.face_generation import face_cache
from srgan_gp.training.validation.validation_faces import ValidationFaces

TRAIN_LIST, VALIDATION_LIST = FINETUNE_LIST, "held_out.list"  # names that version 0.1 wrote
SIDES = ("before", "after")

Say = Callable[[str], None]
OnStage = Callable[[str, int, int], None]


@dataclass(frozen=True)
class FinetuneResult:
    """Result of a fine-tuning.

    Attributes:
        source: name of the model it started from.
        run_dir: where the checkpoints are.
        trained_on: number of training images.
        validation: number of validation images.
        rule: how the validation images were chosen.
        images_seen: number of images seen at the end of the run.
        best_images_seen: images seen by the checkpoint that was compared; 0: the unchanged model.
        ended_because: reason for early stopping; empty: the run was not stopped early.
        seconds: duration of the training.
        verdict: the comparison.
    """

    source: str
    run_dir: Path
    trained_on: int
    validation: int
    rule: str
    images_seen: int
    best_images_seen: int
    ended_because: str
    seconds: float
    verdict: Verdict

    def as_dict(self) -> dict[str, Any]:
        """Return everything as JSON types, `validation` as `held_out`; infinity becomes None."""
        found: dict[str, Any] = {
            "held_out" if key == "validation" else key: value for key, value in asdict(self).items()
        }
        for row in found["verdict"]["rows"]:
            row |= {side: row[side] if math.isfinite(row[side]) else None for side in SIDES}
        return found | {"run_dir": str(self.run_dir)}


def finetune(
    model: str,
    data: Sequence[str],
    run_dir: Path,
    *,
    validation: str | None = None,
    changes: Mapping[str, Any] | None = None,
    say: Say = lambda _: None,
    on_stage: OnStage = lambda stage, done, total: None,
) -> FinetuneResult:
    """Fine-tune a model on a user's own images; the same call resumes an interrupted run.

    Images that cannot be decoded are skipped, with a message for each.

    Args:
        model: a name, or the path of an `.onnx` or `.safetensors` file.
        data: folders and zip files of images.
        run_dir: folder for checkpoints, previews and logs.
        validation: folder or zip file of validation images; None: chosen by `split_images`.
        changes: options that override the plan.
        say: called with each message to the user.
        on_stage: called while images are read and scored, with the name of the stage and the
            numbers of steps done and in all.

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
    if others := other_files_line(data, validation):
        say(others)
    choose = partial(usable_images, say=say, on_stage=on_stage)
    split = split_images(data, validation, choose)
    counts = len(split.train), len(split.validation)
    config = plan(source, *counts, changes or {})
    load_features(config)  # fails early if it would have to be downloaded and cannot
    require_same_options(config, run_dir, causes=("total_images",))
    _write_lists(split, run_dir)
    _announce(source, split, config, say)
    with cpu_threads(config.threads):
        before, noise = _score_before(load_source(source, config), config, run_dir, on_stage)
        train(
            config,
            [str(run_dir / TRAIN_LIST)],
            run_dir,
            validation=str(run_dir / VALIDATION_LIST),
            start_from=source.weights,
        )
        _, generator, best = load_run(run_dir)
        scoring = partial(on_stage, "scoring the best result")
        # 0 images: no checkpoint is better than the unchanged model.
        after = _score(generator, config, run_dir, scoring) if best else before
    found = checkpoint.newest(run_dir / "checkpoints")
    assert found  # `train` has saved one
    _, numbers = found
    return FinetuneResult(
        source=source.name,
        run_dir=run_dir,
        trained_on=counts[0],
        validation=counts[1],
        rule=split.rule,
        images_seen=numbers["images_seen"],
        best_images_seen=best,
        ended_because=numbers["ended_because"],
        seconds=numbers["seconds"],
        verdict=judge(before, after, config, noise),
    )


def _announce(source: Source, split: Split, config: TrainConfig, say: Say) -> None:
    """Report the plan, and warnings about the number of images."""
    counts = len(split.train), len(split.validation)
    say(f"{source.name}: {counts[0]} training images, {counts[1]} validation images.")
    say(f"{split.rule[0].upper()}{split.rule[1:]}.")
    for warning in size_warnings(*counts):
        say(f"warning: {warning}")
    say(
        f"Plan: {config.total_images} images in batches of {config.batch_size}, learning rate "
        f"{config.learning_rate:g}, best by {config.best_by} ({BETTER[config.best_by]} is better)."
    )


def load_source(source: Source, config: TrainConfig) -> nn.Module:
    """Build the unchanged generator, on the CPU and in evaluation mode.

    Raises:
        UsageError: the options define another network than that of the weights.
    """
    generator = build("generators", config.generator, **generator_arguments(config)).eval()
    load_weights(generator, source.weights)
    return generator


def _score_before(
    generator: nn.Module, config: TrainConfig, run_dir: Path, on_stage: OnStage
) -> tuple[Measured, float]:
    """Score the unchanged generator; also return the noise of the deciding score.

    The sets of latents of a face generator differ by chance already: its noise is 0 here.
    """
    scoring = partial(on_stage, "scoring the model before training")
    measured = _score(generator, config, run_dir, scoring)
    if config.task == FACES:
        return measured, 0.0
    files = list_images(str(run_dir / VALIDATION_LIST))
    scoring = partial(on_stage, "measuring the noise of the scores")
    shifted = score_upscaler(generator, files, config, scoring, is_shifted=True)
    return measured, score_noise(measured, shifted, config.best_by)


def _score(
    generator: nn.Module, config: TrainConfig, run_dir: Path, on_scored: OnScored
) -> Measured:
    """Score a generator, on the CPU, on all validation images of a run.

    `train` itself scores one half of a large set of faces only; see `face_cache`.
    """
    train_list, validation_list = str(run_dir / TRAIN_LIST), str(run_dir / VALIDATION_LIST)
    if config.task != FACES:
        return score_upscaler(generator, list_images(validation_list), config, on_scored)
    faces, train_faces = (face_cache([place], config) for place in (validation_list, train_list))
    validation = ValidationFaces(faces, config, torch.device("cpu"), train_faces)
    return score_faces(generator, validation, on_scored)


def _write_lists(split: Split, run_dir: Path) -> None:
    """Save the lists of training and validation images; a resumed run must have the same.

    Raises:
        UsageError: the run was begun with other images.
        OutputError: the folder cannot be written.
    """
    try:
        run_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"Cannot create {run_dir}: {error.strerror}.") from error
    has_begun = bool(checkpoint.list_checkpoints(run_dir / "checkpoints"))
    for name, files in ((TRAIN_LIST, split.train), (VALIDATION_LIST, split.validation)):
        path = run_dir / name
        if has_begun and is_file(path) and not _has_images(path, files):
            raise UsageError(
                f"{run_dir} holds a fine-tuning on other images; choose another output folder, or "
                "the same images to resume."
            )
        write_list(files, path)


def _has_images(path: Path, files: Sequence[ImageFile]) -> bool:
    """Return whether a list file has these images, in this order."""
    listed = [(file.container, file.member) for file in list_images(path)]
    return listed == [(file.container.absolute(), file.member) for file in files]
