"""Example images of the page: a button with a thumbnail for each file in `apps/examples`."""

import base64
import io
import shutil
from collections.abc import Callable
from pathlib import Path

import gradio as gr
from PIL import Image

from gradio_tabs.inputs.page_requests import visitor_of
from gradio_tabs.inputs.uploads import ImageInput
from gradio_tabs.results.panel import EVENT_OPTIONS
from gradio_tabs.results.runs import Runs

FOLDER = Path(__file__).parents[2] / "examples"
"""Directory of the example images."""
_THUMBNAIL_WIDTH, _THUMBNAIL_HEIGHT = 96, 72
"""Largest displayed size in CSS pixels. The stored thumbnails may have twice as many pixels per
side, for dense displays."""


def example_images() -> list[Path]:
    """Return the paths of the example images, in the order of their names."""
    return sorted(path for path in FOLDER.iterdir() if path.suffix in (".jpg", ".png"))


def build_examples(runs: Runs, image: ImageInput) -> None:
    """Build a button for each example, which puts the image into a field.

    Args:
        runs: runs of the tab; they know the folder of a visitor.
        image: field for the example.
    """

    def function_of_button(path: Path) -> Callable[[gr.Request], str]:
        """Return a function that copies the example at `path` and returns the path of the copy."""

        def copy_example(request: gr.Request) -> str:
            # The page serves only files in the visitor's own folder.
            folder = runs.folder(visitor_of(request))
            folder.mkdir(parents=True, exist_ok=True)
            return str(shutil.copy(path, folder))

        return copy_example

    with gr.Row():
        for path in example_images():
            button = gr.Button(path.stem.capitalize(), size="sm", min_width=90,
                               elem_classes=["example", f"example-{path.stem}"])  # fmt: skip
            button.click(function_of_button(path), None, image, queue=False, **EVENT_OPTIONS)


def example_styles() -> str:
    """Return the CSS of the buttons, with the thumbnails as base64, which saves requests."""
    rules = [
        ".example { flex-direction: column; gap: 0.3em; }",
        f'.example::before {{ content: ""; height: {_THUMBNAIL_HEIGHT}px; '
        f"width: min({_THUMBNAIL_WIDTH}px, 100%); "
        "background-size: cover; background-position: center; border-radius: 4px; }",
    ]
    for path in example_images():
        with Image.open(path) as image, io.BytesIO() as file:
            thumbnail = image.convert("RGB")
            thumbnail.thumbnail((2 * _THUMBNAIL_WIDTH, 2 * _THUMBNAIL_HEIGHT))
            thumbnail.save(file, "JPEG", quality=85)  # small: every page contains them
            data = base64.b64encode(file.getvalue()).decode()
        data_url = f"data:image/jpeg;base64,{data}"
        rules.append(f".example-{path.stem}::before {{ background-image: url({data_url}); }}")
    return "\n".join(rules)
