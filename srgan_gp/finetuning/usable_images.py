"""Check of the images of a fine-tuning: files that cannot be used are skipped, with a message.

`finetune.finetune` calls both functions before it splits the images.
"""

from collections.abc import Callable, Sequence

from srgan_gp.data.face_preparation.photo_lists import format_suffixes, other_files
from srgan_gp.data.image_sources import ImageFile
from srgan_gp.data.validation_split import Places
from srgan_gp.errors import PictureError


def usable_images(
    files: Sequence[ImageFile],
    say: Callable[[str], None],
    on_stage: Callable[[str, int, int], None],
) -> list[ImageFile]:
    """Decode every image once, and return those that can be decoded, in the same order.

    Args:
        files: images of a training or a validation set.
        say: called with a message for each image that is skipped.
        on_stage: called with the name of the stage and the numbers of images done and in all.
    """
    usable: list[ImageFile] = []
    for done, file in enumerate(files, 1):
        try:
            file.read()
            usable.append(file)
        except PictureError as error:
            say(f"warning: skipped {error}")
        on_stage("reading the images", done, len(files))
    return usable


def other_files_line(places: Places) -> str:
    """Return a message that names the files that are not images; "" if there are none."""
    skipped = other_files((*places.train, *places.validation))
    return f"Skipped files of other types: {format_suffixes(skipped)}" if skipped else ""
