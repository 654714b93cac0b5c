"""Destination of results, as far as the command's options decide it."""

import os
from dataclasses import dataclass
from pathlib import Path

from srgan_gp.batch.inputs.walk import PICTURE_SUFFIXES
from srgan_gp.batch.naming.output_options import Exist, Output
from srgan_gp.errors import OutputError, UsageError
from srgan_gp.images import FORMATS, find_format
from srgan_gp.system.paths import is_folder, names_a_folder

_UNWRITABLE_SUFFIXES = {
    ".exr", ".heic", ".heif", ".ico", ".jp2", ".jxl", ".pbm", ".pdf", ".pgm", ".ppm", ".psd",
    ".svg", ".tga",
}  # fmt: skip
"""Nobody means a folder by these."""


@dataclass(frozen=True)
class Destination:
    """What was asked for about the results; `output` settles it."""

    path: str | None
    """A folder or, for one picture, a file; None: beside the one picture."""
    format: str = "auto"
    suffix: str | None = None
    name_template: str | None = None
    exist: Exist | None = None

    @property
    def folder(self) -> Path | None:
        """The output folder, where the results go to a folder that was named.

        Raises:
            UsageError: the path is empty, or ends like a picture that cannot be written.
        """
        if self.path == "":
            raise UsageError(
                "The text after -o is empty; name a folder or, for one picture, a file."
            )
        if self.path is None:
            return None
        path = Path(self.path)
        return path if names_a_folder(self.path) or not _names_a_picture(path) else None

    def output(self, single: Path | None, model: str, scale: float) -> Output:
        """Decide where the results go and what they are called.

        Args:
            single: the picture, where one alone was named; None: there may be several.
            model: its name.
            scale: the enlargement.

        Raises:
            UsageError: a folder is missing, there is a file's name for several pictures, or two
                options disagree.
            OutputError: the path is a file where a folder is needed.
        """
        extension = None
        if self.format != "auto":
            extension = FORMATS[find_format(self.format)].suffixes[0]
        folder, suffix = self.folder, self.suffix or ""
        if folder is not None and os.path.lexists(folder) and not is_folder(folder):
            raise OutputError(f"{folder} is a file; give a folder for the results, or a new name.")
        if folder is None and self.path is not None:
            return self._single_file(Path(self.path), single, extension)
        if folder is None:
            if single is None:
                raise UsageError("Several pictures need a folder for the results: pass -o FOLDER.")
            folder = single.parent
            if self.suffix is None and self.name_template is None:
                suffix = f"_x{scale:g}"
        return Output(
            folder,
            suffix=suffix,
            extension=extension,
            exist=self.exist,
            name_template=self.name_template,
            model=model,
            scale=scale,
        )

    def _single_file(self, path: Path, single: Path | None, extension: str | None) -> Output:
        if single is None:
            raise UsageError(
                f"{path} is the name of one picture; give a folder for several results."
            )
        if self.name_template is not None:
            raise UsageError(f"-o {path} names the result already; drop it or --name-template.")
        if extension is not None and find_format(extension) != find_format(path.suffix):
            raise UsageError(f"{path} does not end like a {self.format} file; drop one of the two.")
        return Output(path.parent, path.name, extension=path.suffix, exist=self.exist)


def _names_a_picture(path: Path) -> bool:
    """Say whether a path ends like a picture, and not like a folder.

    Raises:
        UsageError: like a picture that cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix in PICTURE_SUFFIXES | _UNWRITABLE_SUFFIXES:
        find_format(suffix)
    return any(suffix in row.suffixes for row in FORMATS.values())
