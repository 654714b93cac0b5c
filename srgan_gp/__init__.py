"""Public Python API: upscaling (`Upscaler`), face generation (`FaceGenerator`), image files.

The command line is `srgan_gp.cli`; the packages below are not part of the stable API.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from srgan_gp.errors import SrganGpError
    from srgan_gp.images import Picture, read_image, write_image
    from srgan_gp.inference.face_generator import FaceGenerator
    from srgan_gp.inference.upscaler import Upscaler
    from srgan_gp.models.cards import ModelCard
    from srgan_gp.models.catalog import list_models

__all__ = [
    "FaceGenerator",
    "ModelCard",
    "Picture",
    "SrganGpError",
    "Upscaler",
    "list_models",
    "read_image",
    "write_image",
]

_HOME = {
    "FaceGenerator": "srgan_gp.inference.face_generator",
    "ModelCard": "srgan_gp.models.cards",
    "Picture": "srgan_gp.images",
    "SrganGpError": "srgan_gp.errors",
    "Upscaler": "srgan_gp.inference.upscaler",
    "list_models": "srgan_gp.models.catalog",
    "read_image": "srgan_gp.images",
    "write_image": "srgan_gp.images",
}


def __getattr__(name: str) -> object:
    """Import a public name on first use, so that `import srgan_gp` is fast (PEP 562)."""
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    if name == "__version__":
        return import_module("importlib.metadata").version("srgan-gp")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
