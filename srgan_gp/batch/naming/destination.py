"""Destination of results, from the options of the command: `-o`, `--format`, `--suffix` and others.

`srgan-gp upscale` makes a `Destination`, which determines whether `-o` names a folder or a file.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from srgan_gp.batch.inputs.walk import PICTURE_SUFFIXES
from srgan_gp.batch.naming.name_templates import Template
from srgan_gp.batch.naming.output_options import Exist, Output
from srgan_gp.errors import OutputError, UsageError
from srgan_gp.images import FORMATS, find_format
from srgan_gp.system.paths import is_folder, names_a_folder

_UNWRITABLE_SUFFIXES = {
    ".exr", ".heic", ".heif", ".ico", ".jp2", ".jxl", ".pbm", ".pdf", ".pgm", ".ppm", ".psd",
    ".svg", ".tga",
}  # fmt: skip
"""Suffixes of image formats that cannot be written; a path with such a suffix is not a folder."""


@dataclass(frozen=True)
class Destination:
    """Options for the results, as the user passed them; `output` resolves them."""

    path: str | None
    """Value of `-o`: a folder or, for one image, a file. None: there is only one image, and its
    result is written beside it."""
    format: str = "auto"
    """Value of `--format`; `auto`: each result keeps the format of its image if possible."""
    suffix: str | None = None
    """Value of `--suffix`. None: not passed; a result beside its image gets a suffix such as `_x4`.
    """
    name_template: str | None = None
    """Value of `--name-template`. None: not passed."""
    exist: Exist | None = None
    """Value of `--exist`: what to do about an existing result. None: not passed."""
    width: int | None = None
    """Width of all results in pixels; None: all have the same scale."""
    first_frame_only: bool = False
    """As for `Output.first_frame_only`."""

    @property
    def folder(self) -> Path | None:
        """The output folder, if `-o` names a folder; else None.

        Raises:
            UsageError: the path is empty, or has the suffix of an image that cannot be written.
        """
        if self.path == "":
            raise UsageError("The value of -o is empty; name a folder or, for one image, a file.")
        if self.path is None:
            return None
        path = Path(self.path)
        if names_a_folder(self.path):
            return path
        suffix = path.suffix.lower()
        # `PICTURE_SUFFIXES` are those of images that can be read.
        if suffix in PICTURE_SUFFIXES | _UNWRITABLE_SUFFIXES:
            find_format(suffix)  # raises a UsageError if the format cannot be written
        is_image_file = any(suffix in row.suffixes for row in FORMATS.values())
        return None if is_image_file else path

    def output(self, single: Path | None, model: str, scale: float) -> Output:
        """Determine the folder and the names of the results.

        Args:
            single: the image, if the user named a single file; None: there may be several.
            model: name of the model, for the name template.
            scale: scale factor of both sides; not used if `width` is set.

        Raises:
            UsageError: a folder is needed, the path is a file and there are several images, or two
                options contradict each other.
            OutputError: the path is a file where a folder is needed.
        """
        if self.width and self.name_template and Template.parse(self.name_template).uses("scale"):
            raise UsageError(
                f"The name template {self.name_template} has a scale, and with --width each image "
                "has its own; remove {scale}."
            )
        extension = None
        if self.format != "auto":
            extension = FORMATS[find_format(self.format)].suffixes[0]
        folder, suffix = self.folder, self.suffix or ""
        # Such as `large.xyz`, if this is not an existing folder and no separator follows it. With
        # one image it is more likely a misspelled file name than a new folder.
        looks_like_file = (
            folder is not None and bool(folder.suffix) and not names_a_folder(self.path or "")
        )
        if single is not None and looks_like_file:
            raise UsageError(
                f"{self.path} has no ending of an image; choose one of "
                f"{', '.join(row.suffixes[0] for row in FORMATS.values())}, or write "
                f"{self.path}{os.sep} for a folder."
            )
        if folder is not None and os.path.lexists(folder) and not is_folder(folder):
            raise OutputError(f"{folder} is a file; name a folder for the results.")
        if folder is None and self.path is not None:  # `-o` names an image file.
            return self._single_file(Path(self.path), single, extension)
        if folder is None:  # No `-o`: the result goes beside the image, under another name.
            if single is None:
                raise UsageError(
                    "Several images need a folder for the results: pass -o FOLDER, such as "
                    "-o upscaled."
                )
            folder = single.parent
            if self.suffix is None and self.name_template is None:
                suffix = f"_w{self.width}" if self.width else f"_x{scale:g}"
        return Output(
            folder,
            suffix=suffix,
            extension=extension,
            exist=self.exist,
            first_frame_only=self.first_frame_only,
            name_template=self.name_template,
            model=model,
            scale=None if self.width else scale,
        )

    def _single_file(self, path: Path, single: Path | None, extension: str | None) -> Output:
        """Return the output options if `-o` names a file; errors as for `output`.

        Args:
            path: the file.
            single: as for `output`.
            extension: file extension of `--format`, such as `.png`; None: `auto`.
        """
        if single is None:
            raise UsageError(f"{path} is the name of one image; name a folder for several results.")
        for option, value in (("--name-template", self.name_template), ("--suffix", self.suffix)):
            if value is not None:
                raise UsageError(f"-o {path} already names the result; remove it or {option}.")
        if extension is not None and find_format(extension) != find_format(path.suffix):
            raise UsageError(
                f"{path} does not have the suffix of --format {self.format}; change one of them."
            )
        # The other fields have no effect on a result whose whole name and format are given.
        return Output(path.parent, file_name=path.name, extension=path.suffix, exist=self.exist)
