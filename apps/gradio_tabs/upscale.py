"""Tab for one image: a slider between before and after, and the download of the result."""

from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial

import gradio as gr

from gradio_tabs import messages
from gradio_tabs.image_field import NO_IMAGE, build_image_field, region_around
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
from gradio_tabs.runs import Progress, Run, Runs
from gradio_tabs.selections import Selection
from gradio_tabs.uploads import ImageInput, Upload
from srgan_gp.errors import UsageError
from srgan_gp.models.cards import ModelCard
from srgan_gp.serving.jobs.job_requests import Region, Result

_DOWNLOAD = "Download the result"
_SIZE_HINT = "The slider shows a smaller copy of a large result; the download has full resolution."


@dataclass(frozen=True)
class _Widgets:
    image: ImageInput
    options: Options
    panel: Panel
    slider: gr.ImageSlider
    download: gr.DownloadButton

    @property
    def shown(self) -> list[gr.ImageSlider | gr.DownloadButton]:
        return [self.slider, self.download]


def build_upscale_tab(
    runs: Runs, cards: dict[str, ModelCard], default: str
) -> tuple[ImageInput, Options]:
    """Build the tab; return the fields into which other tabs put an image and a model.

    Args:
        runs: runs of this tab.
        cards: cards of the upscaling models, by name.
        default: name of the preselected model.
    """
    with gr.Row():
        with gr.Column(scale=2, min_width=320):
            image = build_image_field(runs, "upscale", "Click the image to preview a region.")
            panel = build_panel("Upscale", "upscale")
        with gr.Column(scale=3, min_width=320):
            slider = _build_slider()
            download = gr.DownloadButton(
                _DOWNLOAD, variant="primary", interactive=False, elem_id="upscale-download"
            )
            gr.Markdown(_SIZE_HINT, elem_classes="quiet")
    options = build_options(cards, default)
    _connect(_Widgets(image, options, panel, slider, download), runs)
    return image, options


def _build_slider() -> gr.ImageSlider:
    """Build the slider, whose line follows the mouse, and a range for the keyboard."""
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
    """Connect the buttons and the clicks on the image."""
    panel = widgets.panel

    async def upscale(
        request: gr.Request, image: Upload | None, values: tuple[object, ...],
        click: Selection | None,
    ) -> Updates:  # fmt: skip
        steps = partial(_steps, widgets, image, values, click)
        uploads = [image] if image else []
        is_preview = click is not None
        async for update in one_run(
            panel, runs, request, uploads, steps, is_replaceable=is_preview
        ):
            yield update

    async def whole(request: gr.Request, image: Upload | None, *values: object) -> Updates:
        async for update in upscale(request, image, values, None):
            yield update

    async def clicked(
        click: Selection, request: gr.Request, image: Upload | None, *values: object
    ) -> Updates:
        async for update in upscale(request, image, values, click):
            yield update

    inputs = [widgets.image, *widgets.options.widgets]
    connect(panel.start.click, panel, whole, inputs, widgets.shown)
    connect(widgets.image.select, panel, clicked, inputs, widgets.shown, is_replaceable=True)
    panel.stop.click(runs.stop, queue=False, **QUIET)
    connect_clearing(widgets.image, panel, runs, partial(_cleared, widgets), widgets.shown)


def _cleared(widgets: _Widgets) -> Changes:
    return {
        widgets.slider: None,
        widgets.download: gr.DownloadButton(_DOWNLOAD, value=None, interactive=False),
    }


async def _steps(
    widgets: _Widgets,
    image: Upload | None,
    values: tuple[object, ...],
    click: Selection | None,
    run: Run,
) -> Updates:
    """Upscale an image or a region of it; yield the changes of the page.

    Raises:
        SrganGpError: the message for the visitor.
    """
    if image is None:
        raise UsageError(NO_IMAGE)
    region = None if click is None else region_around(*click.pixel())
    yield _cleared(widgets)
    job_request = replace(upscale_request(image, values), region=region, wants_view=True)
    if region is not None and job_request.width is not None:
        job_request = replace(job_request, width=None)  # that of the whole image
    async with aclosing(run.follow(job_request)) as updates:
        async for update in updates:
            if isinstance(update, Progress):
                yield {widgets.panel.status: messages.progress(update.done, update.total)}
            else:
                yield _shown(widgets, update, region)


def _shown(widgets: _Widgets, result: Result, region: Region | None) -> Changes:
    """Show a result; a preview has no download."""
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
