"""Whether the result of an input keeps its format: `holds`, `keeps_format` and `needs_fallback`.

A result has the planned path (the target of its job) or that of its fallback, a PNG.
`result_format`, the plan and the journal choose between these two paths by the functions here.
"""

import sys
from contextlib import suppress
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
    row = FORMATS[name]
    if content.source_format != name or not row.keeps_colours or max(height, width) > row.max_side:
        return False
    if isinstance(content, FrameSequence):
        return name in SEQUENCE_FORMATS and SEQUENCE_FORMATS[name].kind == content.kind
    if content.alpha is not None and not row.keeps_alpha:
        return False
    return content.pixels.itemsize == 1 or row.keeps_16_bits


def keeps_format(source: Path, target: Path) -> bool | None:
    """Return what `holds` returns for the format of a target and an image, by the image's header.

    The size of the result is not taken into account: the size of the image takes its place.

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
    taken into account.

    Args:
        source: the image. No pixels are decoded.
        target: path with the suffix of a format that can be written.
        first_frame_only: whether only the first frame or page is upscaled.

    Returns:
        False if the format of the target may hold the result, or if the header cannot be read. None
        if neither that format nor a PNG can hold it: it has several pages, or they are damaged.
    """
    needs: bool | None = False
    with suppress(OSError, PictureError):
        name = find_format(target.suffix)
        # To count the frames of a GIF reads the whole file. The number of frames decides only for
        # AVIF, of which single images are written, and animations are read.
        one_frame = first_frame_only or name != "AVIF"
        header = read_header(source, max_pixels=sys.maxsize, first_frame_only=one_frame)
        # Every format allows 1 x 1 pixel: the size of the result is not taken into account.
        if not holds(name, header.stand_in(), height=1, width=1):
            # A PNG holds the frames of an animation, and one page.
            needs = True if first_frame_only or header.format != "TIFF" else None
            if needs is None and read_header(source, max_pixels=sys.maxsize).frames == 1:
                needs = True
    return needs
