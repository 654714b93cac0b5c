"""Options about the names of results, and the output folder."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from srgan_gp.batch.naming.name_templates import Template
from srgan_gp.batch.naming.result_names import PLAIN, Naming
from srgan_gp.errors import OutputError, UsageError

Exist = Literal["error", "skip", "overwrite", "rename"]


@dataclass(frozen=True)
class Output:
    """Where results go and what they are called."""

    folder: Path
    file_name: str | None = None
    """The whole name, for a single picture; what follows is not used then, except `exist`."""
    suffix: str = ""
    extension: str | None = None
    """With the dot; None keeps each picture's own format where it can hold the result."""
    exist: Exist | None = None
    """What to do about a result that is there; None is `error` unless the journal knows it."""
    name_template: str | None = None
    """With the fields of `name_templates.FIELDS`; None is {stem}{suffix}."""
    model: str = ""
    """The model's name, for the template."""
    scale: float | None = None
    """The enlargement, for the template."""

    def naming(self) -> Naming:
        """Give the rule that names a single result.

        Raises:
            UsageError: the name template makes no sense.
        """
        template = PLAIN
        if self.name_template is not None:
            template = Template.parse(self.name_template)
            if self.suffix and not template.uses("suffix"):
                raise UsageError(
                    f"The name template {self.name_template} has no place for --suffix "
                    f"{self.suffix}; put {{suffix}} into it, or drop one of the two."
                )
        return Naming(
            template,
            self.extension,
            model=self.model,
            scale="" if self.scale is None else f"{self.scale:g}",
            suffix=self.suffix,
            file_name=self.file_name,
        )


def prepare_folder(folder: Path) -> None:
    """Make the output folder and prove that files can be made in it, before any work.

    Raises:
        OutputError: it cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(f"The output folder {folder} cannot be written: {reason}.") from error
