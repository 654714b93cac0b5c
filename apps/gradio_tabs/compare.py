"""The tab that shows one spot of a picture under several models, side by side."""

from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial

import gradio as gr

from gradio_tabs import messages
from gradio_tabs.panel import (
    QUIET,
    Panel,
    Updates,
    build_panel,
    connect,
    connect_clearing,
    one_run,
)
from gradio_tabs.picture_field import PREVIEW_SIDE, around, build_picture_field
from gradio_tabs.runs import Progress, Run, Runs
from gradio_tabs.uploads import PictureInput, Upload
from srgan_gp.errors import UsageError
from srgan_gp.models.cards import ModelCard
from srgan_gp.serving.jobs.job_requests import Region, Result, UpscaleRequest

FEWEST_MODELS, MOST_MODELS = 2, 4


@dataclass(frozen=True)
class _Widgets:
    picture: PictureInput
    models: gr.CheckboxGroup
    spot: gr.State
    panel: Panel
    views: list[gr.Image]


def build_compare_tab(runs: Runs, cards: dict[str, ModelCard]) -> None:
    """Make the tab.

    Args:
        runs: of this tab.
        cards: of the models that enlarge pictures, by name.
    """
    chosen = list(cards)[:MOST_MODELS]
    with gr.Row():
        with gr.Column(scale=2, min_width=320):
            picture = build_picture_field(
                runs, "compare", "Click the spot to compare; at first it is the middle."
            )
            models = gr.CheckboxGroup(
                list(cards), value=chosen, label="Models",
                info=f"{FEWEST_MODELS} to {MOST_MODELS} of them.",
            )  # fmt: skip
            panel = build_panel("Compare", "compare")
        with gr.Column(scale=3, min_width=320), gr.Row():
            views = [_view(number, number < len(chosen)) for number in range(MOST_MODELS)]
    _connect(_Widgets(picture, models, gr.State(None), panel, views), cards, runs)


def _view(number: int, visible: bool) -> gr.Image:
    return gr.Image(
        label=f"Model {number + 1}", format="png", type="filepath", interactive=False,
        buttons=["fullscreen"], height=300, min_width=240, visible=visible,
        elem_id=f"compare-view-{number + 1}", elem_classes="compare-view",
    )  # fmt: skip


def _connect(widgets: _Widgets, cards: dict[str, ModelCard], runs: Runs) -> None:
    """Compare when the button is pressed, and when a spot is clicked."""
    panel, picture = widgets.panel, widgets.picture

    async def again(
        request: gr.Request, chosen: Upload | None, names: list[str], spot: Region | None
    ) -> Updates:
        steps = partial(_steps, widgets, cards, chosen, names, spot)
        uploads = [chosen] if chosen else []
        async for update in one_run(panel, runs, request, uploads, steps, gives_way=True):
            yield update

    async def clicked(
        event: gr.SelectData, request: gr.Request, chosen: Upload | None, names: list[str],
        _: Region | None,
    ) -> Updates:  # fmt: skip
        spot = around(*event.index)
        yield {widgets.spot: spot}
        async for update in again(request, chosen, names, spot):
            yield update

    inputs, outputs = [picture, widgets.models, widgets.spot], [*widgets.views, widgets.spot]
    connect(panel.start.click, panel, again, inputs, outputs)
    connect(picture.select, panel, clicked, inputs, outputs, gives_way=True)
    panel.stop.click(runs.stop, queue=False, **QUIET)
    connect_clearing(
        picture, panel, runs, lambda: {widgets.spot: None} | dict.fromkeys(widgets.views), outputs
    )


async def _steps(
    widgets: _Widgets,
    cards: dict[str, ModelCard],
    picture: Upload | None,
    names: list[str],
    spot: Region | None,
    run: Run,
) -> Updates:
    """Enlarge one spot by each model in turn; gives what changes on the page.

    Raises:
        SrganGpError: the sentence for the visitor.
    """
    if picture is None:
        raise UsageError("Choose a picture first: drop it, paste it, or click on the field.")
    if not FEWEST_MODELS <= len(names) <= MOST_MODELS or not set(names) <= set(cards):
        raise UsageError(f"Choose {FEWEST_MODELS} to {MOST_MODELS} models, not {len(names)}.")
    # All views have one size, whatever the models were made for.
    scale = max(cards[name].scale or 1 for name in names)
    wanted = UpscaleRequest(
        picture.path, picture.name, scale=scale, format="png", region=spot or PREVIEW_SIDE,
        wants_view=True,
    )  # fmt: skip
    yield {view: gr.Image(value=None, visible=number < len(names))
           for number, view in enumerate(widgets.views)}  # fmt: skip
    for view, name, number in zip(widgets.views, names, range(len(names)), strict=False):
        yield {widgets.panel.status: messages.progress(number, len(names), "models")}
        async with aclosing(run.follow(replace(wanted, model=name))) as all_news:
            async for news in all_news:
                if not isinstance(news, Progress):
                    yield {view: _shown(news)}
    yield {widgets.panel.status: messages.note(f"{len(names)} models, one spot, x{scale}.")}


def _shown(result: Result) -> gr.Image:
    assert result.view is not None  # it was asked for
    label = f"{result.report['model']} · {result.report['seconds']:.2f} s"
    return gr.Image(
        value=str(result.view[1]), visible=True, label=label, alt_text=f"The spot by {label}"
    )
