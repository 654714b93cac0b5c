"""Tab for one image: options, and a viewer of the result beside the image."""

from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial

import gradio as gr

from gradio_tabs import messages
from gradio_tabs.image_field import NO_IMAGE, build_image_field, region_around
from gradio_tabs.options import Options, build_options, upscale_request
from gradio_tabs.panel import (
    QUIET,
    Panel,
    Updates,
    build_panel,
    build_viewer,
    connect,
    connect_clearing,
    one_run,
)
from gradio_tabs.runs import Progress, Run, Runs
from gradio_tabs.selections import Selection
from gradio_tabs.uploads import ImageInput, Upload
from srgan_gp.errors import UsageError
from srgan_gp.models.cards import ModelCard


@dataclass(frozen=True)
class _Widgets:
    image: ImageInput
    options: Options
    panel: Panel
    shown: gr.Markdown
    """Names the job in the viewer."""


def build_upscale_tab(
    runs: Runs, cards: dict[str, ModelCard], default: str, *, has_fast_mode: bool
) -> tuple[ImageInput, Options]:
    """Build the tab; return the fields into which other tabs put an image and a model.

    Args:
        runs: runs of this tab.
        cards: cards of the upscaling models, by name.
        default: name of the preselected model.
        has_fast_mode: as for `build_options`.
    """
    with gr.Row():
        with gr.Column(scale=2, min_width=320):
            image = build_image_field(runs, "upscale", "Click the image to preview a region.")
            with gr.Column(elem_classes="after-image"):
                options = build_options(cards, default, "upscale", has_fast_mode=has_fast_mode)
                gr.Markdown("", elem_id="upscale-estimate", elem_classes="estimate")
                panel = build_panel("Upscale", "upscale")
        with gr.Column(scale=3, min_width=320, elem_classes="results"):
            shown = build_viewer("upscale")
    _connect(_Widgets(image, options, panel, shown), runs)
    return image, options


def _connect(widgets: _Widgets, runs: Runs) -> None:
    """Connect the buttons and the clicks on the image."""
    panel = widgets.panel

    async def upscale(
        request: gr.Request, image: Upload | None, values: tuple[object, ...],
        click: Selection | None,
    ) -> Updates:  # fmt: skip
        steps = partial(_steps, widgets, image, values, click)
        uploads = [image] if image else []
        is_preview = click is not None  # of the region around the click
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
    connect(panel.start.click, panel, whole, inputs, [widgets.shown])
    connect(widgets.image.select, panel, clicked, inputs, [widgets.shown], is_replaceable=True)
    panel.stop.click(runs.stop, queue=False, **QUIET)
    connect_clearing(widgets.image, panel, runs)


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
    job_request = replace(upscale_request(image, values), region=region, wants_view=True)
    if region is not None and job_request.width is not None:
        # The width is that of the whole image: a region gets the scale of the model instead.
        job_request = replace(job_request, width=None)
    async with aclosing(run.follow(job_request)) as updates:
        async for update in updates:
            if isinstance(update, Progress):
                yield {widgets.panel.status: messages.job(update, "Upscaling")}
                continue
            text = (
                messages.outcome(update.report)
                if region is None
                else messages.preview(update.report, region)
            )
            yield {widgets.panel.status: text, widgets.shown: messages.shown(run.ids)}
