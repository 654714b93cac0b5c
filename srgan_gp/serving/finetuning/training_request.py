"""Fine-tuning request of a visitor: its validation, the copies of the photos, the command line."""

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from srgan_gp.batch.inputs.walk import PICTURE_SUFFIXES
from srgan_gp.errors import UsageError
from srgan_gp.models.cards import UPSCALING
from srgan_gp.models.new_names import require_free_name
from srgan_gp.serving.finetuning.trained_models import require_start_model
from srgan_gp.serving.finetuning.zip_limits import check_zip
from srgan_gp.serving.jobs.loaded_models import require_known
from srgan_gp.serving.server_settings import ServerSettings
from srgan_gp.system.files import atomic_write

MIN_PHOTOS = 20
"""Smallest number of photos, those in zips included: `data.validation_split` requires 16 for
training and 4 for validation."""
MAX_IMAGES = 1_000_000
"""Maximum training length, in images that the network sees; so many take days on a GPU."""


@dataclass(frozen=True)
class TrainingPlan:
    """Fine-tuning request of a visitor."""

    model: str
    """Name of the model to start from."""
    photos: Sequence[tuple[Path, str]]
    """(path, file name given by the visitor) of each uploaded photo or zip of photos."""
    name: str
    """Name of the new model."""
    total_images: int | None = None
    """Training length in images seen; None: chosen by `srgan-gp finetune`."""


def check_plan(plan: TrainingPlan, settings: ServerSettings) -> None:
    """Validate a request.

    Args:
        plan: request of the visitor.
        settings: settings of the server; `max_files` limits the photos outside of zips.

    Raises:
        UsageError: the model is unknown or cannot be trained here, the name of the new model cannot
            be used, the training length is out of range, there are too few or too many photos, or
            a file or zip is refused.
    """
    require_known(plan.model, UPSCALING)  # without imported models, which cannot be trained
    require_free_name(plan.name)  # raises too if a model of this name exists
    require_start_model(plan.model, settings)  # its feature network may be missing
    if plan.total_images is not None and not 1 <= plan.total_images <= MAX_IMAGES:
        raise UsageError(
            f"The training length must be from 1 to {MAX_IMAGES:,} images, "
            f"not {plan.total_images:,}."
        )
    for path, name in plan.photos:
        if path.suffix.lower() not in (*PICTURE_SUFFIXES, ".zip"):
            raise UsageError(f"{name} is neither a photo nor a zip file. Remove it.")
    zips = [(path, name) for path, name in plan.photos if path.suffix.lower() == ".zip"]
    single_photos = len(plan.photos) - len(zips)
    if single_photos > settings.max_files:
        raise UsageError(
            f"{single_photos} photos exceed the limit of {settings.max_files}. Upload a zip of "
            "them."
        )
    zipped_photos = sum(check_zip(path, name) for path, name in zips)
    count = single_photos + zipped_photos
    if count < MIN_PHOTOS:
        raise UsageError(f"{count} photos are too few. Upload at least {MIN_PHOTOS}.")


def copy_photos(plan: TrainingPlan, folder: Path) -> list[Path]:
    """Copy the uploads under numbered names, so that they do not expire during the run.

    Args:
        plan: validated by `check_plan`.
        folder: new directory for the photos; the zips are copied beside it.

    Returns:
        Arguments of `--data`: the zips, and `folder` if there is any photo in it.

    Raises:
        UsageError: an upload has expired.
        OutputError: the disk is full.
    """
    folder.mkdir(parents=True)
    zips: list[Path] = []
    for number, (path, name) in enumerate(plan.photos):
        target = folder / f"{number:04}{path.suffix.lower()}"
        if target.suffix == ".zip":
            target = folder.parent / target.name
            zips.append(target)
        try:
            source = path.open("rb")
        except FileNotFoundError:
            raise UsageError(f"The upload {name} has expired. Choose your photos again.") from None
        with source, atomic_write(target) as file:
            shutil.copyfileobj(source, file)
    return [*zips, folder] if any(folder.iterdir()) else zips


def training_command(
    plan: TrainingPlan, photos: list[Path], run: Path, settings: ServerSettings
) -> list[str]:
    """Build the command line of a run.

    Args:
        plan: validated by `check_plan`.
        photos: returned by `copy_photos`.
        run: directory of the run.
        settings: settings of the server.
    """
    command = [sys.executable, "-m", "srgan_gp", "finetune", f"--from={plan.model}"]
    # TensorRT is for inference only; the training uses the same GPU with CUDA.
    device = settings.device.replace("tensorrt", "cuda")
    command += [f"--output={run}", f"--name={plan.name}", f"--device={device}"]
    command.append("--end-with-input")  # the run ends with the server, which holds its input open
    if settings.feature_weights is not None:
        command.append(f"--feature-weights={settings.feature_weights.resolve()}")
    if plan.total_images is not None:
        command.append(f"--set=total_images={plan.total_images}")
    return [*command, "--data", *map(str, photos)]
