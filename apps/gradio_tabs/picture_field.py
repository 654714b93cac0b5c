"""The field for one picture, with examples below, and the spots that are clicked in it."""

import gradio as gr

from gradio_tabs.examples import build_examples
from gradio_tabs.runs import Runs
from gradio_tabs.uploads import PictureInput
from srgan_gp.serving.jobs.job_requests import Region

PREVIEW_SIDE = 160
"""Of the part of a picture that a click enlarges, in pixels."""


def build_picture_field(runs: Runs, name: str, about_clicks: str) -> PictureInput:
    """Make the field.

    Args:
        runs: of the tab.
        name: where the ids begin.
        about_clicks: a sentence on what a click on the picture does.
    """
    picture = PictureInput(
        label="Your picture", sources=["upload", "clipboard"], height=300, buttons=["fullscreen"],
        placeholder="Drop a picture here, paste it,\nor click to choose a file",
        alt_text="The picture that you chose", elem_id=f"{name}-picture",
    )  # fmt: skip
    build_examples(runs, picture)
    gr.Markdown(f"No picture at hand? Try one of these. {about_clicks}", elem_classes="quiet")
    return picture


def around(x: float, y: float) -> Region:
    """Choose the part of a picture to preview: a square with a spot in its middle.

    Args:
        x: column of the spot.
        y: row of the spot.

    >>> around(200, 90)
    (120, 10, 160, 160)
    """
    left, top = (max(0, round(side) - PREVIEW_SIDE // 2) for side in (x, y))
    return left, top, PREVIEW_SIDE, PREVIEW_SIDE
