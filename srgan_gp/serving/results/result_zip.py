"""Zip file of several results, for the download of a batch: written while it is sent."""

import io
import zipfile
from collections.abc import Iterator, Sequence

from srgan_gp.batch.naming.result_names import name_key, numbered
from srgan_gp.errors import UsageError
from srgan_gp.serving.jobs.job_requests import Result

_CHUNK_BYTES = 1 << 20  # read from a result at a time; a download keeps this much in memory


class _Output(io.RawIOBase):
    """Binary file, not seekable, that keeps what was written until it is taken."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # pyright: ignore[reportIncompatibleMethodOverride]
        self._parts.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        """Return what was written since the last call."""
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken


def zip_chunks(results: Sequence[Result]) -> Iterator[bytes]:
    """Return the bytes of a zip in chunks. The members are stored: images are compressed already.

    The zip is not written to disk. If a result is removed while the zip is sent, the iterator
    raises OSError, and the download is incomplete.

    Args:
        results: results in the order of the zip; equal names are numbered.

    Raises:
        UsageError: a result has expired.
    """
    for result in results:
        if not result.path.exists():
            raise UsageError(
                f"The result {result.name} has expired and was removed. Create it again."
            )
    return _chunks(results)


def _chunks(results: Sequence[Result]) -> Iterator[bytes]:
    """Yield the zip; a generator of its own, so that the checks of `zip_chunks` run at its call."""
    output = _Output()
    with zipfile.ZipFile(output, "w") as archive:
        for result, name in zip(results, _member_names(results), strict=True):
            member = zipfile.ZipInfo.from_file(result.path, name)
            with result.path.open("rb") as file, archive.open(member, "w") as target:
                while chunk := file.read(_CHUNK_BYTES):
                    target.write(chunk)
                    yield output.take()
    yield output.take()


def _member_names(results: Sequence[Result]) -> list[str]:
    """Return the names in the zip; a name that is used already gets a number.

    Upper and lower case make no difference: some systems would write one file over the other.
    """
    names: list[str] = []
    used_keys: set[str] = set()  # equal for names that differ in case only
    for result in results:
        name, number = result.name, 1
        while name_key(name) in used_keys:
            number += 1
            name = numbered(result.name, number)
        used_keys.add(name_key(name))
        names.append(name)
    return names
