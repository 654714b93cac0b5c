"""The tab for one picture: before and after under one slider, and the exact file to download."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from gradio_tabs import messages
from gradio_tabs.options import Options, build_options, upscale_request
from gradio_tabs.runs import Progress, Runs, visitor_of
from gradio_tabs.uploads import PictureInput, Upload
from srgan_gp.cards import ModelCard
from srgan_gp.errors import Cancelled, SrganGpError
from srgan_gp.serving.requests import Region

EXAMPLES = Path(__file__).parents[1] / "examples"
PREVIEW_SIDE = 160
"""Of the part of a picture that a click enlarges, in pixels."""
_NO_PICTURE = "Choose a picture first: drop it, paste it, or click on the field."

Updates = AsyncGenerator[dict[Any, Any], None]


@dataclass(frozen=True)
class _Widgets:
    picture: PictureInput
    options: Options
    start: gr.Button
    stop: gr.Button
    status: gr.Markdown
    slider: gr.ImageSlider
    download: gr.DownloadButton


def build_upscale_tab(runs: Runs, cards: dict[str, ModelCard], default: str) -> PictureInput:
    """Make the tab; gives the widget that another tab can put a picture into.

    Args:
        runs: the jobs of this tab.
        cards: of the models that enlarge pictures, by name.
        default: name of the model chosen at first.
    """
    with gr.Row():
        with gr.Column(scale=2, min_width=320):
            picture = _picture_field()
            options = build_options(cards, default)
            with gr.Row():
                start = gr.Button("Upscale", variant="primary", elem_id="upscale-start")
                stop = gr.Button("Stop", variant="stop", interactive=False, elem_id="upscale-stop")
        with gr.Column(scale=3, min_width=320):
            slider = gr.ImageSlider(
                label="Before and after", format="png", type="filepath", interactive=False,
                buttons=["fullscreen"], height=480, max_height=480, elem_id="upscale-slider",
            )  # fmt: skip
            status = gr.Markdown(
                messages.READY, elem_id="upscale-status", elem_classes="status",
                latex_delimiters=[],
            )  # fmt: skip
            download = gr.DownloadButton(
                "Download the result", variant="primary", interactive=False,
                elem_id="upscale-download",
            )  # fmt: skip
            gr.Markdown(
                "The slider shows a smaller copy of a large result; the download is the file "
                "itself, with every pixel.",
                elem_classes="quiet",
            )
    _connect(_Widgets(picture, options, start, stop, status, slider, download), runs)
    return picture


def _picture_field() -> PictureInput:
    picture = PictureInput(
        label="Your picture", sources=["upload", "clipboard"], height=300, buttons=["fullscreen"],
        placeholder="Drop a picture here, paste it,\nor click to choose a file",
        alt_text="The picture that you chose", elem_id="upscale-picture",
    )  # fmt: skip
    with gr.Row(elem_id="upscale-examples"):
        for path in example_pictures():
            gr.Button(path.stem.capitalize(), icon=str(path), size="sm", min_width=90).click(
                partial(str, path), None, picture, queue=False, api_visibility="private"
            )
    gr.Markdown(
        "No picture at hand? Try one of these. A click on the picture previews that spot.",
        elem_classes="quiet",
    )
    return picture


def example_pictures() -> list[Path]:
    """List the pictures to try the page with; the page may serve them from where they lie."""
    return sorted(path for path in EXAMPLES.iterdir() if path.suffix in (".jpg", ".png"))


def _connect(widgets: _Widgets, runs: Runs) -> None:
    """Let the buttons do what they say."""

    async def whole(request: gr.Request, picture: Upload | None, *values: object) -> Updates:
        async for update in _run(widgets, runs, visitor_of(request), picture, values, None):
            yield update

    async def spot(
        event: gr.SelectData, request: gr.Request, picture: Upload | None, *values: object
    ) -> Updates:
        region = around(*event.index)
        async for update in _run(widgets, runs, visitor_of(request), picture, values, region):
            yield update

    inputs = [widgets.picture, *widgets.options.widgets]
    outputs = [widgets.start, widgets.stop, widgets.status, widgets.slider, widgets.download]
    # The service has a queue of its own, which is fair to all clients.
    plain: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    widgets.start.click(whole, inputs, outputs, concurrency_limit=None, **plain)
    widgets.picture.select(spot, inputs, outputs, concurrency_limit=None, **plain)
    widgets.stop.click(runs.stop, queue=False, **plain)


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


async def _run(
    widgets: _Widgets,
    runs: Runs,
    visitor: str,
    picture: Upload | None,
    values: tuple[object, ...],
    region: Region | None,
) -> Updates:
    """Enlarge a picture or a part of it; gives what changes on the page."""
    if picture is None:
        yield {widgets.status: messages.refusal(_NO_PICTURE)}
        return
    yield _busy(widgets)
    ending: dict[Any, Any] = {}
    try:
        wanted = replace(upscale_request(picture, values), region=region, wants_view=True)
        if region is not None and wanted.width is not None:
            wanted = replace(wanted, width=None)  # that of the whole picture
        async for news in runs.follow(visitor, wanted):
            if isinstance(news, Progress):
                yield {widgets.status: messages.progress(news.done, news.total)}
                continue
            ending[widgets.status] = messages.outcome(news.report)
            ending[widgets.slider] = tuple(map(str, news.view)) if news.view else None
            if region is None:
                ending[widgets.download] = gr.DownloadButton(
                    f"Download {news.name}", value=str(news.path), interactive=True
                )
            else:
                ending[widgets.status] = messages.preview(news.report, region)
    except Cancelled:
        ending = {widgets.status: messages.note("Stopped. Nothing was kept.")}
    except SrganGpError as error:
        ending = {widgets.status: messages.refusal(error)}
    yield ending | {
        widgets.start: gr.Button(interactive=True),
        widgets.stop: gr.Button(interactive=False),
    }


def _busy(widgets: _Widgets) -> dict[Any, Any]:
    return {
        widgets.start: gr.Button(interactive=False),
        widgets.stop: gr.Button(interactive=True),
        widgets.status: messages.progress(0, 0),
        widgets.download: gr.DownloadButton("Download the result", value=None, interactive=False),
    }
