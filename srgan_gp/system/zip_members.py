"""Size limits of images in zip files, checked before a member (a file in the zip) is unpacked.

The limits refuse zip files that unpack to far more bytes than they have ("zip bombs"). The size
that the zip file declares is checked: Python never unpacks more bytes of a member than declared.
"""

import zipfile

from srgan_gp.errors import PictureError

MAX_RATIO = 100
"""Largest ratio of unpacked to packed bytes. For image files, which are compressed already, the
ratio is near 1; only uncompressed BMP and TIFF of even areas come near the limit. The DEFLATE
format allows about 1000."""
MAX_BYTES = 1_000_000_000
"""Largest size of an unpacked member. Members are read into memory as a whole: a larger limit could
fill it, a smaller one would refuse uncompressed images of a few hundred megapixels."""


def require_small(member: zipfile.ZipInfo) -> None:
    """Check the declared size of a member of a zip file.

    Raises:
        PictureError: E_TOO_LARGE: the size is above `MAX_BYTES`, or the ratio above `MAX_RATIO`.
    """
    size = member.file_size
    # A damaged file may declare 0 packed bytes. The reader reports that, or for more than
    # `MAX_RATIO` unpacked bytes this check.
    packed_size = max(member.compress_size, 1)
    if size > MAX_BYTES or size > MAX_RATIO * packed_size:
        raise PictureError(
            "E_TOO_LARGE",
            f"it unpacks to {size:,} bytes from {member.compress_size:,}; at most "
            f"{MAX_RATIO} times as many and {MAX_BYTES:,} are read. Unpack the zip file, if you "
            "trust it, and pass the folder",
        )
