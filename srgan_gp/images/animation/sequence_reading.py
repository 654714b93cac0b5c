"""`read_sequence`: the frames of an animation or the pages of a TIFF, decoded one at a time."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from PIL.ImageFile import ImageFile

from srgan_gp.errors import PictureError
from srgan_gp.images.animation.frame_sequence import Frame, FrameSequence
from srgan_gp.images.animation.gif import count_gif_frames
from srgan_gp.images.codecs.png import check_critical_chunks
from srgan_gp.images.codecs.sixteen_bit import is_reduced_by_pillow
from srgan_gp.images.codecs.tiff_pages import directories
from srgan_gp.images.file_types import decoder_errors, silenced_pillow
from srgan_gp.images.metadata import read_orientation
from srgan_gp.images.pillow_decoding import Source, check_pixel_count, decode, open_source
from srgan_gp.images.reading import (
    DEFAULT_MAX_PIXELS,
    check_unchanged,
    file_state,
    regular_file,
    suffix_notes,
)

MAX_FRAMES = 10_000
"""Limit of the number of frames or pages. Many tiny frames pass the limit of pixels: with a larger
limit, a malicious file takes longer. A smaller one would refuse long animations."""
# Largest ratio of a frame's pixels to the animation's. A frame of a GIF may extend beyond the
# animation; a larger ratio lets a malicious frame use more memory.
_MAX_GROWTH = 4


def read_sequence(path: str | Path, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> FrameSequence:
    """Open an animation (GIF, WebP, APNG, AVIF), a multi-page TIFF or a still image.

    A still image is decoded at once. Of other files only the header is read; the file is opened
    again when the first frame is requested, and closed after the last one.

    Args:
        path: a regular file.
        max_pixels: limit of width x height, summed over all frames.

    Returns:
        The sequence; its `frames` are decoded one at a time.

    Raises:
        PictureError: as for `reading.read_image`; also E_TOO_MANY_FRAMES.
    """
    path = Path(path)
    with (
        regular_file(path) as file,
        silenced_pillow(),
        open_source(file, max_pixels=max_pixels) as source,
    ):
        sequence, positions = _read_structure(source, max_pixels)
        notes = sequence.notes + suffix_notes(source.container, path.suffix)
        sequence = replace(sequence, notes=notes)
        if sequence.kind == "still":
            picture = decode(source)
            frames, height, width = iter([Frame(picture)]), picture.height, picture.width
            return replace(sequence, frames=frames, height=height, width=width)
        state = file_state(file)
    return replace(sequence, frames=_frames(path, state, sequence, positions))


@dataclass(frozen=True)
class _Position:
    """Where a frame or page is in its file."""

    index: int
    """Argument of Pillow's `seek`."""
    directory: int | None = None
    """Of a TIFF page: offset of its directory in bytes."""


def _read_structure(source: Source, max_pixels: int) -> tuple[FrameSequence, Sequence[_Position]]:
    """Read number and size of the frames from the header, and check the limits.

    Returns:
        The sequence without its frames, and the position of each frame.
    """
    image, name = source.image, source.container.name
    if name == "TIFF":
        return read_page_structure(source, max_pixels)
    if name == "GIF":
        count = count_gif_frames(source.file, most=MAX_FRAMES + 1)
    else:  # The further images of a HEIF, such as maps, are no frames.
        count = int(getattr(image, "n_frames", 1)) if name != "HEIF" else 1
    first = first_frame(image) if count > 1 else 0
    count = max(1, count - first)
    width, height = image.size
    if count > 1:  # The pixels of a still image have been checked by `open_source`.
        check_sequence(count, width * height * count, max_pixels)
    if name == "PNG" and count > 1:
        check_critical_chunks(source.file, with_frames=True)
    notes: list[str] = []
    if count > 1 and read_orientation(image) >= 5:  # turned by 90 degrees
        width, height = height, width
    if first:  # If `count` is 1 now, the still image is read, and the only frame is lost.
        lost = "still image for viewers without animation" if count > 1 else "one-frame animation"
        notes.append(f"its {lost} is not kept")
    # "mp": Multi-Picture Format, such as a JPEG with a gain map or a depth map.
    if "mp" in image.info or (name == "HEIF" and getattr(image, "n_frames", 1) > 1):
        notes.append("its further images or maps are not kept")
    if count > 1 and is_reduced_by_pillow(image, source.head):
        notes.append("its frames of 16 bits were read as 8 bits")
    sequence = FrameSequence(
        frames=iter(()),  # `read_sequence` adds them
        count=count,
        kind="animation" if count > 1 else "still",
        width=width,
        height=height,
        plays=_plays(image) if count > 1 else 0,
        source_format=name,
        notes=tuple(notes),
    )
    return sequence, [_Position(index) for index in range(first, first + count)]


