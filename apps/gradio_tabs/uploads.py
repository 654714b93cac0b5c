"""Inputs that hand over a client's file as it came; Gradio's own decode it in this process."""

from abc import ABCMeta
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.component_meta import ComponentMeta
from gradio.data_classes import FileData, ImageData, ListFiles

from srgan_gp.errors import PictureError

MOST_NAME_CHARACTERS = 200


@dataclass(frozen=True)
class Upload:
    """A file that a visitor sent."""

    path: Path
    """Where it lies on the server."""
    name: str
    """What the visitor calls it; any text."""

    @classmethod
    def of(cls, payload: FileData | ImageData) -> "Upload":
        """Take over what Gradio has checked to lie in its folder of uploads.

        Raises:
            PictureError: E_NO_UPLOAD; the request gave an address or pixels in place of a file.
        """
        if payload.path is None or (payload.url or "").startswith("data:"):
            raise PictureError("E_NO_UPLOAD", "only an uploaded file can be used, no address")
        path = Path(payload.path)
        return cls(path, (payload.orig_name or path.name)[:MOST_NAME_CHARACTERS])


class _PlainMeta(ComponentMeta):
    """Makes a class and nothing else: Gradio's would write a `.pyi` file beside this one."""

    def __new__(cls, name: str, bases: tuple[type, ...], attributes: dict[str, Any]) -> type:
        return ABCMeta.__new__(cls, name, bases, attributes)


class PictureInput(gr.Image, metaclass=_PlainMeta):
    """One picture: dropped, pasted or chosen; the browser shows it, the server never opens it."""

    is_template = True  # the front end is that of the class above

    # What the page's own functions get and give; Gradio hands it on as it is.
    def preprocess(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, payload: ImageData | None
    ) -> Upload | None:
        """Turn what the browser sent into the file; nothing yet is None."""
        return None if payload is None else Upload.of(payload)

    def postprocess(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, value: str | Path | None
    ) -> ImageData | None:
        """Show a file of ours, such as an example."""
        return None if value is None else ImageData(path=str(value), orig_name=Path(value).name)


class FilesInput(gr.File, metaclass=_PlainMeta):
    """Several files."""

    is_template = True  # the front end is that of the class above

    def preprocess(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, payload: ListFiles | FileData | None
    ) -> list[Upload]:
        """Turn what the browser sent into files."""
        if payload is None:
            return []
        files = payload.root if isinstance(payload, ListFiles) else [payload]
        return [Upload.of(file) for file in files]
