"""Request of a fine-tuning: checked, copied, and made a command line."""

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from srgan_gp.batch.inputs.walk import PICTURE_SUFFIXES
from srgan_gp.errors import UsageError
from srgan_gp.serving.finetuning.zip_limits import check_zip
from srgan_gp.serving.jobs.loaded_models import check_known
from srgan_gp.system.files import atomic_write

FEWEST_PICTURES = 20
MOST_IMAGES = 1_000_000
"""To train on, each photo counted as often as it is seen: days on a GPU."""


@dataclass(frozen=True)
class TrainingPlan:
    """What a visitor asks for."""

    model: str
    """Name of the model to start from."""
    photos: Sequence[tuple[Path, str]]
    """Uploaded photos and zips of photos, each with the name that its owner gave it."""
    name: str
    """Of the new model."""
    total_images: int | None = None
    """Images to train on; None: as `srgan-gp finetune` plans."""


def check_plan(plan: TrainingPlan, most_pictures: int) -> None:
    """Refuse what no training can use.

    Args:
        plan: what is asked for.
        most_pictures: a limit on loose photos.

    Raises:
        UsageError: there is no such model, there are too few or too many photos or images, or a
            file or a zip is refused.
    """
    check_known(plan.model)
    if plan.total_images is not None and not 1 <= plan.total_images <= MOST_IMAGES:
        raise UsageError(
            f"A model can be trained on 1 to {MOST_IMAGES:,} images, not {plan.total_images:,}."
        )
    for path, name in plan.photos:
        if path.suffix.lower() not in (*PICTURE_SUFFIXES, ".zip"):
            raise UsageError(f"{name} is neither a photo nor a zip by its name; leave it out.")
    zips = [photo for photo in plan.photos if photo[1].lower().endswith(".zip")]
    loose = len(plan.photos) - len(zips)
    if loose > most_pictures:
        raise UsageError(f"{loose} photos are too many; bring {most_pictures}, or a zip of them.")
    count = loose + sum(check_zip(*photo) for photo in zips)
    if count < FEWEST_PICTURES:
        raise UsageError(f"{count} photos are too few to learn from; bring {FEWEST_PICTURES}.")


def copy_photos(plan: TrainingPlan, folder: Path) -> list[Path]:
    """Copy uploads to where they are kept, under names of ours; gives what to train on.

    Raises:
        UsageError: one was removed since it came.
        OutputError: there is no room.
    """
    folder.mkdir(parents=True)
    zips: list[Path] = []
    for number, (path, name) in enumerate(plan.photos):
        target = folder / f"{number:04}{path.suffix.lower()}"
        if name.lower().endswith(".zip"):
            target = folder.parent / f"{number:04}.zip"
            zips.append(target)
        try:
            source = path.open("rb")
        except FileNotFoundError:
            raise UsageError(f"{name} is no longer here; choose your photos again.") from None
        with source, atomic_write(target) as file:
            shutil.copyfileobj(source, file)
    return [*zips, folder] if any(folder.iterdir()) else zips


def training_command(plan: TrainingPlan, photos: list[Path], run: Path, device: str) -> list[str]:
    """Write the command line of a plan.

    Args:
        plan: checked.
        photos: what `copy_photos` gave.
        run: folder of the run.
        device: as for `srgan-gp finetune`.
    """
    command = [sys.executable, "-m", "srgan_gp", "finetune", f"--from={plan.model}"]
    command += [f"--output={run}", f"--name={plan.name}", f"--device={device}", "--end-with-input"]
    if plan.total_images is not None:
        command.append(f"--set=total_images={plan.total_images}")
    return [*command, "--data", *map(str, photos)]
