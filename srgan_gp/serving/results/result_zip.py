"""Zip file of several results, for the download of a batch."""

import zipfile
from collections.abc import Sequence
from pathlib import Path

from srgan_gp.batch.naming.result_names import name_key, numbered
from srgan_gp.errors import UsageError
from srgan_gp.serving.jobs.job_requests import Result
from srgan_gp.system.files import atomic_write
from srgan_gp.system.write_errors import errors_about


def bundle(folder: Path, results: Sequence[Result], name: str) -> Result:
    """Write a zip of results, without compression since images are compressed already.

    Args:
        folder: directory for the zip; created if missing.
        results: results in the order of the zip; equal names are numbered.
        name: file name of the zip, chosen by the server.

    Returns:
        The zip as a result, whose report has the number of `files`.

    Raises:
        OutputError: the zip cannot be written.
        UsageError: a result has expired.
    """
    with errors_about(folder):
        folder.mkdir(parents=True, exist_ok=True)
    used_keys: set[str] = set()  # names that differ in case only have the same key
    with atomic_write(folder / name) as file, zipfile.ZipFile(file, "w") as archive:
        for result in results:
            member_name, number = result.name, 1
            while name_key(member_name) in used_keys:
                number += 1
                member_name = numbered(result.name, number)
            used_keys.add(name_key(member_name))
            try:
                archive.write(result.path, member_name)
            except FileNotFoundError:
                raise UsageError(
                    f"The result {result.name} has expired and was removed. Create it again."
                ) from None
    return Result(folder / name, "application/zip", name, {"files": len(results)})