def first_frame(image: ImageFile) -> int:
    """Return 1 for a PNG whose index 0 is a still for viewers without animation, otherwise 0."""
    return int(bool(getattr(image, "default_image", False)))


def read_page_structure(
    source: Source, max_pixels: int
) -> tuple[FrameSequence, Sequence[_Position]]:
    """Read number and sizes of the pages of a TIFF, and check the limits.

    Returns:
        The sequence without its frames, and the position of each page; `source` is at the last.

    Raises:
        PictureError: as for `read_sequence`.
    """
    positions: list[_Position] = []
    widths: list[int] = []
    heights: list[int] = []
    pixels, skips_directories = 0, False
    for index, (offset, is_page) in enumerate(directories(source.file, most=MAX_FRAMES + 1)):
        if positions and not is_page:  # The first directory is always read as a page.
            skips_directories = True
            continue
        with _name_frame(len(positions) + 1), decoder_errors("TIFF"):
            source.image.seek(index)
        width, height = source.image.size
        positions.append(_Position(index, offset))
        widths.append(width)
        heights.append(height)
        pixels += width * height
        check_sequence(len(positions), pixels, max_pixels)
    notes = ("the thumbnails and masks of its pages are not kept",) if skips_directories else ()
    sequence = FrameSequence(
        frames=iter(()),
        count=len(positions),
        kind="pages" if len(positions) > 1 else "still",
        width=max(widths),
        height=max(heights),
        source_format="TIFF",
        notes=notes,
    )
    return sequence, positions


def check_sequence(count: int, pixels: int, max_pixels: int) -> None:
    """Check that a sequence has at most `MAX_FRAMES` frames and `max_pixels` pixels in total.

    Args:
        count: number of frames or pages.
        pixels: sum of width x height over all of them.
        max_pixels: limit of `pixels`.

    Raises:
        PictureError: E_TOO_MANY_FRAMES or E_TOO_MANY_PIXELS.
    """
    if count > MAX_FRAMES:
        raise PictureError(
            "E_TOO_MANY_FRAMES",
            f"it has more than {MAX_FRAMES:,} frames or pages; split it, or pass --frames first",
        )
    if pixels > max_pixels:
        raise PictureError(
            "E_TOO_MANY_PIXELS",
            f"its {count:,} frames or pages have {pixels:,} pixels in total, more than the "
            f"{max_pixels:,} allowed; raise --max-pixels, or pass --frames first",
        )


def _plays(image: ImageFile) -> int:
    """Return how often an animation is played; 0 means forever."""
    loop: int | None = image.info.get("loop")
    if image.format != "GIF":
        return 0 if loop is None else int(loop)
    # A GIF stores the number of repetitions, or nothing if it is played once.
    if loop is None:
        return 1
    return 0 if loop == 0 else loop + 1


def _frames(
    path: Path, state: tuple[int, int], sequence: FrameSequence, positions: Sequence[_Position]
) -> Iterator[Frame]:
    """Decode the frames of a file, which is opened at the first one.

    Args:
        path: the file.
        state: result of `file_state` when the header was read; a file that changed is refused.
        sequence: what the header contains.
        positions: position of each frame.
    """
    with ExitStack() as stack:
        file = stack.enter_context(regular_file(path))
        check_unchanged(file, state)
        max_pixels = sequence.width * sequence.height  # the limits were checked with the header
        with silenced_pillow():
            source = stack.enter_context(open_source(file, max_pixels=max_pixels))
        for number, position in enumerate(positions, start=1):
            # Pillow's warnings are silenced while a frame is decoded, not while the caller runs.
            with silenced_pillow(), _name_frame(number):
                frame = _frame(source, position, sequence)
            yield frame


def _frame(source: Source, position: _Position, sequence: FrameSequence) -> Frame:
    """Decode one frame or page."""
    image = source.image
    with decoder_errors(source.container.name):
        image.seek(position.index)
    is_frame = sequence.kind == "animation"
    check_pixel_count(image.width, image.height, _MAX_GROWTH * sequence.width * sequence.height)
    picture = decode(source, is_frame=is_frame, tiff_directory=position.directory)
    if not is_frame:
        return Frame(picture)
    # A frame of a GIF may extend beyond the animation.
    height, width = sequence.height, sequence.width
    alpha = None if picture.alpha is None else picture.alpha[:height, :width]
    picture = replace(picture, pixels=picture.pixels[:height, :width], alpha=alpha)
    return Frame(picture, float(image.info.get("duration", 0)))


@contextmanager
def _name_frame(number: int) -> Generator[None, None, None]:
    """Add the number of a frame or page, from 1, to the message of a PictureError in the block."""
    try:
        yield
    except PictureError as error:
        message = f"frame {number} cannot be read: {error}; or pass --frames first"
        raise PictureError(error.code, message) from error
