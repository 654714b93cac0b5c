"""Reading and writing image files: `read_image`, `write_image`, `read_sequence`, `write_sequence`.

Bit depth, alpha, ICC profile and metadata are kept as far as the output format can hold them.
`FORMATS` lists the output formats. Encoders and decoders of single formats are in `codecs`,
animations and multi-page images in `animation`. Atomic file writes are in `system.files`.
"""

from srgan_gp.images.animation.frame_sequence import Frame, FrameSequence
from srgan_gp.images.animation.sequence_reading import read_sequence
from srgan_gp.images.animation.sequence_writing import SEQUENCE_FORMATS, write_sequence
from srgan_gp.images.formats import FORMATS, Quality, check_encodable, find_format
from srgan_gp.images.picture import Picture
from srgan_gp.images.reading import DEFAULT_MAX_PIXELS, ImageFile, read_image, read_picture
from srgan_gp.images.writing import encode_image, write_image

__all__ = [
    "DEFAULT_MAX_PIXELS",
    "FORMATS",
    "SEQUENCE_FORMATS",
    "Frame",
    "FrameSequence",
    "ImageFile",
    "Picture",
    "Quality",
    "check_encodable",
    "encode_image",
    "find_format",
    "read_image",
    "read_picture",
    "read_sequence",
    "write_image",
    "write_sequence",
]
