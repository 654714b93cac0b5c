"""The tab that shows one spot of a picture under several models, side by side."""

from contextlib import aclosing
from dataclasses import dataclass, replace

import gradio as gr

from gradio_tabs import messages
from gradio_tabs.panel import Panel, Updates, build_buttons, build_status, connect, guarded
from gradio_tabs.picture_field import around, build_picture_field
from gradio_tabs.runs import Progress, Runs, visitor_of
from gradio_tabs.uploads import PictureInput, Upload
from srgan_gp.cards import ModelCard
from srgan_gp.errors import UsageError
from srgan_gp.serving.requests import Region, Result, UpscaleRequest

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
        runs: the jobs of this tab.
        cards: of the models that enlarge pictures, by name.
    """
    spot = gr.State(None)
    with gr.Row():
        with gr.Column(scale=2, min_width=320):
            picture = build_picture_field(runs, "compare", "Click the spot to compare.")
            models = gr.CheckboxGroup(
                list(cards), value=list(cards)[:MOST_MODELS], label="Models",
                info=f"{FEWEST_MODELS} to {MOST_MODELS} of them.",
            )  # fmt: skip
            start, stop = build_buttons("Compare", "compare", runs)
            status = build_status("compare")
        with gr.Column(scale=3, min_width=320), gr.Row():
            views = [_view(number) for number in range(MOST_MODELS)]
    _connect(_Widgets(picture, models, spot, Panel(start, stop, status), views), cards, runs)


def _view(number: int) -> gr.Image:
    return gr.Image(
        label=f"Model {number + 1}", format="png", type="filepath", interactive=False,
        buttons=["fullscreen"], height=300, min_width=240, visible=number < FEWEST_MODELS,
        elem_id=f"compare-view-{number + 1}", elem_classes="compare-view",
    )  # fmt: skip


def _connect(widgets: _Widgets, cards: dict[str, ModelCard], runs: Runs) -> None:
    """Compare when the button is pressed, and when a spot is clicked."""

    async def again(
        request: gr.Request, picture: Upload | None, names: list[str], spot: Region | None
    ) -> Updates:
        steps = _steps(widgets, cards, runs, visitor_of(request), picture, names, spot)
        async for update in guarded(widgets.panel, steps):
            yield update

    async def clicked(
        event: gr.SelectData, request: gr.Request, picture: Upload | None, names: list[str],
        _: Region | None,
    ) -> Updates:  # fmt: skip
        spot = around(*event.index)
        yield {widgets.spot: spot}
        async for update in again(request, picture, names, spot):
            yield update

    inputs = [widgets.picture, widgets.models, widgets.spot]
    outputs = [*widgets.views, widgets.spot]
    connect(widgets.panel, [widgets.panel.start.click], again, inputs, outputs)
    connect(widgets.panel, [widgets.picture.select], clicked, inputs, outputs)
    widgets.picture.change(lambda: None, None, widgets.spot, api_visibility="private")


async def _steps(
    widgets: _Widgets,
    cards: dict[str, ModelCard],
    runs: Runs,
    visitor: str,
    picture: Upload | None,
    names: list[str],
    spot: Region | None,
) -> Updates:
    """Enlarge one spot by each model in turn; gives what changes on the page.

    Raises:
        SrganGpError: the sentence for the visitor.
    """
    if picture is None:
        raise UsageError("Choose a picture first, then click the spot to compare.")
    if spot is None:
        raise UsageError("Click the spot in your picture that you want to compare.")
    if not FEWEST_MODELS <= len(names) <= MOST_MODELS or not set(names) <= set(cards):
        raise UsageError(f"Choose {FEWEST_MODELS} to {MOST_MODELS} models, not {len(names)}.")
    # All views have one size, whatever the models were made for.
    scale = max(cards[name].scale or 1 for name in names)
    wanted = UpscaleRequest(
        picture.path, picture.name, scale=scale, format="png", region=spot, wants_view=True
    )
    yield {view: gr.Image(value=None, visible=number < len(names))
           for number, view in enumerate(widgets.views)}  # fmt: skip
    for number, name in enumerate(names):
        yield {widgets.panel.status: messages.progress(number, len(names), "models")}
        async with aclosing(runs.follow(visitor, replace(wanted, model=name))) as all_news:
            async for news in all_news:
                if not isinstance(news, Progress):
                    yield {widgets.views[number]: _shown(news)}
    yield {widgets.panel.status: messages.note(f"{len(names)} models, one spot, x{scale}.")}


def _shown(result: Result) -> gr.Image:
    assert result.view is not None  # it was asked for
    label = f"{result.report['model']} · {result.report['seconds']:.2f} s"
    return gr.Image(value=str(result.view[1]), label=label, alt_text=f"The spot by {label}")
