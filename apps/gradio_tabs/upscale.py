"""The tab for one picture: before and after under one slider, and the exact file to download."""

from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial

import gradio as gr

from gradio_tabs import messages
from gradio_tabs.options import Options, build_options, upscale_request
from gradio_tabs.panel import (
    QUIET,
    Changes,
    Panel,
    Updates,
    build_panel,
    connect,
    connect_clearing,
    one_run,
)
from gradio_tabs.picture_field import around, build_picture_field
from gradio_tabs.runs import Progress, Run, Runs
from gradio_tabs.uploads import PictureInput, Upload
from srgan_gp.errors import UsageError
from srgan_gp.models.cards import ModelCard
from srgan_gp.serving.jobs.job_requests import Region, Result

_DOWNLOAD = "Download the result"
_ABOUT_SIZE = "The slider shows a smaller copy of a large result; the download is the file itself, \
with every pixel."


@dataclass(frozen=True)
class _Widgets:
    picture: PictureInput
    options: Options
    panel: Panel
    slider: gr.ImageSlider
    download: gr.DownloadButton

    @property
    def shown(self) -> list[gr.ImageSlider | gr.DownloadButton]:
        return [self.slider, self.download]


def build_upscale_tab(
    runs: Runs, cards: dict[str, ModelCard], default: str
) -> tuple[PictureInput, Options]:
    """Make the tab; gives the widgets that other tabs put a picture and a model into.

    Args:
        runs: of this tab.
        cards: of the models that enlarge pictures, by name.
        default: name of the model chosen at first.
    """
    with gr.Row():
        with gr.Column(scale=2, min_width=320):
            picture = build_picture_field(
                runs, "upscale", "A click on the picture previews that spot."
            )
            panel = build_panel("Upscale", "upscale")
        with gr.Column(scale=3, min_width=320):
            slider = _build_slider()
            download = gr.DownloadButton(
                _DOWNLOAD, variant="primary", interactive=False, elem_id="upscale-download"
            )
            gr.Markdown(_ABOUT_SIZE, elem_classes="quiet")
    options = build_options(cards, default)
    _connect(_Widgets(picture, options, panel, slider, download), runs)
    return picture, options


def _build_slider() -> gr.ImageSlider:
    """Make the slider, whose line a mouse can drag, and a range for the keyboard to move it."""
    slider = gr.ImageSlider(
        label="Before and after", format="png", type="filepath", interactive=False,
        buttons=["fullscreen"], height=420, max_height=420, elem_id="upscale-slider",
    )  # fmt: skip
    line = gr.Slider(
        0, 100, value=50, step=1, label="Line between before and after, in percent",
        buttons=[], elem_id="upscale-line", elem_classes="line",
    )  # fmt: skip
    line.input(
        lambda percent: gr.ImageSlider(slider_position=percent), line, slider, queue=False,
        trigger_mode="always_last", **QUIET,
    )  # fmt: skip
    return slider


def _connect(widgets: _Widgets, runs: Runs) -> None:
    """Let the buttons do what they say."""
    panel = widgets.panel

    async def enlarge(
        request: gr.Request, picture: Upload | None, values: tuple[object, ...], spot: Region | None
    ) -> Updates:
        steps = partial(_steps, widgets, picture, values, spot)
        uploads = [picture] if picture else []
        is_preview = spot is not None
        async for update in one_run(panel, runs, request, uploads, steps, gives_way=is_preview):
            yield update

    async def whole(request: gr.Request, picture: Upload | None, *values: object) -> Updates:
        async for update in enlarge(request, picture, values, None):
            yield update

    async def spot(
        event: gr.SelectData, request: gr.Request, picture: Upload | None, *values: object
    ) -> Updates:
        async for update in enlarge(request, picture, values, around(*event.index)):
            yield update

    inputs = [widgets.picture, *widgets.options.widgets]
    connect(panel.start.click, panel, whole, inputs, widgets.shown)
    connect(widgets.picture.select, panel, spot, inputs, widgets.shown, gives_way=True)
    panel.stop.click(runs.stop, queue=False, **QUIET)
    connect_clearing(widgets.picture, panel, runs, partial(_cleared, widgets), widgets.shown)


def _cleared(widgets: _Widgets) -> Changes:
    return {
        widgets.slider: None,
        widgets.download: gr.DownloadButton(_DOWNLOAD, value=None, interactive=False),
    }


async def _steps(
    widgets: _Widgets,
    picture: Upload | None,
    values: tuple[object, ...],
    region: Region | None,
    run: Run,
) -> Updates:
    """Enlarge a picture or a part of it; gives what changes on the page.

    Raises:
        SrganGpError: the sentence for the visitor.
    """
    if picture is None:
        raise UsageError("Choose a picture first: drop it, paste it, or click on the field.")
    yield _cleared(widgets)
    wanted = replace(upscale_request(picture, values), region=region, wants_view=True)
    if region is not None and wanted.width is not None:
        wanted = replace(wanted, width=None)  # that of the whole picture
    async with aclosing(run.follow(wanted)) as all_news:
        async for news in all_news:
            if isinstance(news, Progress):
                yield {widgets.panel.status: messages.progress(news.done, news.total)}
            else:
                yield _shown(widgets, news, region)


def _shown(widgets: _Widgets, result: Result, region: Region | None) -> Changes:
    """Show a result; that of a part is no file to keep."""
    changes: Changes = {widgets.slider: result.view and tuple(map(str, result.view))}
    if region is not None:
        return changes | {widgets.panel.status: messages.preview(result.report, region)}
    download = gr.DownloadButton(
        f"Download {result.name}", value=str(result.path), interactive=True
    )
    return changes | {
        widgets.panel.status: messages.outcome(result.report),
        widgets.download: download,
    }
