"""Limits of an uploaded zip of photos, checked without extracting it."""

import stat
import zipfile
from pathlib import Path

from srgan_gp.batch.inputs.walk import PICTURE_SUFFIXES
from srgan_gp.errors import UsageError
from srgan_gp.system.zip_members import MAX_RATIO

MAX_MEMBERS = 200
"""Largest number of files in a zip, folders not included. With fewer, more sets of faces
of `srgan-gp prepare` would be refused; with more, a visitor could occupy the server longer."""
MAX_UNPACKED_BYTES = 1_000_000_000
"""Largest size of all files of a zip together: 5 MB for each of `MAX_MEMBERS` photos. With
`MAX_RATIO` alone, an upload of 50 MB could contain 5 GB."""

_ENTRY_SIGNATURE = b"PK\x01\x02"
"""First bytes of each entry of the central directory of a zip. The entries are counted by these
bytes before `zipfile` reads them, because a million entries would take a gigabyte of memory."""
_MAX_ENTRIES = 10 * MAX_MEMBERS
"""Largest number of `_ENTRY_SIGNATURE` in a zip. It is far higher than `MAX_MEMBERS`, because
folders have entries too, and photos may contain these bytes. So many entries take little memory."""


def check_zip(path: Path, name: str) -> int:
    """Refuse a zip that exceeds a limit or contains other files than photos.

    The sizes are those that the zip declares; `zipfile` never reads more bytes of a member than
    declared.

    Args:
        path: path of the zip.
        name: file name given by the visitor.

    Returns:
        Number of photos; 0 for an empty zip.

    Raises:
        UsageError: the file is not a zip, or is refused.
    """
    try:
        if path.read_bytes().count(_ENTRY_SIGNATURE) > _MAX_ENTRIES:
            raise UsageError(f"{name} contains more than {MAX_MEMBERS} files.")
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise UsageError(f"{name} is not a readable zip file.") from error
    if len(members) > MAX_MEMBERS:
        raise UsageError(f"{name} contains {len(members)} files, more than {MAX_MEMBERS}.")
    for member in members:
        if reason := _refusal_reason(member):
            raise UsageError(f"{name} contains {reason}. Upload photos only.")
    if sum(member.file_size for member in members) > MAX_UNPACKED_BYTES:
        raise UsageError(f"{name} contains more than {MAX_UNPACKED_BYTES // 1_000_000} MB.")
    return len(members)


def _refusal_reason(member: zipfile.ZipInfo) -> str | None:
    """Return why a member is refused; None: it is accepted."""
    file_type = stat.S_IFMT(member.external_attr >> 16)  # the high bits are the Unix file mode
    if file_type not in (0, stat.S_IFREG):  # 0: created on a system without file types
        return "a link or a device"
    if Path(member.filename).suffix.lower() not in PICTURE_SUFFIXES:
        return "a file that is not a photo"
    if member.flag_bits & 1:  # bit 0 marks encryption
        return "an encrypted file"
    if member.file_size > MAX_RATIO * max(member.compress_size, 1):
        return f"a file that expands to more than {MAX_RATIO} times its size"
    return None
