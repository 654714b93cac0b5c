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
from srgan_gp.images.codecs.sixteen_bit import is_16_bit
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
"""Limit of the number of frames or pages, which protects against malicious files."""

_MAX_GROWTH = 4  # limit of a frame's size relative to its canvas, to which it is cropped


def read_sequence(path: str | Path, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> FrameSequence:
    """Open an animation (GIF, WebP, APNG, AVIF), a multi-page TIFF or a still image.

    A still image is decoded at once. Of a sequence the header is read; the file is opened again for
    the first frame and closed after the last one.

    Args:
        path: a regular file.
        max_pixels: limit of width x height, summed over all frames.

    Raises:
        PictureError: as for `reading.read_image`; also E_TOO_MANY_FRAMES.
    """
    path = Path(path)
    with (
        regular_file(path) as file,
        silenced_pillow(),
        open_source(file, max_pixels=max_pixels) as source,
    ):
        sequence, places = _read_structure(source, max_pixels)
        notes = sequence.notes + suffix_notes(source.container, path.suffix)
        sequence = replace(sequence, notes=notes)
        if sequence.kind == "still":
            return replace(sequence, frames=iter([Frame(decode(source))]))
        state = file_state(file)
    return replace(sequence, frames=_frames(path, state, sequence, places))


@dataclass(frozen=True)
class _Place:
    """Pillow's index of a frame, and the offset of the directory of a TIFF page."""

    index: int
    directory: int | None = None


def _read_structure(source: Source, max_pixels: int) -> tuple[FrameSequence, Sequence[_Place]]:
    """Read the number of frames from the header, and check the limits."""
    image, name = source.image, source.container.name
    if name == "TIFF":
        return read_page_structure(source, max_pixels)
    if name == "GIF":
        count = count_gif_frames(source.file, most=MAX_FRAMES + 1)
    else:
        count = int(getattr(image, "n_frames", 1)) if name != "HEIF" else 1
    first = first_frame(image) if count > 1 else 0
    count = max(1, count - first)
    width, height = image.size
    if count > 1:
        check_sequence(count, width * height * count, max_pixels)
    if name == "PNG" and count > 1:
        check_critical_chunks(source.file, with_frames=True)
    notes: list[str] = []
    if count > 1 and read_orientation(image) >= 5:  # turned by 90 degrees
        width, height = height, width
    if first:
        notes.append("its still image for viewers without animation is not kept")
    if "mp" in image.info or (name == "HEIF" and getattr(image, "n_frames", 1) > 1):
        notes.append("its further images or maps are not kept")
    if count > 1 and is_16_bit(image, source.head):
        notes.append("its frames of 16 bits were read as 8 bits")
    sequence = FrameSequence(
        frames=iter(()),
        count=count,
        kind="animation" if count > 1 else "still",
        width=width,
        height=height,
        plays=_plays(image) if count > 1 else 0,
        source_format=name,
        notes=tuple(notes),
    )
    return sequence, [_Place(index) for index in range(first, first + count)]


def first_frame(image: ImageFile) -> int:
    """Return the index of the first frame of an animation, 0 or 1.

    It is 1 for a PNG that starts with a still for viewers without animation, which is not a frame.
    """
    return int(bool(getattr(image, "default_image", False)))


def read_page_structure(source: Source, max_pixels: int) -> tuple[FrameSequence, Sequence[_Place]]:
    """Read number and sizes of the pages of a TIFF, and where they are; check the limits.

    Raises:
        PictureError: as for `read_sequence`.
    """
    places: list[_Place] = []
    sizes: list[tuple[int, int]] = []
    notes: dict[str, None] = {}
    for index, (start, is_page) in enumerate(directories(source.file, most=MAX_FRAMES + 1)):
        if places and not is_page:
            notes["the thumbnails and masks of its pages are not kept"] = None
            continue
        with _name_frame(len(places) + 1), decoder_errors("TIFF"):
            source.image.seek(index)
        places.append(_Place(index, start))
        sizes.append(source.image.size)
        check_sequence(len(places), sum(width * height for width, height in sizes), max_pixels)
    sequence = FrameSequence(
        frames=iter(()),
        count=len(places),
        kind="pages" if len(places) > 1 else "still",
        width=max(width for width, _ in sizes),
        height=max(height for _, height in sizes),
        source_format="TIFF",
        notes=tuple(notes),
    )
    return sequence, places


def check_sequence(count: int, pixels: int, max_pixels: int) -> None:
    """Check that a sequence has at most `MAX_FRAMES` frames and `max_pixels` pixels in total.

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
    """Return how often an animation is played; a GIF stores the number of repetitions."""
    loop = image.info.get("loop")
    if image.format != "GIF":
        return int(loop or 0)
    if loop is None:
        return 1
    return loop + 1 if loop else 0  # 0 repeats forever


def _frames(
    path: Path, state: tuple[int, int], sequence: FrameSequence, places: Sequence[_Place]
) -> Iterator[Frame]:
    with ExitStack() as stack:
        file = stack.enter_context(regular_file(path))
        check_unchanged(file, state)
        max_pixels = sequence.width * sequence.height
        with silenced_pillow():
            source = stack.enter_context(open_source(file, max_pixels=max_pixels))
        for number, place in enumerate(places, start=1):
            # Pillow's warnings are silenced while a frame is decoded, not while the caller runs.
            with silenced_pillow(), _name_frame(number):
                frame = _frame(source, place, sequence)
            yield frame


def _frame(source: Source, place: _Place, sequence: FrameSequence) -> Frame:
    image = source.image
    with decoder_errors(source.container.name):
        image.seek(place.index)
    is_frame = sequence.kind == "animation"
    check_pixel_count(image.width, image.height, _MAX_GROWTH * sequence.width * sequence.height)
    picture = decode(source, is_frame=is_frame, tiff_directory=place.directory)
    if not is_frame:
        return Frame(picture)
    # A frame of a GIF may extend beyond its canvas.
    height, width = sequence.height, sequence.width
    alpha = None if picture.alpha is None else picture.alpha[:height, :width]
    picture = replace(picture, pixels=picture.pixels[:height, :width], alpha=alpha)
    return Frame(picture, float(image.info.get("duration", 0)))


@contextmanager
def _name_frame(number: int) -> Generator[None, None, None]:
    """Add the number of the frame to the message of an error."""
    try:
        yield
    except PictureError as error:
        message = f"frame {number} cannot be read: {error}; or pass --frames first"
        raise PictureError(error.code, message) from error
