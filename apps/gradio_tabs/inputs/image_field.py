"""Input field for one image, with example images below, and the region around a click.

The tabs "Upscale" and "Compare" use the field and the region.
"""

import gradio as gr

from gradio_tabs.inputs.examples import build_examples
from gradio_tabs.inputs.uploads import ImageInput
from gradio_tabs.results.runs import Runs
from srgan_gp.serving.jobs.job_requests import Region

NO_IMAGE = "Choose an image first: drop it, paste it, or click or tap the field."
"""Error message for a run that is started without an image."""
REGION_SIDE = 160
"""Side of the region that a click previews, in pixels of the image; also in `static/estimates.js`.
The time of a preview grows with the square of it; a smaller region shows too little of the image.
"""


def build_image_field(runs: Runs, name: str, click_hint: str = "") -> ImageInput:
    """Build the field, the buttons of the examples and a hint; return the field.

    Args:
        runs: runs of the tab.
        name: prefix of the element ids.
        click_hint: sentence about what a click on the image does; empty: none.
    """
    image = ImageInput(
        label="Your image", sources=["upload", "clipboard"], buttons=["fullscreen"],
        placeholder="Drop an image here, paste it,\nor click or tap to choose a file",
        alt_text="The image that you chose", elem_id=f"{name}-image",
    )  # fmt: skip
    build_examples(runs, image)
    if click_hint:
        gr.Markdown(click_hint, elem_classes=["quiet", "click-hint"])
    return image


def region_around(x: float, y: float) -> Region:
    """Return a square around a pixel as (left, top, width, height) in pixels.

    Near the left and top edges the square is moved into the image. It may extend beyond the right
    and bottom edges, because the job clips it.

    Args:
        x: column of the pixel.
        y: row of the pixel.

    >>> region_around(200, 90)
    (120, 10, 160, 160)
    """
    left = max(0, round(x) - REGION_SIDE // 2)
    top = max(0, round(y) - REGION_SIDE // 2)
    return left, top, REGION_SIDE, REGION_SIDE
