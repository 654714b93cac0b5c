"""Tab that fine-tunes a model on a visitor's photos, if the server allows it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import gradio as gr

from gradio_tabs import messages
from gradio_tabs.options import model_choices
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

_POLL_SECONDS = 1.0
_ABOUT = """Adapt a model to images like yours: upload {fewest} to {most} photos, or a zip file made
by `srgan-gp prepare`. A part of them is the validation set; the new model is kept only if it scores
better. Training takes minutes on a GPU and hours on a CPU. It continues when you close the page;
the new model is in the list when you come back."""
_CANNOT_TRAIN = """**This server cannot train: PyTorch is missing.** The operator can install it:
`pip install "srgan-gp[train]"`"""


@dataclass(frozen=True)
class _Plan:
    """The options, in the order of their values in an event."""

    photos: FilesInput
    source: gr.Dropdown
    name: gr.Textbox
    length: gr.Number


@dataclass(frozen=True)
class _Widgets:
    panel: Panel
    curve: gr.Markdown
    preview: gr.Image
    log: gr.Textbox
    use: gr.Button


def build_finetune_tab(
    page: gr.Blocks,
    service: Service,
    cards: dict[str, ModelCard],
    tabs: gr.Tabs,
    model: gr.Radio,
    home: str,
) -> None:
    """Build the tab.

    Args:
        page: the page; after a reload it follows the training of its visitor again.
        service: service of the server.
        cards: cards of the upscaling models, by name; new models are added.
        tabs: tabs of the page.
        model: field that lists the models.
        home: id of its tab.
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
    _connect(page, plan, widgets, service, trainings)
    _connect_use(widgets, service, trainings, cards, tabs, model, home)


def _build_plan(names: list[str], max_files: int) -> _Plan:
    gr.Markdown(_ABOUT.format(fewest=MIN_PHOTOS, most=max_files))
    photos = FilesInput(
        label="Photos, or a zip file", file_count="multiple", file_types=["image", ".zip"],
        height=200, elem_id="finetune-photos",
    )  # fmt: skip
    source = gr.Dropdown(names, label="Start from", filterable=False)
    name = gr.Textbox(
        "my-model", label="Name of the new model", max_length=40, elem_id="finetune-name"
    )
    with gr.Accordion("Advanced", open=False):
        length = gr.Number(
            0, label="Training images", precision=0,
            info="0: chosen by the number of photos.", elem_id="finetune-length",
        )  # fmt: skip
    return _Plan(photos, source, name, length)


def _build_results(panel: Panel) -> _Widgets:
    curve = gr.Markdown("", elem_id="finetune-curve", latex_delimiters=[])
    preview = gr.Image(
        label="Preview of the model in training", format="png", type="filepath", height=300,
        interactive=False, buttons=["fullscreen"],
        alt_text="Images upscaled by the model in training",
    )  # fmt: skip
    log = gr.Textbox(label="Log", lines=8, max_lines=8, interactive=False)
    use = gr.Button("Use it in Upscale", interactive=False, elem_id="finetune-use")
    return _Widgets(panel, curve, preview, log, use)


def _connect(
    page: gr.Blocks, choices: _Plan, widgets: _Widgets, service: Service, trainings: FineTunings
) -> None:
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

    async def resume(request: gr.Request) -> Updates:
        run = trainings.of(visitor_of(request))
        if run is None or not (await asyncio.to_thread(run.state)).is_running:
            yield {widgets.panel.start: gr.skip()}
            return
        async for update in guarded(widgets.panel, _follow(widgets, service, run)):
            yield update

    outputs = [widgets.curve, widgets.preview, widgets.log, widgets.use]
    connect(widgets.panel.start.click, widgets.panel, work, list(vars(choices).values()), outputs)
    connect(page.load, widgets.panel, resume, [], outputs)
    widgets.panel.stop.click(stop, queue=False, **QUIET)


def _connect_use(
    widgets: _Widgets,
    service: Service,
    trainings: FineTunings,
    cards: dict[str, ModelCard],
    tabs: gr.Tabs,
    model: gr.Radio,
    home: str,
) -> None:
    def use(request: gr.Request) -> tuple[Any, Any]:
        run = trainings.of(visitor_of(request))
        models = refresh_models(service, cards)
        if run is None or run.name not in cards:
            return models, gr.skip()
        return gr.Radio(model_choices(cards), value=run.name), gr.Tabs(selected=home)

    widgets.use.click(use, None, [model, tabs], queue=False, **QUIET)


def refresh_models(service: Service, cards: dict[str, ModelCard]) -> gr.Radio:
    """Return the field with the models added since the server started; add them to `cards`."""
    cards.update({card.name: card for card in service.upscaling_models()})
    return gr.Radio(model_choices(cards))


async def _steps(
    widgets: _Widgets, service: Service, trainings: FineTunings, visitor: str, plan: TrainingPlan
) -> Updates:
    """Train; yield the changes of the page.

    Raises:
        SrganGpError: the message for the visitor.
    """
    use = gr.Button(interactive=False)
    yield {widgets.curve: "", widgets.preview: None, widgets.log: "", widgets.use: use}
    run = await asyncio.to_thread(trainings.start, visitor, plan)
    async with aclosing(_follow(widgets, service, run)) as updates:
        async for update in updates:
            yield update


async def _follow(widgets: _Widgets, service: Service, run: FineTuning) -> Updates:
    """Yield the changes of the page until a training run has ended."""
    preview = None
    async for state in _states(run):
        changes: Changes = {
            widgets.panel.status: messages.note(_summary(state)),
            widgets.curve: messages.curve(state.metric, state.curve),
            widgets.log: "\n".join(state.lines),
        }
        if state.preview != preview:
            preview = state.preview
            changes[widgets.preview] = str(preview)
        yield changes
    is_installed = run.name in {card.name for card in service.upscaling_models()}
    yield {widgets.use: gr.Button(interactive=is_installed)}


async def _states(run: FineTuning) -> AsyncGenerator[TrainingState, None]:
    """Yield every new state of a run until it has ended."""
    last = None
    while True:
        state = await asyncio.to_thread(run.state)
        if state != last:
            last = state
            yield state
        if not state.is_running:
            return
        await asyncio.sleep(_POLL_SECONDS)


def _summary(state: TrainingState) -> str:
    if state.is_running:
        seen = f"{state.curve[-1][0]} images." if state.curve else "Starting."
        return f"Training. {seen}"
    if state.exit_code == 0:
        return "Done. " + next((line for line in state.lines if line.startswith("It is ")), "")
    if state.exit_code is not None and state.exit_code in (-15, 130, 143):
        return "Stopped. Nothing was kept."
    return "Training failed. " + (state.lines[-1] if state.lines else "")
