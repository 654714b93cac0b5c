"""`FaceOptions`: options of `upscale --faces`; `FaceResult`: what was done to one face."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import Any, Literal, cast

from srgan_gp.errors import UsageError
from srgan_gp.models.catalog import FACE_UPSCALER

ENHANCED, UNCHANGED = "enhanced", "unchanged"  # values of `FaceResult.done`

Box = tuple[int, int, int, int]
"""Left, top, width and height in pixels of the input."""


@dataclass(frozen=True)
class FaceOptions:
    """How the faces in a photo are enhanced: the argument `faces` of `Upscaler.load`.

    Example:
        >>> FaceOptions(strength=0.7)
        FaceOptions(strength=0.7, model='face-x4', detector=None)

    Attributes:
        strength: weight of the face model's result inside a face, 0 to 1. The rest is the weight of
            the main model's result.
        model: super-resolution model that upscales the faces: a name, or the path of an `.onnx`
            file.
        detector: path of the network file of YuNet, the face detector; None: the installed one.

    Raises:
        TypeError: `strength` is not a number.
        UsageError: `strength` is not from 0 to 1.
    """

    strength: float = 1.0
    model: str | Path = FACE_UPSCALER
    detector: str | Path | None = None

    def __post_init__(self) -> None:
        strength = cast("object", self.strength)  # Callers may pass another type than declared.
        if isinstance(strength, bool) or not isinstance(strength, Real):
            raise TypeError(f"the strength of faces must be a number, got {strength!r}")
        if not 0 <= self.strength <= 1:
            raise UsageError(f"The strength of faces must be from 0 to 1, not {self.strength:g}.")

    @classmethod
    def of(cls, faces: "FaceOptions | float") -> "FaceOptions":
        """Return options as they are, and a number as the strength."""
        return faces if isinstance(faces, FaceOptions) else cls(strength=faces)


@dataclass(frozen=True)
class FaceResult:
    """A face that was found in a photo, and whether it was enhanced.

    Attributes:
        box: left, top, width and height, in pixels of the input, of the part that may change: the
            face with hair and chin.
        score: confidence of the detector, 0 to 1.
        done: "enhanced", or "unchanged".
        reason: why the face is unchanged; None where it is enhanced.
        psnr_without: PSNR of the luma in dB, in the box, between the input and the main model's
            result downscaled to the size of the input. Higher is closer to the input. None if the
            face model did not run, or if the two images are equal.
        psnr_with: the same for the result with the face.
        side: side of a square with the area of the detector's own box, which is smaller than `box`,
            in pixels of the input. It decides whether the face is too small to be enhanced, or
            large enough already. None: not known.
    """

    box: Box
    score: float
    done: Literal["enhanced", "unchanged"]
    reason: str | None = None
    psnr_without: float | None = None
    psnr_with: float | None = None
    side: float | None = None

    def values(self) -> dict[str, Any]:
        """Return the attributes by name, for JSON, without those that are None."""
        return {name: value for name, value in vars(self).items() if value is not None}


def count_faces(faces: Sequence[Mapping[str, Any]]) -> str:
    """Return a summary for users, such as `2 faces enhanced, 1 unchanged (too small)`.

    Args:
        faces: `FaceResult.values` of each face.
    """
    if not faces:
        return "no face found"
    enhanced = sum(face["done"] == ENHANCED for face in faces)
    reasons = [face["reason"] for face in faces if face["done"] == UNCHANGED]
    text = f"{enhanced} {'face' if enhanced == 1 else 'faces'} enhanced"
    if reasons:
        text += f", {len(reasons)} unchanged ({'; '.join(dict.fromkeys(reasons))})"
    return text
