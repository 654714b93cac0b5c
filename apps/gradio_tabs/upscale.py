"""Tab "Upscale": upscales one image or previews a region of it, and shows it beside the original.

One press of the start button, or one click on the image, is a run. Its `Run` submits one job to the
server; an async generator yields the changes of the page, dicts of widgets and their new values,
which `panel.execute_run` sends to the browser. If the generator raises an exception, `execute_run`
shows its message as the status. A preview is replaceable: another click stops it and starts the
next one.

`Upload` is an image that a visitor sent, `Selection` a click on the image.
"""

from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial

import gradio as gr

from gradio_tabs import messages
from gradio_tabs.inputs.image_field import NO_IMAGE, build_image_field, region_around
from gradio_tabs.inputs.selections import Selection
from gradio_tabs.inputs.uploads import ImageInput, Upload
from gradio_tabs.model_lists import model_label
from gradio_tabs.options import Options, build_options, upscale_request
from gradio_tabs.results.page_updates import Updates
from gradio_tabs.results.panel import (
    EVENT_OPTIONS,
    Panel,
    build_panel,
    connect,
    connect_status_clearing,
    execute_run,
)
from gradio_tabs.results.result_viewer import build_viewer
from gradio_tabs.results.runs import Runs
from gradio_tabs.results.tab_run import Progress, Run
from srgan_gp.errors import UsageError
from srgan_gp.models.cards import ModelCard


@dataclass(frozen=True)
class _Widgets:
    """Widgets of the tab."""

    image: ImageInput
    options: Options
    panel: Panel
    job_links: gr.Markdown
    """Hidden link to the job of the run; a script shows its result in the viewer."""


def build_upscale_tab(
    runs: Runs, cards: dict[str, ModelCard], default: str, *, has_fast_mode: bool
) -> tuple[ImageInput, Options]:
    """Build the tab.

    Args:
        runs: runs of this tab.
        cards: cards of the upscaling models, by name.
        default: name of the preselected model.
        has_fast_mode: whether the device of the server can run models in int8.

    Returns:
        The field of the image, into which the tab "Faces" puts a face, and the widgets of the
        options. The tab "Fine-tune" selects a new model in them.
    """
    # On a screen too narrow for two columns of 320 pixels, such as a phone's, they are stacked.
    with gr.Row():
        with gr.Column(scale=2, min_width=320):
            image = build_image_field(
                runs, "upscale", "Click or tap the image to preview a region."
            )
            with gr.Column(elem_classes="after-image"):
                options = build_options(cards, default, "upscale", has_fast_mode=has_fast_mode)
                # `static/estimates.js` writes the expected time here.
                gr.Markdown("", elem_id="upscale-estimate", elem_classes="estimate")
                panel = build_panel("Upscale", "upscale")
        with gr.Column(scale=3, min_width=320, elem_classes="results"):
            job_links = build_viewer("upscale")
    _connect(_Widgets(image, options, panel, job_links), runs)
    return image, options


def _connect(widgets: _Widgets, runs: Runs) -> None:
    """Connect the buttons and the clicks on the image."""
    panel = widgets.panel

    async def upscale(
        request: gr.Request, image: Upload | None, values: tuple[object, ...],
        click: Selection | None,
    ) -> Updates:  # fmt: skip
        steps = partial(_upscale_image, widgets, image, values, click)
        kept_uploads = [image] if image else []  # not deleted before the run ends
        is_preview = click is not None
        async for update in execute_run(
            panel, runs, request, kept_uploads, steps, is_replaceable=is_preview
        ):
            yield update

    # Gradio passes the value of each input widget: first the image, then the options.
    async def upscale_whole(request: gr.Request, image: Upload | None, *values: object) -> Updates:
        async for update in upscale(request, image, values, click=None):
            yield update

    async def preview_clicked_region(
        click: Selection, request: gr.Request, image: Upload | None, *values: object
    ) -> Updates:
        async for update in upscale(request, image, values, click):
            yield update

    inputs = [widgets.image, *widgets.options.widgets]
    outputs = [widgets.job_links]
    connect(panel.start.click, panel, upscale_whole, inputs, outputs)
    # Here `is_replaceable` lets the browser send a click while a run is in progress.
    connect(
        widgets.image.select, panel, preview_clicked_region, inputs, outputs, is_replaceable=True
    )
    panel.stop.click(runs.stop, queue=False, **EVENT_OPTIONS)
    connect_status_clearing(widgets.image, panel, runs)


async def _upscale_image(
    widgets: _Widgets,
    image: Upload | None,
    values: tuple[object, ...],
    click: Selection | None,
    run: Run,
) -> Updates:
    """Upscale an image or a region of it; yield the changes of the page.

    Args:
        widgets: widgets of the tab.
        image: uploaded image; None: the field is empty.
        values: values of `widgets.options.widgets`, in their order.
        click: click on the image, whose surroundings are previewed; None: upscale the whole image.
        run: submits the job.

    Raises:
        UsageError: there is no image, or a value or the click is invalid.
        SrganGpError: the job failed; its message is shown to the visitor.
    """
    if image is None:
        raise UsageError(NO_IMAGE)
    region = None if click is None else region_around(*click.pixel())
    # The viewer shows the result in tiles, which the job writes too.
    job_request = replace(upscale_request(image, values), region=region, needs_viewer_tiles=True)
    async with aclosing(run.follow(job_request)) as updates:
        async for update in updates:
            if isinstance(update, Progress):
                yield {widgets.panel.status: messages.job(update, "Upscaling")}
                continue
            if region is None:
                summary = messages.outcome(update.report)
            else:
                summary = messages.preview(model_label(job_request.model or ""), region)
            yield {
                widgets.panel.status: summary,
                widgets.job_links: messages.job_links(run.ids),
            }
