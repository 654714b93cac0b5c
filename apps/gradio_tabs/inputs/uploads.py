"""Input fields for uploaded files that do not open the files.

Gradio's own image field would decode an upload in the server process. Here a decoder process of
`srgan_gp.serving.decoding` does it, with limited memory and time.
"""

from abc import ABCMeta
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.component_meta import ComponentMeta
from gradio.data_classes import FileData, ImageData, ListFiles

from srgan_gp.errors import PictureError

MAX_NAME_CHARACTERS = 200
"""Length to which a file name given by a visitor is cut, so that messages with it stay short. Most
file systems allow names of up to 255 bytes."""


@dataclass(frozen=True)
class Upload:
    """A file that a visitor uploaded."""

    path: Path
    """Path on the server."""
    name: str
    """File name given by the visitor; any text."""

    @classmethod
    def of(cls, payload: FileData | ImageData) -> "Upload":
        """Convert Gradio's description of a file; Gradio has checked that it is an upload.

        Raises:
            PictureError: E_NO_UPLOAD; the payload has no file, or has pixels in a `data:` URL.
        """
        # Another `url` is allowed: from it the browser loads the uploaded file.
        has_data_url = payload.url is not None and payload.url.startswith("data:")
        if payload.path is None or has_data_url:
            raise PictureError("E_NO_UPLOAD", "only an uploaded file can be used, not an address")
        path = Path(payload.path)
        name = payload.orig_name or path.name
        return cls(path, name[:MAX_NAME_CHARACTERS])


class _PlainMeta(ComponentMeta):
    """Metaclass that creates a Gradio component, and nothing else.

    Gradio's own metaclass would also write a `.pyi` file into the folder of the class.
    """

    def __new__(cls, name: str, bases: tuple[type, ...], attributes: dict[str, Any]) -> type:
        return ABCMeta.__new__(cls, name, bases, attributes)  # skips `ComponentMeta.__new__`


class ImageInput(gr.Image, metaclass=_PlainMeta):
    """Field for one image: dropped, pasted or chosen. The server does not open it."""

    is_template = True  # use the front end of the base class

    def preprocess(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, payload: ImageData | None
    ) -> Upload | None:
        """Convert the value that the browser sent for an event function; None: no image.

        Raises:
            PictureError: E_NO_UPLOAD; the value has a URL instead of a file.
        """
        return None if payload is None else Upload.of(payload)

    def postprocess(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, value: str | Path | None
    ) -> ImageData | None:
        """Convert the path that an event function returned, such as an example, for the browser."""
        return None if value is None else ImageData(path=str(value), orig_name=Path(value).name)


class FilesInput(gr.File, metaclass=_PlainMeta):
    """Field for several files, never set by an event function. The server does not open them."""

    is_template = True  # use the front end of the base class

    def preprocess(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, payload: ListFiles | FileData | None
    ) -> list[Upload]:
        """Convert the value that the browser sent for an event function; empty: no file.

        Raises:
            PictureError: E_NO_UPLOAD; the value has a URL instead of a file.
        """
        if payload is None:
            return []
        files = payload.root if isinstance(payload, ListFiles) else [payload]
        return [Upload.of(file) for file in files]
