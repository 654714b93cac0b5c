"""Public Python API: upscaling (`Upscaler`), face generation (`FaceGenerator`), image files.

Upscale a photo, and keep its ICC profile, EXIF and alpha:

    from srgan_gp import Upscaler, write_image

    upscaler = Upscaler.load("photo-x4")
    picture = upscaler.upscale("photo.jpg")
    write_image(picture, "large.png")

Without `scale=`, the scale is that of the model; for another scale the result of the model is
resampled. `scale=` does not change the model: for scales up to 2 load "photo-x2", which is better
for them. The command line loads "photo-x2" for such scales if no model is named.

`upscale` takes a path, the bytes of a file, an open binary file, a `Picture`, a numpy array
(height, width, channels) of RGB, RGBA or grey, a Pillow image, or a list of them. The result is of
the same kind; for a path, bytes or an open file it is a `Picture`.
`Picture.pixels` and `np.asarray(picture)` are arrays:

    import numpy as np
    from PIL import Image

    larger = upscaler.upscale(np.asarray(Image.open("photo.jpg")))  # an array
    larger = upscaler.upscale(Image.open("photo.jpg"))              # a Pillow image
    several = upscaler.upscale(["photo.jpg", "logo.png"])           # a list of two `Picture`s

Generate faces of people who do not exist:

    from srgan_gp import FaceGenerator

    faces = FaceGenerator.load().generate(seed=7, count=4)  # (4, 64, 64, 3), uint8
    write_image(faces[0], "face.png")

The public names:

    Upscaler       upscales images with one model; `Upscaler.load(name_or_path)` opens it
    FaceGenerator  generates faces from seeds
    Picture        an image with its alpha, ICC profile and metadata
    read_image     reads a path, the bytes of a file or an open file as a `Picture`
    write_image    writes a `Picture`, an array or a Pillow image to a file
    list_models    lists the model cards; their names are those that `load` takes
    ModelCard      description of a model: purpose, licence, scores, limits
    Score          an entry of `card.scores`: metric, validation set, value and protocol
    UpscaleReport  `upscaler.report`: tiles, seconds, warnings and faces of a call
    FaceOptions    options of `Upscaler.load(faces=...)`: strength, model, detector
    FaceResult     a face in `upscaler.report.faces`, and what was done to it

Errors; `error.code` is a stable code, and the message is for the user:

    SrganGpError       base class of the errors of this package
    UsageError         an option, such as `fidelity`, or a combination of options is not valid
    MissingExtraError  a UsageError: packages are missing; the message has the pip command
    PictureError       one image cannot be read, upscaled or written
    OutputError        a file cannot be written
    DeviceError        the requested GPU is missing or failed
    ModelRefusedError  a model is unknown, damaged or unsuitable
    Cancelled          `Upscaler.cancel` ended the call

A wrong type is a TypeError, as in numpy. A wrong shape, dtype or range of an array and a wrong
`scale` or `tile` are ValueErrors. The command line is `srgan_gp.cli`. Only the names above are part
of the stable API; the names in subpackages are not.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from srgan_gp.errors import (
        Cancelled,
        DeviceError,
        MissingExtraError,
        ModelRefusedError,
        OutputError,
        PictureError,
        SrganGpError,
        UsageError,
    )
    from srgan_gp.images import Picture, read_image, write_image
    from srgan_gp.inference.face_enhancement.face_options import FaceOptions, FaceResult
    from srgan_gp.inference.face_generator import FaceGenerator
    from srgan_gp.inference.upscale_report import UpscaleReport
    from srgan_gp.inference.upscaler import Upscaler
    from srgan_gp.models.card_records import Score
    from srgan_gp.models.cards import ModelCard
    from srgan_gp.models.catalog import list_models

__all__ = [
    "Cancelled",
    "DeviceError",
    "FaceGenerator",
    "FaceOptions",
    "FaceResult",
    "MissingExtraError",
    "ModelCard",
    "ModelRefusedError",
    "OutputError",
    "Picture",
    "PictureError",
    "Score",
    "SrganGpError",
    "UpscaleReport",
    "Upscaler",
    "UsageError",
    "list_models",
    "read_image",
    "write_image",
]

_MODULES = {
    "Cancelled": "srgan_gp.errors",
    "DeviceError": "srgan_gp.errors",
    "FaceGenerator": "srgan_gp.inference.face_generator",
    "FaceOptions": "srgan_gp.inference.face_enhancement.face_options",
    "FaceResult": "srgan_gp.inference.face_enhancement.face_options",
    "MissingExtraError": "srgan_gp.errors",
    "ModelCard": "srgan_gp.models.cards",
    "ModelRefusedError": "srgan_gp.errors",
    "OutputError": "srgan_gp.errors",
    "Picture": "srgan_gp.images",
    "PictureError": "srgan_gp.errors",
    "Score": "srgan_gp.models.card_records",
    "SrganGpError": "srgan_gp.errors",
    "UpscaleReport": "srgan_gp.inference.upscale_report",
    "Upscaler": "srgan_gp.inference.upscaler",
    "UsageError": "srgan_gp.errors",
    "list_models": "srgan_gp.models.catalog",
    "read_image": "srgan_gp.images",
    "write_image": "srgan_gp.images",
}
"""Module of each public name."""


def __getattr__(name: str) -> object:
    """Import a public name on first use, so that `import srgan_gp` is fast (PEP 562)."""
    if name in _MODULES:
        return getattr(import_module(_MODULES[name]), name)
    if name == "__version__":
        return import_module("importlib.metadata").version("srgan-gp")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the public names, for `dir`, `help` and completion."""
    return [*__all__, "__version__"]
