"""Limits of images in zip files, checked before a member is unpacked.

The sizes are those that the zip file declares; reading a member never returns more bytes.
"""

import zipfile

from srgan_gp.errors import PictureError

MAX_RATIO = 100
"""Largest ratio of unpacked to packed bytes. Images hardly shrink in a zip file."""
MAX_BYTES = 1_000_000_000
"""Largest unpacked member."""


def require_small(member: zipfile.ZipInfo) -> None:
    """Check the declared size of a member.

    Raises:
        PictureError: E_TOO_LARGE.
    """
    size = member.file_size
    if size > MAX_BYTES or size > MAX_RATIO * max(member.compress_size, 1):
        raise PictureError(
            "E_TOO_LARGE",
            f"it unpacks to {size:,} bytes from {member.compress_size:,}; at most "
            f"{MAX_RATIO} times as many and {MAX_BYTES:,} are read. Unpack the zip file, if you "
            "trust it, and pass the folder",
        )
