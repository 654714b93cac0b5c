"""`FrameSequence`: the frames of an animation or the pages of a multi-page image.

`read_sequence` returns it, and `write_sequence` writes it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from srgan_gp.images.picture import Picture


@dataclass(frozen=True)
class Frame:
    """One image of a sequence and the time it is shown."""

    picture: Picture
    milliseconds: float = 0.0
    """Time in milliseconds; 0 for a page."""


@dataclass(frozen=True)
class FrameSequence:
    """The frames or pages of one file, decoded one at a time.

    Example:
        >>> sequence = read_sequence("a.gif")  # doctest: +SKIP
        >>> larger = sequence.changed(upscaler.upscale_picture)  # doctest: +SKIP
        >>> warnings = write_sequence(larger, file, format="png")  # doctest: +SKIP
    """

    frames: Iterator[Frame]
    """Decodes each frame on demand, and can be consumed once; a damaged frame raises PictureError.
    """

    count: int
    """Number of frames or pages; 1 for a still image."""

    kind: Literal["still", "animation", "pages"]
    """A single image, frames shown one after the other, or the pages of a TIFF."""

    width: int
    """Largest width of the frames in pixels, after the orientation is applied."""

    height: int
    """Largest height of the frames in pixels, after the orientation is applied."""

    plays: int = 0
    """How often an animation is played; 0 means forever."""

    source_format: str | None = None
    """Format of the file that was read: PNG, JPEG, WEBP, TIFF, BMP, GIF, AVIF or HEIF; None if the
    frames are not from a file."""

    notes: tuple[str, ...] = ()
    """One sentence for each content of the file that was not kept; each frame's `Picture` has the
    notes about that frame."""

    def changed(self, change: Callable[[Picture], Picture]) -> "FrameSequence":
        """Return a sequence of the images `change(picture)`, computed on demand.

        The new sequence consumes the frames of this one. Its `width` and `height` stay those of the
        source, even if the images are larger.
        """
        frames = (replace(frame, picture=change(frame.picture)) for frame in self.frames)
        return replace(self, frames=frames)
