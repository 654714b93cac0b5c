"""Options for the names of results, and the check of the output folder.

`naming.destination` makes an `Output` from the options of the command line.
"""

import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from srgan_gp.batch.naming.name_templates import Template
from srgan_gp.batch.naming.result_names import DEFAULT_TEMPLATE, Naming
from srgan_gp.errors import OutputError, UsageError
from srgan_gp.system.paths import missing_folders

Exist = Literal["error", "skip", "overwrite", "rename"]
"""Value of `--exist`: what to do about an existing result."""


@dataclass(frozen=True)
class Output:
    """Folder and names of the results."""

    folder: Path
    file_name: str | None = None
    """The whole name of the result of a single image; None: the fields below make the names."""
    suffix: str = ""
    """Value of `--suffix`, added to the stem of each name, such as `_x4`."""
    extension: str | None = None
    """File extension of all results, such as `.png`; None: each result keeps the format of its
    image if the format can hold the result."""
    exist: Exist | None = None
    """What to do about an existing result; None: `--exist` was not passed, which has the effect of
    `error`. An input whose result is up to date, by the journal of the folder (`results.journal`),
    is skipped in any case."""
    first_frame_only: bool = False
    """Whether only the first frame or page of each input is upscaled. The result is then a still
    image, also if the input is an animation or has several pages."""
    name_template: str | None = None
    """Text with the fields of `name_templates.FIELDS`; None is `{stem}{suffix}`."""
    model: str = ""
    """Name of the model, a field of the template."""
    scale: float | None = None
    """Scale factor of both sides, a field of the template; None: each image has its own."""

    def naming(self) -> Naming:
        """Return the rule that makes the name of each result.

        Raises:
            UsageError: the name template is not valid.
        """
        template = DEFAULT_TEMPLATE
        if self.name_template is not None:
            template = Template.parse(self.name_template)
            if self.suffix and not template.uses("suffix"):
                raise UsageError(
                    f"The name template {self.name_template} has no field for --suffix "
                    f"{self.suffix}; add {{suffix}} to it, or remove one of the two options."
                )
        return Naming(
            template,
            self.extension,
            model=self.model,
            scale="" if self.scale is None else f"{self.scale:g}",
            suffix=self.suffix,
            file_name=self.file_name,
        )


@contextmanager
def folder_kept_if_used(folder: Path) -> Generator[None]:
    """Create an output folder, as `prepare_folder` does, for a `with` block.

    At the end of the block, folders that were created here and are still empty are removed.

    Raises:
        OutputError: as for `prepare_folder`.
    """
    created = missing_folders(folder)
    try:
        prepare_folder(folder)
        yield
    finally:
        for path in created:  # the innermost first
            with suppress(OSError):  # A folder that has results is not removed.
                path.rmdir()


def prepare_folder(folder: Path) -> None:
    """Create an output folder with its parents, and check that files can be created in it.

    Raises:
        OutputError: the folder cannot be created or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(f"The output folder {folder} cannot be written: {reason}.") from error
