"""Tab "Compare": upscales one region of an image with several models, and shows them side by side.

One press of the start button, or one click on the image, is a run. Its `Run` submits one job per
model to the server; an async generator yields the changes of the page, dicts of widgets and their
new values, which `panel.execute_run` sends to the browser. If the generator raises an exception,
`execute_run` shows its message as the status. `panel.EVENT_OPTIONS` are arguments of every Gradio
event of the page.
"""

from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import gradio as gr

from gradio_tabs import messages
from gradio_tabs.inputs.image_field import (
    NO_IMAGE,
    REGION_SIDE,
    build_image_field,
    region_around,
)
from gradio_tabs.inputs.page_requests import number_of, page_of
from gradio_tabs.inputs.selections import Selection
from gradio_tabs.inputs.uploads import ImageInput, Upload
from gradio_tabs.model_lists import model_choices
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
from srgan_gp.serving.jobs.job_requests import Region, UpscaleRequest

MIN_MODELS, MAX_MODELS = 2, 4  # one alone is no comparison; each is another job in the queue


@dataclass(frozen=True)
class ClickedRegion:
    """Region around the last click on an image."""

    image: Path
    """Path of the image on the server."""
    region: Region
    """Left, top, width and height in pixels."""


@dataclass(frozen=True)
class _Widgets:
    """Widgets of the tab."""

    image: ImageInput
    models: gr.CheckboxGroup
    clicked: gr.State
    """`ClickedRegion` of the last click; None: no click yet."""
    panel: Panel
    job_links: gr.Markdown
    """Hidden links to the jobs of the run; a script shows their results in the viewer."""


def build_compare_tab(runs: Runs, cards: dict[str, ModelCard]) -> gr.CheckboxGroup:
    """Build the tab; return the field that lists the models.

    Args:
        runs: runs of this tab.
        cards: cards of the upscaling models, by name.
    """
    choices = model_choices(cards)
    preselected = [name for _label, name in choices[:MAX_MODELS]]
    with gr.Row():
        with gr.Column(scale=2, min_width=320):
            image = build_image_field(runs, "compare")
            models = gr.CheckboxGroup(
                choices, value=preselected, label="Models",
                info=f"Choose {MIN_MODELS} to {MAX_MODELS}.", elem_id="compare-models",
            )  # fmt: skip
            # `static/estimates.js` writes the size of the region and the expected time here.
            gr.Markdown("", elem_id="compare-estimate", elem_classes="estimate")
            panel = build_panel("Compare", "compare")
        with gr.Column(scale=3, min_width=320):
            job_links = build_viewer("compare")
    _connect(_Widgets(image, models, gr.State(None), panel, job_links), cards, runs)
    return models


def _connect(widgets: _Widgets, cards: dict[str, ModelCard], runs: Runs) -> None:
    """Connect the button and the clicks on the image."""
    panel, image = widgets.panel, widgets.image

    # `replaces`: whether the run replaces one that is in progress, instead of doing nothing.
    async def compare(
        request: gr.Request, upload: Upload | None, names: list[str], region: Region | None,
        *, replaces: bool,
    ) -> Updates:  # fmt: skip
        steps = partial(_compare_models, widgets, cards, upload, names, region)
        uploads = [upload] if upload else []
        async for update in execute_run(
            panel, runs, request, uploads, steps, is_replaceable=True, replaces=replaces
        ):
            yield update

    async def compare_unless_running(
        request: gr.Request, upload: Upload | None, names: list[str],
        clicked: ClickedRegion | None,
    ) -> Updates:  # fmt: skip
        region = region_on(upload, clicked)
        async for update in compare(request, upload, names, region, replaces=False):
            yield update

    async def compare_clicked_region(
        click: Selection, request: gr.Request, upload: Upload | None, names: list[str],
        _previous_click: ClickedRegion | None,
    ) -> Updates:  # fmt: skip
        try:
            region = region_around(*click.pixel())
        except UsageError as error:
            yield {panel.status: messages.error(str(error))}
            return
        if upload and runs.register_event(page_of(request), number_of(request)):
            yield {widgets.clicked: ClickedRegion(upload.path, region)}
        async for update in compare(request, upload, names, region, replaces=True):
            yield update

    # Both events get these values. A click does not use the region: it chooses another one.
    inputs = [image, widgets.models, widgets.clicked]
    outputs = [widgets.job_links, widgets.clicked]
    connect(panel.start.click, panel, compare_unless_running, inputs, outputs)
    connect(image.select, panel, compare_clicked_region, inputs, outputs, is_replaceable=True)
    panel.stop.click(runs.stop, queue=False, **EVENT_OPTIONS)
    # With another image, forget the region of the previous image.
    image.change(lambda: None, None, widgets.clicked, queue=False, **EVENT_OPTIONS)
    connect_status_clearing(image, panel, runs)


def region_on(upload: Upload | None, clicked: ClickedRegion | None) -> Region | None:
    """Return the clicked region if the click was on this image, else None.

    A click on an earlier image can be handled after the image was replaced.
    """
    if upload is None or clicked is None or clicked.image != upload.path:
        return None
    return clicked.region


async def _compare_models(
    widgets: _Widgets,
    cards: dict[str, ModelCard],
    image: Upload | None,
    names: list[str],
    region: Region | None,
    run: Run,
) -> Updates:
    """Upscale one region with each model in turn; yield the changes of the page.

    Args:
        widgets: widgets of the tab.
        cards: cards of the upscaling models, by name.
        image: uploaded image; None: the field is empty.
        names: names of the models to compare.
        region: left, top, width and height in pixels; None: a square with many details.
        run: submits the jobs.

    Raises:
        UsageError: there is no image, or the models are unknown, too few or too many.
        SrganGpError: a job failed; its message is shown to the visitor.
    """
    if image is None:
        raise UsageError(NO_IMAGE)
    if unknown := set(names) - set(cards):
        raise UsageError(f"There is no model {', '.join(sorted(unknown))}. Reload the page.")
    if not MIN_MODELS <= len(names) <= MAX_MODELS:
        raise UsageError(f"Choose {MIN_MODELS} to {MAX_MODELS} models, not {len(names)}.")
    # The results are shown side by side: all have the size of the model with the largest scale.
    scale = max(cards[name].scale or 1 for name in names)
    # A request takes a region, or the side of a square with many details that the job chooses.
    requested_region = REGION_SIDE if region is None else region
    job_request = UpscaleRequest(
        image.path, image.name, scale=scale, format="png", region=requested_region,
        needs_viewer_tiles=True,
    )  # fmt: skip
    for number, name in enumerate(names):
        yield {widgets.panel.status: messages.progress(number, len(names), "models")}
        async with aclosing(run.follow(replace(job_request, model=name))) as updates:
            async for update in updates:
                if not isinstance(update, Progress):  # the result of this model
                    yield {widgets.job_links: messages.job_links(run.ids)}
    yield {widgets.panel.status: messages.note(f"{len(names)} models, one region, x{scale}.")}
