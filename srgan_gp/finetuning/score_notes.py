"""Notes below the table of scores of a fine-tuning, which `srgan-gp finetune` prints."""

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from srgan_gp.data.validation_halves import FEWEST_TO_SPLIT
from srgan_gp.finetuning.finetune_result import FinetuneResult
from srgan_gp.finetuning.finetune_scores import SETS
from srgan_gp.finetuning.first_checks import TRAIN_LIST, VALIDATION_LIST
from srgan_gp.metrics.pattern import no_texture_line
from srgan_gp.training.pretrained_networks import NO_NETWORK
from srgan_gp.training.validation.validation_faces import MAX_FACES, MAX_GENERATED
from srgan_gp.training.validation.validation_images import LONGEST_SIDE

_DOWNSCALERS_NOTE = (
    "In brackets is how the images were downscaled. matlab: by the bicubic method of MATLAB. "
    "area-jpeg75: by the mean of areas, and saved as JPEG of quality 75. The scores that were "
    "printed during the training differ: their images were downscaled as the training images."
)
_ORIGINALS_NOTE = (
    "The column originals has the values of the validation images themselves. The grain that is "
    "nearest to theirs is the best; more is not better."
)
_FACES_NOTE = (
    f"Each value is the mean over {SETS} sets of {{count}} generated faces of truncation 1, each "
    f"compared with all validation images, of {MAX_FACES:,} at most. The column spread has the "
    "standard deviation over these sets after the training. The scores that were printed during "
    f"the training differ: they use one set of generated faces and, if there are {FEWEST_TO_SPLIT} "
    "validation images or more, only half of these."
)
# `evaluate` measures one more set of faces, a fifth one. By Student's t, its value differs from the
# mean of the `SETS` = 4 values by less than 3 of their standard deviations in 92 % of all cases.
_EVALUATE_NOTE = (
    "To measure a model in the same way, but on one set of other faces, so that by chance a score "
    "differs from the table, mostly by less than 3 times its spread{small}: {command}"
)
# Number of validation faces, and so of generated ones in a set, below which a note says that the
# rule above fails for some scores. A smaller number would omit the note where it fails too, a
# larger one would print the note where it holds.
_FEW_FACES = 100
_FEW_FACES_TEXT = f" (with fewer than {_FEW_FACES} validation faces one or two scores differ more)"


def score_notes(
    outcome: FinetuneResult, model: str, changes: Mapping[str, Any] | None = None
) -> Iterator[str]:
    """Yield what a reader must know about the scores, each note as one line.

    Args:
        outcome: result of the fine-tuning; its table has at least one row.
        model: name or path of a model, for the command that measures it in the same way.
        changes: fields of `TrainConfig` that the user set; None: none.
    """
    rows = outcome.verdict.rows
    # Each downscaler once, in the order of the rows. Rows of a face generator have none.
    downscalers = dict.fromkeys(row.downscaler for row in rows if row.downscaler)
    if not downscalers:
        yield _FACES_NOTE.format(count=generated_faces(outcome.validation))
        if _is_measured_by_evaluate(outcome, model):
            small = _FEW_FACES_TEXT if outcome.validation < _FEW_FACES else ""
            command = _evaluate_command(outcome, model, changes or {})
            yield _EVALUATE_NOTE.format(small=small, command=command)
        return
    yield _DOWNSCALERS_NOTE
    if any(row.originals is not None for row in rows):
        yield _ORIGINALS_NOTE
    measured = {row.downscaler for row in rows if row.metric == "pattern"}
    missing = [name for name in downscalers if name not in measured]
    if missing:
        suffix = f" ({', '.join(missing)})" if measured else ""
        yield no_texture_line(suffix, centre=LONGEST_SIDE)


def generated_faces(validation: int) -> int:
    """Return the number of faces of each generated set that is scored on `validation` faces."""
    return min(validation, MAX_GENERATED)


def _is_measured_by_evaluate(outcome: FinetuneResult, model: str) -> bool:
    """Return whether `srgan-gp evaluate` takes the model and compares with the same images.

    It does not read the `.safetensors` of version 0.1, and compares with all validation images,
    where the table has `MAX_FACES` at most.
    """
    return outcome.validation <= MAX_FACES and Path(model).suffix != ".safetensors"


def _evaluate_command(outcome: FinetuneResult, model: str, changes: Mapping[str, Any]) -> str:
    """Return the `srgan-gp evaluate` with the images, number, truncation and networks of the table.

    `evaluate` also scores training faces as a baseline, and compares as many of them as it
    generates. If the run had fewer, the command does not name them.
    """
    count = generated_faces(outcome.validation)
    # The folder of the run has files that list its images.
    command = ["srgan-gp", "evaluate", model, "--data", str(outcome.run_dir / VALIDATION_LIST)]
    if count <= outcome.trained_on:
        command += ["--train-data", str(outcome.run_dir / TRAIN_LIST)]
    command += ["--validation-half", "all", "--count", str(count), "--trunc", "1"]
    metrics = {row.metric for row in outcome.verdict.rows}
    for option, field, metric in (
        ("--feature-weights", "feature_weights", "kid_squeeze"),
        ("--detector", "face_detector", "fd_yunet"),
    ):
        # A network that the run did without may not be installed, and `evaluate` would not run.
        file = changes.get(field) if metric in metrics else NO_NETWORK
        if file:
            command += [option, str(file)]
    return shlex.join(command)
