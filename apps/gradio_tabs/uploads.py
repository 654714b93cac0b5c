"""Input fields that return an uploaded file unopened; those of Gradio decode it in this process."""

from abc import ABCMeta
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.component_meta import ComponentMeta
from gradio.data_classes import FileData, ImageData, ListFiles

from srgan_gp.errors import PictureError

MAX_NAME_CHARACTERS = 200


@dataclass(frozen=True)
class Upload:
    """A file that a visitor uploaded."""

    path: Path
    """Path on the server."""
    name: str
    """File name given by the visitor; any text."""

    @classmethod
    def of(cls, payload: FileData | ImageData) -> "Upload":
        """Convert a payload that Gradio has checked to be in its upload folder.

        Raises:
            PictureError: E_NO_UPLOAD; the request has an address or pixels instead of a file.
        """
        if payload.path is None or (payload.url or "").startswith("data:"):
            raise PictureError("E_NO_UPLOAD", "only an uploaded file can be used, not an address")
        path = Path(payload.path)
        return cls(path, (payload.orig_name or path.name)[:MAX_NAME_CHARACTERS])


class _PlainMeta(ComponentMeta):
    """Creates only the class: the metaclass of Gradio would also write a `.pyi` file."""

    def __new__(cls, name: str, bases: tuple[type, ...], attributes: dict[str, Any]) -> type:
        return ABCMeta.__new__(cls, name, bases, attributes)


class ImageInput(gr.Image, metaclass=_PlainMeta):
    """Field for one image: dropped, pasted or chosen. The server does not open it."""

    is_template = True  # use the front end of the base class

    # Gradio passes these values to and from the functions of the page.
    def preprocess(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, payload: ImageData | None
    ) -> Upload | None:
        """Convert the payload of the browser to a file; None: no image yet."""
        return None if payload is None else Upload.of(payload)

    def postprocess(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, value: str | Path | None
    ) -> ImageData | None:
        """Show a file of the server, such as an example."""
        return None if value is None else ImageData(path=str(value), orig_name=Path(value).name)


class FilesInput(gr.File, metaclass=_PlainMeta):
    """Field for several files."""

    is_template = True  # use the front end of the base class

    def preprocess(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, payload: ListFiles | FileData | None
    ) -> list[Upload]:
        """Convert the payload of the browser to files."""
        if payload is None:
            return []
        files = payload.root if isinstance(payload, ListFiles) else [payload]
        return [Upload.of(file) for file in files]
