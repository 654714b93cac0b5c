"""The tab for one picture: before and after under one slider, and the exact file to download."""

from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from gradio_tabs import messages
from gradio_tabs.options import Options, build_options, upscale_request
from gradio_tabs.panel import Panel, Updates, build_buttons, build_status, connect, guarded
from gradio_tabs.picture_field import around, build_picture_field
from gradio_tabs.runs import Progress, Runs, visitor_of
from gradio_tabs.uploads import PictureInput, Upload
from srgan_gp.cards import ModelCard
from srgan_gp.errors import UsageError
from srgan_gp.serving.requests import Region, Result

_DOWNLOAD = "Download the result"


@dataclass(frozen=True)
class _Widgets:
    picture: PictureInput
    options: Options
    panel: Panel
    slider: gr.ImageSlider
    download: gr.DownloadButton


def build_upscale_tab(
    runs: Runs, cards: dict[str, ModelCard], default: str
) -> tuple[PictureInput, Options]:
    """Make the tab; gives the widgets that other tabs put a picture and a model into.

    Args:
        runs: the jobs of this tab.
        cards: of the models that enlarge pictures, by name.
        default: name of the model chosen at first.
    """
    with gr.Row():
        with gr.Column(scale=2, min_width=320):
            picture = build_picture_field(
                runs, "upscale", "A click on the picture previews that spot."
            )
            start, stop = build_buttons("Upscale", "upscale", runs)
        with gr.Column(scale=3, min_width=320):
            slider = gr.ImageSlider(
                label="Before and after", format="png", type="filepath", interactive=False,
                buttons=["fullscreen"], height=420, max_height=420, elem_id="upscale-slider",
            )  # fmt: skip
            status = build_status("upscale")
            download = gr.DownloadButton(
                _DOWNLOAD, variant="primary", interactive=False,
                elem_id="upscale-download",
            )  # fmt: skip
            gr.Markdown(
                "The slider shows a smaller copy of a large result; the download is the file "
                "itself, with every pixel.",
                elem_classes="quiet",
            )
    options = build_options(cards, default)
    panel = Panel(start, stop, status)
    _connect(_Widgets(picture, options, panel, slider, download), runs)
    return picture, options


def _connect(widgets: _Widgets, runs: Runs) -> None:
    """Let the buttons do what they say."""

    async def whole(request: gr.Request, picture: Upload | None, *values: object) -> Updates:
        steps = _steps(widgets, runs, visitor_of(request), picture, values, None)
        async for update in guarded(widgets.panel, steps):
            yield update

    async def spot(
        event: gr.SelectData, request: gr.Request, picture: Upload | None, *values: object
    ) -> Updates:
        region = around(*event.index)
        steps = _steps(widgets, runs, visitor_of(request), picture, values, region)
        async for update in guarded(widgets.panel, steps):
            yield update

    inputs = [widgets.picture, *widgets.options.widgets]
    outputs = [widgets.slider, widgets.download]
    connect(widgets.panel, [widgets.panel.start.click], whole, inputs, outputs)
    connect(widgets.panel, [widgets.picture.select], spot, inputs, outputs)


async def _steps(
    widgets: _Widgets,
    runs: Runs,
    visitor: str,
    picture: Upload | None,
    values: tuple[object, ...],
    region: Region | None,
) -> Updates:
    """Enlarge a picture or a part of it; gives what changes on the page.

    Raises:
        SrganGpError: the sentence for the visitor.
    """
    if picture is None:
        raise UsageError("Choose a picture first: drop it, paste it, or click on the field.")
    yield {widgets.download: gr.DownloadButton(_DOWNLOAD, value=None, interactive=False)}
    wanted = replace(upscale_request(picture, values), region=region, wants_view=True)
    if region is not None and wanted.width is not None:
        wanted = replace(wanted, width=None)  # that of the whole picture
    async with aclosing(runs.follow(visitor, wanted)) as all_news:
        async for news in all_news:
            if isinstance(news, Progress):
                yield {widgets.panel.status: messages.progress(news.done, news.total)}
            else:
                yield _shown(widgets, news, region)


def _shown(widgets: _Widgets, result: Result, region: Region | None) -> dict[Any, Any]:
    """Show a result; that of a part is no file to keep."""
    changes: dict[Any, Any] = {widgets.slider: result.view and tuple(map(str, result.view))}
    if region is not None:
        return changes | {widgets.panel.status: messages.preview(result.report, region)}
    download = gr.DownloadButton(
        f"Download {result.name}", value=str(result.path), interactive=True
    )
    return changes | {
        widgets.panel.status: messages.outcome(result.report),
        widgets.download: download,
    }
