"""Several results in one zip file."""

import zipfile
from collections.abc import Sequence
from pathlib import Path

from srgan_gp.batch.naming.result_names import name_key, numbered
from srgan_gp.errors import UsageError
from srgan_gp.serving.jobs.job_requests import Result
from srgan_gp.system.files import atomic_write


def bundle(folder: Path, results: Sequence[Result], name: str) -> Result:
    """Write a zip of results; pictures are compressed already, so they are only stored.

    Args:
        folder: for the zip; it is made.
        results: in the order they shall have in the zip; equal names get numbers.
        name: of the zip, chosen by the server.

    Raises:
        OutputError: it cannot be written.
        UsageError: a result is gone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    taken: set[str] = set()
    with atomic_write(folder / name) as file, zipfile.ZipFile(file, "w") as archive:
        for result in results:
            free, number = result.name, 1
            while name_key(free) in taken:
                number += 1
                free = numbered(result.name, number)
            taken.add(name_key(free))
            try:
                archive.write(result.path, free)
            except FileNotFoundError:
                raise UsageError(
                    f"{result.name} is no longer here, since results are kept for a while only; "
                    "make it again."
                ) from None
    return Result(folder / name, "application/zip", name, {"files": len(results)})
