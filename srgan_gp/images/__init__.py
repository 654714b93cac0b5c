"""Picture files to arrays and back, with bit depth, alpha, colour and metadata kept."""

from srgan_gp.images.picture import Picture
from srgan_gp.images.reading import DEFAULT_MAX_PIXELS, read_image
from srgan_gp.images.writing import (
    FORMATS,
    check_encodable,
    encode_image,
    find_format,
    write_image,
)

__all__ = [
    "DEFAULT_MAX_PIXELS",
    "FORMATS",
    "Picture",
    "check_encodable",
    "encode_image",
    "find_format",
    "read_image",
    "write_image",
]
