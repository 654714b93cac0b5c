"""Check of the images of a fine-tuning: files that cannot be used are skipped, with a message.

`finetune.finetune` uses this module before it splits the images into two sets.
"""

from collections.abc import Callable, Sequence

from srgan_gp.data.face_preparation.photo_lists import format_suffixes, other_files
from srgan_gp.data.image_sources import ImageFile
from srgan_gp.data.validation_split import Places
from srgan_gp.errors import PictureError


class UsableImages:
    """Images that can be decoded, and the SHA-256 of each file, which is opened once.

    Args:
        say: called with a message for each image that is skipped.
        on_stage: called with the name of the stage and the numbers of images done and in all.
    """

    def __init__(
        self, say: Callable[[str], None], on_stage: Callable[[str, int, int], None]
    ) -> None:
        self._say, self._on_stage = say, on_stage
        # SHA-256 of the file of each image that can be decoded, of all sets.
        self._hashes: dict[ImageFile, str] = {}

    def choose(self, files: Sequence[ImageFile]) -> list[ImageFile]:
        """Decode every image of a set, and return those that can be decoded, in the same order."""
        for done, file in enumerate(files, 1):
            try:
                self._hashes[file] = file.decode_and_hash()
            except PictureError as error:
                self._say(f"warning: skipped {error}")
            self._on_stage("reading the images", done, len(files))
        return [file for file in files if file in self._hashes]

    def sha256(self, file: ImageFile) -> str:
        """Return the SHA-256 of the file of an image that `choose` has returned, in hexadecimal."""
        return self._hashes[file]


def other_files_line(places: Places) -> str:
    """Return a message with the number of files that are not images, by suffix; "" if none is.

    Args:
        places: folders, zip files and lists of the training and validation images.
    """
    skipped = other_files((*places.train, *places.validation))
    return f"Skipped files of other types: {format_suffixes(skipped)}" if skipped else ""
