"""Checks of a fine-tuning that need neither PyTorch, which takes seconds to import, nor an image.

`srgan-gp finetune` calls `require_possible_run`. `finetune.finetune` makes the same checks again,
with the images that can be decoded. Imports no torch.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from srgan_gp.data.image_sources import ImageFile, list_images
from srgan_gp.data.validation_split import FoundSets, largest_sizes
from srgan_gp.errors import UsageError
from srgan_gp.finetuning.finetune_plan import plan
from srgan_gp.finetuning.finetune_source import Source
from srgan_gp.system.paths import is_file
from srgan_gp.training.options.config_file import require_equal_options
from srgan_gp.training.options.task_options import require_critic_options
from srgan_gp.training.run_data import CONFIG_NAME, FINETUNE_LIST, has_begun

TRAIN_LIST, VALIDATION_LIST = FINETUNE_LIST, "held_out.list"  # FINETUNE_LIST is "train.list"
"""Files in the folder of a run that list its images; the names of version 0.1, whose runs can be
resumed."""


def require_possible_run(
    source: Source, found: FoundSets, run_dir: Path, changes: Mapping[str, Any]
) -> None:
    """Check the number of files, the plan, and images and options of a run that is to be resumed.

    Args:
        source: the model to start from.
        found: the images of both sets.
        run_dir: folder of the run, which may be new.
        changes: fields of `TrainConfig` that override the plan.

    Raises:
        UsageError: there are too few images, a change is not valid, or the run was begun with other
            images or options.
        TrainingError: the options of the run cannot be read.
    """
    # The numbers of images are not final: some files may not be decodable. `plan` is called here to
    # check the number of files and the changes.
    training_images, validation_images = largest_sizes(found)
    planned = plan(source, training_images, validation_images, changes)
    if not has_begun(run_dir):  # an earlier version accepted such options; a resumed run needs them
        require_critic_options(planned, changes)
    lists = [run_dir / name for name in (TRAIN_LIST, VALIDATION_LIST)]
    if not (has_begun(run_dir) and all(is_file(path) for path in lists)):
        return
    train, validation = (list_images(path) for path in lists)
    # The lists of the run may lack some images of `found`, which could not be decoded.
    has_same_train = _absolute(train) <= _absolute(found.train)
    # Without a validation set, the validation images were split off the training images.
    has_same_validation = _absolute(validation) <= _absolute(found.validation or found.train)
    if not (has_same_train and has_same_validation):
        raise other_images_error(run_dir)
    # Planned options depend on the number of images, first of all `total_images`.
    config = plan(source, len(train), len(validation), changes)
    require_equal_options(config, run_dir / CONFIG_NAME, causes=("total_images",))


def other_images_error(run_dir: Path) -> UsageError:
    """Return the error about a run that was begun on other images than those that are named."""
    return UsageError(
        f"{run_dir} holds a fine-tuning on other images. Choose another output folder with -o, or "
        "the same images to resume."
    )


def _absolute(files: Iterable[ImageFile]) -> set[ImageFile]:
    """Return images with absolute paths, as in the lists of a run."""
    return {ImageFile(file.container.absolute(), file.member) for file in files}
