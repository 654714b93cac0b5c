"""Whether the result of an input keeps its format: `holds`, `keeps_format` and `needs_fallback`.

A result has the planned path (the target of its job) or that of its fallback, a PNG.
`result_format`, the plan and the journal choose between these two paths by the functions here.
"""

import sys
from pathlib import Path

from srgan_gp.errors import PictureError
from srgan_gp.images import (
    FORMATS,
    SEQUENCE_FORMATS,
    FrameSequence,
    Picture,
    find_format,
)
from srgan_gp.images.image_header import read_header


def holds(name: str, content: Picture | FrameSequence, height: int, width: int) -> bool:
    """Return whether a format is that of the input, and can hold the enlarged content.

    The content keeps its bits, alpha, colours and frames. The codec may be lossy, such as JPEG.

    Args:
        name: a key of `FORMATS`.
        content: the input: an image, or the frames of an animation or multi-page image.
        height: height of the result in pixels.
        width: width of the result in pixels.
    """
    properties = FORMATS[name]
    is_of_input = content.source_format == name
    is_too_large = max(height, width) > properties.max_side
    # `keeps_colours` is False for a format with few colours, such as GIF.
    if not is_of_input or is_too_large or not properties.keeps_colours:
        return False
    if isinstance(content, FrameSequence):
        return name in SEQUENCE_FORMATS and SEQUENCE_FORMATS[name].kind == content.kind
    if content.alpha is not None and not properties.keeps_alpha:
        return False
    return content.pixels.itemsize == 1 or properties.keeps_16_bits


def keeps_format(source: Path, target: Path) -> bool | None:
    """Return what `holds` returns for the format of a target and an image, by the image's header.

    The size of the result is not known here; the size of the image takes its place.

    Args:
        source: the image. No pixels are decoded.
        target: path with the suffix of a format that can be written.

    Returns:
        None if the header cannot be read.
    """
    try:
        header = read_header(source, max_pixels=sys.maxsize)  # no limit: nothing is decoded
    except (OSError, PictureError):
        return None
    # `stand_in` takes the place of the decoded file: a black image with or without alpha, or an
    # empty sequence of frames.
    return holds(find_format(target.suffix), header.stand_in(), header.height, header.width)


def needs_fallback(source: Path, target: Path, *, first_frame_only: bool) -> bool | None:
    """Return whether the result of an image is certain to be a PNG, by the image's header.

    It is certain for an image of another format than the target, for a still whose bits or
    transparency the target cannot hold, and for an animated AVIF. The size of the result is not
    known here, and makes nothing certain.

    Args:
        source: the image. No pixels are decoded.
        target: path with the suffix of a format that can be written.
        first_frame_only: whether only the first frame or page is upscaled.

    Returns:
        False if the format of the target may hold the result, or if the header cannot be read. None
        if neither that format nor a PNG can hold it: it has several pages, or they are damaged.
    """
    name = find_format(target.suffix)
    # The number of frames decides only for AVIF: animations of this format can be read, but not
    # written. For the others it is not counted, because that takes long for a GIF.
    one_frame = first_frame_only or name != "AVIF"
    try:
        header = read_header(source, max_pixels=sys.maxsize, first_frame_only=one_frame)
    except (OSError, PictureError):
        return False
    if holds(name, header.stand_in(), height=1, width=1):  # every format allows this size
        return False
    if first_frame_only or header.format != "TIFF":
        return True  # a PNG holds one image, or all frames of an animation
    try:
        pages = read_header(source, max_pixels=sys.maxsize).frames
    except (OSError, PictureError):
        return None
    return True if pages == 1 else None  # a PNG holds one page
