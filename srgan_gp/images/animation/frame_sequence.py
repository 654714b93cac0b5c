"""`FrameSequence`: the frames of an animation or the pages of a document."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from srgan_gp.images.picture import Picture


@dataclass(frozen=True)
class Frame:
    """One picture of a sequence."""

    picture: Picture
    milliseconds: float = 0.0
    """How long it is shown; 0 for a page."""


@dataclass(frozen=True)
class FrameSequence:
    """Pictures of one file that belong together, to be taken one at a time.

    Example:
        >>> sequence = read_sequence("moving.gif")                               # doctest: +SKIP
        >>> larger = sequence.changed(upscaler.upscale_picture)              # doctest: +SKIP
        >>> warnings = write_sequence(larger, file, format="png")            # doctest: +SKIP
    """

    frames: Iterator[Frame]
    """Can be gone through once. Each is decoded when it is asked for; a damaged one raises a
    PictureError then."""

    count: int
    """Frames or pages; 1 for a still picture, whose one frame is what `read_image` gives."""

    kind: Literal["still", "animation", "pages"]

    width: int
    """Of the widest frame, upright, in pixels."""

    height: int
    """Of the highest frame, upright, in pixels."""

    plays: int = 0
    """How often an animation is played; 0: without end."""

    source_format: str | None = None
    """What it was read from, as in `Picture`."""

    notes: tuple[str, ...] = ()
    """Sentences on what the file held and the sequence does not; those of a Picture are apart."""

    def changed(self, change: Callable[[Picture], Picture]) -> "FrameSequence":
        """Give the sequence whose pictures are these, changed, each when it is asked for.

        `width` and `height` stay those of the file.
        """
        changed = (replace(frame, picture=change(frame.picture)) for frame in self.frames)
        return replace(self, frames=changed)
