"""Tab that compares several models on one region of an image, side by side."""

from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial

import gradio as gr

from gradio_tabs import messages
from gradio_tabs.image_field import (
    NO_IMAGE,
    PREVIEW_SIDE,
    build_image_field,
    region_around,
)
from gradio_tabs.panel import (
    QUIET,
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
from srgan_gp.serving.jobs.job_requests import Region, Result, UpscaleRequest

MIN_MODELS, MAX_MODELS = 2, 4


@dataclass(frozen=True)
class _Widgets:
    image: ImageInput
    models: gr.CheckboxGroup
    region: gr.State
    panel: Panel
    views: list[gr.Image]


def build_compare_tab(runs: Runs, cards: dict[str, ModelCard]) -> None:
    """Build the tab.

    Args:
        runs: runs of this tab.
        cards: cards of the upscaling models, by name.
    """
    preselected = list(cards)[:MAX_MODELS]
    with gr.Row():
        with gr.Column(scale=2, min_width=320):
            image = build_image_field(
                runs, "compare", "Click the image to compare a region; the default is the middle."
            )
            models = gr.CheckboxGroup(
                list(cards), value=preselected, label="Models",
                info=f"Choose {MIN_MODELS} to {MAX_MODELS}.",
            )  # fmt: skip
            panel = build_panel("Compare", "compare")
        with gr.Column(scale=3, min_width=320), gr.Row():
            views = [_view(number, number < len(preselected)) for number in range(MAX_MODELS)]
    _connect(_Widgets(image, models, gr.State(None), panel, views), cards, runs)


def _view(number: int, visible: bool) -> gr.Image:
    return gr.Image(
        label=f"Model {number + 1}", format="png", type="filepath", interactive=False,
        buttons=["fullscreen"], height=300, min_width=240, visible=visible,
        elem_id=f"compare-view-{number + 1}", elem_classes="compare-view",
    )  # fmt: skip


def _connect(widgets: _Widgets, cards: dict[str, ModelCard], runs: Runs) -> None:
    """Connect the button and the clicks on the image."""
    panel, image = widgets.panel, widgets.image

    async def compare(
        request: gr.Request, upload: Upload | None, names: list[str], region: Region | None
    ) -> Updates:
        steps = partial(_steps, widgets, cards, upload, names, region)
        uploads = [upload] if upload else []
        async for update in one_run(panel, runs, request, uploads, steps, is_replaceable=True):
            yield update

    async def clicked(
        click: Selection, request: gr.Request, upload: Upload | None, names: list[str],
        _: Region | None,
    ) -> Updates:  # fmt: skip
        try:
            region = region_around(*click.pixel())
        except UsageError as error:
            yield {panel.status: messages.error(str(error))}
            return
        yield {widgets.region: region}
        async for update in compare(request, upload, names, region):
            yield update

    inputs, outputs = [image, widgets.models, widgets.region], [*widgets.views, widgets.region]
    connect(panel.start.click, panel, compare, inputs, outputs)
    connect(image.select, panel, clicked, inputs, outputs, is_replaceable=True)
    panel.stop.click(runs.stop, queue=False, **QUIET)
    connect_clearing(
        image, panel, runs, lambda: {widgets.region: None} | dict.fromkeys(widgets.views), outputs
    )


async def _steps(
    widgets: _Widgets,
    cards: dict[str, ModelCard],
    image: Upload | None,
    names: list[str],
    region: Region | None,
    run: Run,
) -> Updates:
    """Upscale one region with each model in turn; yield the changes of the page.

    Raises:
        SrganGpError: the message for the visitor.
    """
    if image is None:
        raise UsageError(NO_IMAGE)
    if unknown := set(names) - set(cards):
        raise UsageError(f"There is no model {', '.join(sorted(unknown))}. Reload the page.")
    if not MIN_MODELS <= len(names) <= MAX_MODELS:
        raise UsageError(f"Choose {MIN_MODELS} to {MAX_MODELS} models, not {len(names)}.")
    # All views have the same size, whatever the scales of the models.
    scale = max(cards[name].scale or 1 for name in names)
    # A region that is one number is the side of a centred square.
    job_request = UpscaleRequest(
        image.path, image.name, scale=scale, format="png", region=region or PREVIEW_SIDE,
        wants_view=True,
    )  # fmt: skip
    yield {view: gr.Image(value=None, visible=number < len(names))
           for number, view in enumerate(widgets.views)}  # fmt: skip
    for view, name, number in zip(widgets.views, names, range(len(names)), strict=False):
        yield {widgets.panel.status: messages.progress(number, len(names), "models")}
        async with aclosing(run.follow(replace(job_request, model=name))) as updates:
            async for update in updates:
                if not isinstance(update, Progress):
                    yield {view: _shown(update)}
    yield {widgets.panel.status: messages.note(f"{len(names)} models, one region, x{scale}.")}


def _shown(result: Result) -> gr.Image:
    assert result.view is not None  # it was requested
    model = result.report["model"]
    _, upscaled = result.view
    return gr.Image(
        value=str(upscaled),
        visible=True,
        label=f"{model} · {result.report['seconds']:.2f} s",
        alt_text=f"The region, upscaled by {model}",
    )
