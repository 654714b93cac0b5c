"""Limits of an uploaded zip of photos, checked without unpacking."""

import stat
import zipfile
from pathlib import Path

from srgan_gp.batch.inputs.walk import PICTURE_SUFFIXES
from srgan_gp.errors import UsageError

MOST_MEMBERS = 200
MOST_RATIO = 100
MOST_UNPACKED_BYTES = 1_000_000_000

# Each entry of the list of contents begins so, and to read a list of a million takes a gigabyte.
_START_OF_ENTRY = b"PK\x01\x02"
_MOST_ENTRIES = 10 * MOST_MEMBERS  # folders have entries too, and a photo may hold these bytes


def check_zip(path: Path, name: str) -> int:
    """Refuse a zip that is too much, or that holds anything but photos and folders.

    The sizes are those that the zip states; whoever reads a member gets no byte more.

    Args:
        path: of the zip.
        name: what its owner calls it.

    Returns:
        How many photos it holds.

    Raises:
        UsageError: it is not a zip, or one of these limits is passed.
    """
    try:
        if path.read_bytes().count(_START_OF_ENTRY) > _MOST_ENTRIES:
            raise UsageError(f"{name} holds too many files; bring {MOST_MEMBERS} at most.")
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise UsageError(f"{name} is no zip file that can be read.") from error
    if len(members) > MOST_MEMBERS:
        raise UsageError(f"{name} holds {len(members)} files; bring {MOST_MEMBERS} at most.")
    for member in members:
        if reason := _why_not(member):
            raise UsageError(f"{name} holds {reason}; bring photos alone.")
    if sum(member.file_size for member in members) > MOST_UNPACKED_BYTES:
        raise UsageError(f"{name} holds more than {MOST_UNPACKED_BYTES // 1_000_000} MB.")
    return len(members)


def _why_not(member: zipfile.ZipInfo) -> str | None:
    """Say what is wrong with a member; None: nothing."""
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):  # 0: made by a system without kinds
        return "a link or a device"
    if Path(member.filename).suffix.lower() not in PICTURE_SUFFIXES:
        return "something that is no photo"
    if member.flag_bits & 1:
        return "an encrypted file"
    if member.file_size > MOST_RATIO * max(member.compress_size, 1):
        return f"a file that unpacks to more than {MOST_RATIO} times its size"
    return None
