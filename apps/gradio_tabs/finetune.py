"""The tab that fine-tunes a model on a visitor's photos; only where the server allows it."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import gradio as gr

from gradio_tabs import messages
from gradio_tabs.panel import QUIET, Changes, Panel, Updates, build_panel, connect, guarded
from gradio_tabs.runs import visitor_of
from gradio_tabs.uploads import FilesInput, Upload
from srgan_gp.models.cards import ModelCard
from srgan_gp.serving.finetuning.training_process import (
    MIN_PHOTOS,
    FineTuning,
    FineTunings,
    TrainingPlan,
    TrainingState,
)
from srgan_gp.serving.jobs.service import Service

_SECONDS_BETWEEN_LOOKS = 1.0
_ABOUT = """Make a model better for pictures like yours: bring {fewest} to {most} photos, or
a zip that `srgan-gp prepare` has made. Some are held out to score on; the new model is kept only
where it scores better. It takes minutes on a GPU and hours on a CPU. It goes on when
you close the page; the new model is in the list when you come back."""
_CANNOT_TRAIN = """**This server cannot train: PyTorch is missing.** The operator can install it:
`pip install "srgan-gp[train]"`"""


@dataclass(frozen=True)
class _Plan:
    """What to train, in the order in which an event passes the values on."""

    photos: FilesInput
    source: gr.Dropdown
    name: gr.Textbox
    length: gr.Number


@dataclass(frozen=True)
class _Widgets:
    panel: Panel
    curve: gr.Markdown
    preview: gr.Image
    said: gr.Textbox
    use: gr.Button


def build_finetune_tab(
    service: Service, cards: dict[str, ModelCard], tabs: gr.Tabs, model: gr.Dropdown, home: str
) -> None:
    """Make the tab.

    Args:
        service: of the server.
        cards: of the models that enlarge pictures, by name; gets the new ones.
        tabs: of the page.
        model: the choice of a model to which a new one is added.
        home: id of the tab that it is on.
    """
    trainings = FineTunings(service)
    can_train = find_spec("torch") is not None
    if not can_train:
        gr.Markdown(_CANNOT_TRAIN)
    with gr.Row():
        with gr.Column(scale=2, min_width=320):
            plan = _build_plan(list(cards), service.settings.max_files)
            panel = build_panel("Fine-tune", "finetune", can_start=can_train)
        with gr.Column(scale=3, min_width=320):
            widgets = _build_results(panel)
    _connect(plan, widgets, service, trainings)
    _connect_use(widgets, service, trainings, cards, tabs, model, home)


def _build_plan(names: list[str], most_files: int) -> _Plan:
    gr.Markdown(_ABOUT.format(fewest=MIN_PHOTOS, most=most_files))
    photos = FilesInput(
        label="Photos, or a zip of them", file_count="multiple", file_types=["image", ".zip"],
        height=200, elem_id="finetune-photos",
    )  # fmt: skip
    source = gr.Dropdown(names, label="Start from", filterable=False)
    name = gr.Textbox(
        "my-model", label="Name of the new model", max_length=40, elem_id="finetune-name"
    )
    with gr.Accordion("Advanced", open=False):
        length = gr.Number(
            0, label="Images to train on", precision=0,
            info="0 leaves it to the number of photos.", elem_id="finetune-length",
        )  # fmt: skip
    return _Plan(photos, source, name, length)


def _build_results(panel: Panel) -> _Widgets:
    curve = gr.Markdown("", elem_id="finetune-curve", latex_delimiters=[])
    preview = gr.Image(
        label="What the model makes now", format="png", type="filepath", height=300,
        interactive=False, buttons=["fullscreen"],
        alt_text="Pictures made by the model in training",
    )  # fmt: skip
    said = gr.Textbox(label="What it says", lines=8, max_lines=8, interactive=False)
    use = gr.Button("Use it in Upscale", interactive=False, elem_id="finetune-use")
    return _Widgets(panel, curve, preview, said, use)


def _connect(choices: _Plan, widgets: _Widgets, service: Service, trainings: FineTunings) -> None:
    async def work(
        request: gr.Request, photos: list[Upload], source: str, name: str, length: float | None
    ) -> Updates:
        plan = TrainingPlan(
            model=source,
            photos=[(photo.path, photo.name) for photo in photos],
            name=name,
            total_images=int(length) if length else None,
        )
        steps = _steps(widgets, service, trainings, visitor_of(request), plan)
        async for update in guarded(widgets.panel, steps):
            yield update

    async def stop(request: gr.Request) -> None:
        if run := trainings.of(visitor_of(request)):
            await asyncio.to_thread(run.stop)

    outputs = [widgets.curve, widgets.preview, widgets.said, widgets.use]
    connect(widgets.panel.start.click, widgets.panel, work, list(vars(choices).values()), outputs)
    widgets.panel.stop.click(stop, queue=False, **QUIET)


def _connect_use(
    widgets: _Widgets,
    service: Service,
    trainings: FineTunings,
    cards: dict[str, ModelCard],
    tabs: gr.Tabs,
    model: gr.Dropdown,
    home: str,
) -> None:
    def use(request: gr.Request) -> tuple[Any, Any]:
        run = trainings.of(visitor_of(request))
        models = list_again(service, cards)
        if run is None or run.name not in cards:
            return models, gr.skip()
        return gr.Dropdown(list(cards), value=run.name), gr.Tabs(selected=home)

    widgets.use.click(use, None, [model, tabs], queue=False, **QUIET)


def list_again(service: Service, cards: dict[str, ModelCard]) -> gr.Dropdown:
    """Add the models that have come since the server started to a choice, and to `cards`."""
    cards.update({card.name: card for card in service.upscalers()})
    return gr.Dropdown(list(cards))


async def _steps(
    widgets: _Widgets, service: Service, trainings: FineTunings, visitor: str, plan: TrainingPlan
) -> Updates:
    """Train, and show how it goes; gives what changes on the page.

    Raises:
        SrganGpError: the sentence for the visitor.
    """
    use = gr.Button(interactive=False)
    yield {widgets.curve: "", widgets.preview: None, widgets.said: "", widgets.use: use}
    run = await asyncio.to_thread(trainings.start, visitor, plan)
    preview = None
    async for state in _states(run):
        changes: Changes = {
            widgets.panel.status: messages.note(_summary(state)),
            widgets.curve: messages.curve(state.metric, state.curve),
            widgets.said: "\n".join(state.lines),
        }
        if state.preview != preview:
            preview = state.preview
            changes[widgets.preview] = str(preview)
        yield changes
    is_there = plan.name in {card.name for card in service.upscalers()}
    yield {widgets.use: gr.Button(interactive=is_there)}


async def _states(run: FineTuning) -> AsyncGenerator[TrainingState, None]:
    """Look at a run until it has ended; give what is new."""
    last = None
    while True:
        state = await asyncio.to_thread(run.state)
        if state != last:
            last = state
            yield state
        if not state.is_running:
            return
        await asyncio.sleep(_SECONDS_BETWEEN_LOOKS)


def _summary(state: TrainingState) -> str:
    if state.is_running:
        seen = f"{state.curve[-1][0]} images seen." if state.curve else "It begins."
        return f"Training. {seen}"
    if state.exit_code == 0:
        return "Done. " + next((line for line in state.lines if line.startswith("It is ")), "")
    if state.exit_code is not None and state.exit_code in (-15, 130, 143):
        return "Stopped. Nothing was kept."
    return "It failed. " + (state.lines[-1] if state.lines else "")
