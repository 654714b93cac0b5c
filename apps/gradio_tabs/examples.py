"""Example images, as buttons with a thumbnail."""

import base64
import io
import shutil
from collections.abc import Callable
from pathlib import Path

import gradio as gr
from PIL import Image

from gradio_tabs.page_requests import visitor_of
from gradio_tabs.panel import QUIET
from gradio_tabs.runs import Runs
from gradio_tabs.uploads import ImageInput

FOLDER = Path(__file__).parents[1] / "examples"
_THUMBNAIL = (96, 72)


def example_images() -> list[Path]:
    """List the example images."""
    return sorted(path for path in FOLDER.iterdir() if path.suffix in (".jpg", ".png"))


def build_examples(runs: Runs, image: ImageInput) -> None:
    """Build a button for each example, which puts the image into a field.

    Args:
        runs: runs of the tab.
        image: field for the example.
    """

    def chooser(path: Path) -> Callable[[gr.Request], str]:
        def choose(request: gr.Request) -> str:
            # A copy among the visitor's files: the page serves no others.
            folder = runs.folder(visitor_of(request))
            folder.mkdir(parents=True, exist_ok=True)
            return str(shutil.copy(path, folder))

        return choose

    with gr.Row():
        for path in example_images():
            button = gr.Button(path.stem.capitalize(), size="sm", min_width=90,
                               elem_classes=["example", f"example-{path.stem}"])  # fmt: skip
            button.click(
                chooser(path), None, image, queue=False, **QUIET
            )  # outside the API, no overlay


def example_styles() -> str:
    """Return the CSS of the thumbnails, with the images inside, so that no file is served."""
    rules = [
        ".example { flex-direction: column; gap: 0.3em; }",
        f'.example::before {{ content: ""; height: {_THUMBNAIL[1]}px; '
        f"width: min({_THUMBNAIL[0]}px, 100%); "
        "background-size: cover; background-position: center; border-radius: 4px; }",
    ]
    for path in example_images():
        with Image.open(path) as image, io.BytesIO() as file:
            thumbnail = image.convert("RGB")
            thumbnail.thumbnail((2 * _THUMBNAIL[0], 2 * _THUMBNAIL[1]))
            thumbnail.save(file, "JPEG", quality=85)
            data = base64.b64encode(file.getvalue()).decode()
        address = f"data:image/jpeg;base64,{data}"
        rules.append(f".example-{path.stem}::before {{ background-image: url({address}); }}")
    return "\n".join(rules)
