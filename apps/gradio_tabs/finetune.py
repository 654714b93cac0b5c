"""Tab that fine-tunes a model on a visitor's photos, if the server allows it."""

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from importlib.util import find_spec

import gradio as gr

from gradio_tabs import messages
from gradio_tabs.model_lists import ModelLists
from gradio_tabs.options import model_choices
from gradio_tabs.page_requests import visitor_of
from gradio_tabs.panel import QUIET, Changes, Updates, build_panel, connect, guarded
from gradio_tabs.training_view import TrainingView, build_training_view
from gradio_tabs.uploads import FilesInput, Upload
from srgan_gp.errors import SrganGpError, UsageError
from srgan_gp.models.new_names import require_free_name
from srgan_gp.serving.finetuning.training_process import MIN_PHOTOS, FineTunings, TrainingPlan

_ABOUT = """Adapt a model to images like yours: upload {fewest} to {most} photos, or a zip file made
by `srgan-gp prepare`. A part of them is the validation set; the new model is kept only if it scores
better. Training takes minutes on a GPU and hours on a CPU. It continues when you close the page;
the new model is in the list when you come back."""
_CANNOT_TRAIN = """**This server cannot train: PyTorch is missing.** The operator can install it:
`pip install "srgan-gp[train]"`"""
_NO_NETWORK = """Only models without a critic can be trained here: this server has no feature
network, which the operator can install with `srgan-gp fetch feature-network`."""


@dataclass(frozen=True)
class _Plan:
    """The options, in the order of their values in an event."""

    photos: FilesInput
    source: gr.Dropdown
    name: gr.Textbox
    length: gr.Number


def build_finetune_tab(
    page: gr.Blocks, trainings: FineTunings, lists: ModelLists, tabs: gr.Tabs, home: str
) -> None:
    """Build the tab.

    Args:
        page: the page; after a reload it follows the training of its visitor again.
        trainings: training runs of the server.
        lists: fields that list the models; a new model is added to all of them.
        tabs: tabs of the page.
        home: id of the tab of `lists.upscale`.
    """
    can_train = find_spec("torch") is not None
    if not can_train:
        gr.Markdown(_CANNOT_TRAIN)
    with gr.Row():
        with gr.Column(scale=2, min_width=320):
            plan, name_problem = _build_plan(lists)
            panel = build_panel("Fine-tune", "finetune", can_start=can_train)
        with gr.Column(scale=3, min_width=320):
            view = build_training_view(panel)
    _connect(page, plan, view, lists, trainings)
    _connect_model(name_problem, view, lists, trainings, tabs, home)


def _build_plan(lists: ModelLists) -> tuple[_Plan, gr.Markdown]:
    """Build the fields, and the place for a problem with the name."""
    gr.Markdown(_ABOUT.format(fewest=MIN_PHOTOS, most=lists.service.settings.max_files))
    photos = FilesInput(
        label="Photos, or a zip file", file_count="multiple", file_types=["image", ".zip"],
        height=200, elem_id="finetune-photos",
    )  # fmt: skip
    sources = lists.sources()
    own = [card for card in lists.cards.values() if card.imported is None]
    if len(sources) < len(own):
        gr.Markdown(_NO_NETWORK, elem_classes="quiet")
    source = gr.Dropdown(sources, label="Start from", filterable=False)
    name = gr.Textbox(
        "my-model", label="Name of the new model", max_length=40, elem_id="finetune-name"
    )
    problem = gr.Markdown("", elem_id="finetune-name-problem", elem_classes="field-problem")
    name.change(_name_problem, name, problem, queue=False, **QUIET)
    with gr.Accordion("Advanced", open=False):
        length = gr.Number(
            0, label="Training images", precision=0,
            info="0: chosen by the number of photos.", elem_id="finetune-length",
        )  # fmt: skip
    return _Plan(photos, source, name, length), problem


def _name_problem(name: str) -> str:
    """Return why a new model cannot have this name, as HTML; empty: it can."""
    try:
        require_free_name(name)
    except UsageError as error:
        return messages.error(str(error))
    return ""


def _connect(
    page: gr.Blocks, choices: _Plan, view: TrainingView, lists: ModelLists, trainings: FineTunings
) -> None:
    async def work(
        request: gr.Request, photos: list[Upload], source: str, name: str, length: float | None
    ) -> Updates:
        plan = TrainingPlan(
            model=source,
            photos=[(photo.path, photo.name) for photo in photos],
            name=name,
            total_images=int(length) if length else None,  # 0 is the automatic choice
        )
        steps = _steps(view, lists, trainings, visitor_of(request), plan)
        async for update in guarded(view.panel, steps):
            yield update

    async def stop(request: gr.Request) -> None:
        if run := trainings.of(visitor_of(request)):
            await asyncio.to_thread(run.stop)

    async def resume(request: gr.Request) -> Updates:
        yield lists.refresh()
        if run := trainings.of(visitor_of(request)):
            async for update in guarded(view.panel, view.follow(run, lists)):
                yield update

    outputs = [*view.widgets, *lists.widgets]
    connect(view.panel.start.click, view.panel, work, list(vars(choices).values()), outputs)
    connect(page.load, view.panel, resume, [], outputs)
    view.panel.stop.click(stop, queue=False, **QUIET)


def _connect_model(
    name_problem: gr.Markdown,
    view: TrainingView,
    lists: ModelLists,
    trainings: FineTunings,
    tabs: gr.Tabs,
    home: str,
) -> None:
    """Connect the buttons of the finished model."""

    def use(request: gr.Request) -> Changes:
        changes = lists.refresh()
        run = trainings.of(visitor_of(request))
        if run is not None and run.name in lists.cards:
            changes[lists.upscale] = gr.Radio(
                model_choices(lists.cards, [run.name, lists.service.settings.model]), value=run.name
            )
            changes[tabs] = gr.Tabs(selected=home)
        return changes

    def remove(request: gr.Request, chosen: str, compared: list[str], of_batch: str) -> Changes:
        try:
            removed = trainings.remove_model(visitor_of(request))
        except SrganGpError as error:
            return {view.panel.status: messages.error(str(error))}
        return {
            **lists.without(removed, chosen, compared, of_batch),
            **view.cleared(),
            view.panel.status: messages.note(f"The model {removed} was deleted."),
            name_problem: "",
        }

    view.use.click(use, None, [*lists.widgets, tabs], queue=False, **QUIET)
    view.remove.click(
        remove, lists.widgets,
        [*lists.widgets, *view.widgets, view.panel.status, name_problem], queue=False, **QUIET,
    )  # fmt: skip


async def _steps(
    view: TrainingView, lists: ModelLists, trainings: FineTunings, visitor: str, plan: TrainingPlan
) -> Updates:
    """Train; yield the changes of the page.

    Raises:
        SrganGpError: the message for the visitor.
    """
    yield view.cleared()
    run = await asyncio.to_thread(trainings.start, visitor, plan)
    async with aclosing(view.follow(run, lists)) as updates:
        async for update in updates:
            yield update
