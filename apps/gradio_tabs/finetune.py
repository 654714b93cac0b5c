"""Tab "Fine-tune": trains a model further on a visitor's photos, if the server allows it.

The training is a separate process of the server, which `serving.finetuning` starts. Its progress
and the buttons of the finished model are in `gradio_tabs.results.training_view`.
`page_updates.Changes` is a dict of widgets and their new values; `page_updates.Updates`, an async
generator, yields them for the page. `panel.with_button_states` shows an error of such a generator
as a message.
"""

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from importlib.util import find_spec

import gradio as gr

from gradio_tabs import messages
from gradio_tabs.inputs.page_requests import visitor_of
from gradio_tabs.inputs.uploads import FilesInput, Upload
from gradio_tabs.model_lists import ModelLists, model_choices
from gradio_tabs.results.page_updates import Changes, Updates
from gradio_tabs.results.panel import EVENT_OPTIONS, build_panel, connect, with_button_states
from gradio_tabs.results.training_view import TrainingView, build_training_view
from srgan_gp.errors import SrganGpError, UsageError
from srgan_gp.models.new_names import require_free_name
from srgan_gp.serving.finetuning.training_process import MIN_PHOTOS, TrainingPlan, VisitorTrainings

_ABOUT = """Adapt a model to images like yours: upload {fewest} to {most} photos, or a zip file made
by `srgan-gp prepare`. A part of them is the validation set; the new model is kept only if it scores
better. Training takes minutes on a GPU and hours on a CPU. It continues when you close the page;
the new model is in the list when you come back."""
_CANNOT_TRAIN = """**This server cannot train: PyTorch is missing.** The operator can install it:
`pip install "srgan-gp[train]"`"""
_NO_NETWORK = """Only models without a critic can be trained here: this server has no feature
network, which the operator can install with `srgan-gp fetch feature-network`."""


@dataclass(frozen=True)
class _Options:
    """Widgets of the options, in the order of the arguments of `train` in `_connect_runs`."""

    photos: FilesInput
    source: gr.Dropdown
    """Model that the training starts from, one of `ModelLists.sources`."""
    name: gr.Textbox
    length: gr.Number
    """Training length in images seen; 0: automatic."""


def build_finetune_tab(
    page: gr.Blocks, trainings: VisitorTrainings, lists: ModelLists, tabs: gr.Tabs, upscale_tab: str
) -> None:
    """Build the tab.

    Args:
        page: the page; when a visitor loads it again, it shows the training run of the visitor.
        trainings: starts and keeps the training runs, one per visitor.
        lists: fields that list the models; a new model is added to all of them.
        tabs: tabs of the page.
        upscale_tab: id of the tab with the field `lists.upscale`.
    """
    can_train = find_spec("torch") is not None
    if not can_train:
        gr.Markdown(_CANNOT_TRAIN)
    with gr.Row():
        with gr.Column(scale=2, min_width=320):
            options, name_problem = _build_options(lists)
            panel = build_panel("Fine-tune", "finetune", can_start=can_train)
        with gr.Column(scale=3, min_width=320):
            view = build_training_view(panel)
    _connect_runs(page, options, view, lists, trainings)
    _connect_model(name_problem, view, lists, trainings, tabs, upscale_tab)


def _build_options(lists: ModelLists) -> tuple[_Options, gr.Markdown]:
    """Build the options, and the text that tells why the entered name cannot be used."""
    gr.Markdown(_ABOUT.format(fewest=MIN_PHOTOS, most=lists.service.settings.max_files))
    photos = FilesInput(
        label="Photos, or a zip file", file_count="multiple", file_types=["image", ".zip"],
        height=200, elem_id="finetune-photos",
    )  # fmt: skip
    sources = lists.finetuning_sources()
    # Imported models are never among the sources. If another model is missing there, its training
    # needs the feature network, which this server lacks.
    own_models = [card for card in lists.cards.values() if card.imported is None]
    if len(sources) < len(own_models):
        gr.Markdown(_NO_NETWORK, elem_classes="quiet")
    source = gr.Dropdown(sources, label="Start from", filterable=False)
    name = gr.Textbox(
        "my-model",
        label="Name of the new model",
        max_length=40,  # longer names do not fit into the lists of models
        elem_id="finetune-name",
    )
    name_problem = gr.Markdown("", elem_id="finetune-name-problem", elem_classes="field-problem")
    name.change(_describe_name_problem, name, name_problem, queue=False, **EVENT_OPTIONS)
    with gr.Accordion("Advanced", open=False):
        length = gr.Number(
            0, label="Training images", precision=0,
            info="0: chosen by the number of photos.", elem_id="finetune-length",
        )  # fmt: skip
    return _Options(photos, source, name, length), name_problem


def _describe_name_problem(name: str) -> str:
    """Return why a new model cannot have this name, as HTML; empty: it can."""
    try:
        require_free_name(name)
    except UsageError as error:
        return messages.error(str(error))
    return ""


def _connect_runs(
    page: gr.Blocks,
    options: _Options,
    view: TrainingView,
    lists: ModelLists,
    trainings: VisitorTrainings,
) -> None:
    """Connect the start button, the stop button, and the loading of the page."""

    async def train(
        request: gr.Request, photos: list[Upload], source: str, name: str, length: float | None
    ) -> Updates:
        plan = TrainingPlan(
            model=source,
            photos=[(photo.path, photo.name) for photo in photos],
            name=name,
            total_images=int(length) if length else None,  # 0 is the automatic choice
        )
        updates = _start_and_follow(view, lists, trainings, visitor_of(request), plan)
        async for update in with_button_states(view.panel, updates):
            yield update

    async def stop(request: gr.Request) -> None:
        run = trainings.last_run_of(visitor_of(request))
        if run is not None:
            await asyncio.to_thread(run.stop)  # it waits for the end of the process

    async def follow_again(request: gr.Request) -> Updates:
        yield lists.refresh()  # models may have been trained since the page was built
        run = trainings.last_run_of(visitor_of(request))
        if run is not None:
            async for update in with_button_states(view.panel, view.follow(run, lists)):
                yield update

    inputs, outputs = list(vars(options).values()), [*view.widgets, *lists.widgets]
    connect(view.panel.start.click, view.panel, train, inputs, outputs)
    connect(page.load, view.panel, follow_again, [], outputs)
    view.panel.stop.click(stop, queue=False, **EVENT_OPTIONS)


def _connect_model(
    name_problem: gr.Markdown,
    view: TrainingView,
    lists: ModelLists,
    trainings: VisitorTrainings,
    tabs: gr.Tabs,
    upscale_tab: str,
) -> None:
    """Connect the buttons of the finished model: use it in the tab "Upscale", or delete it."""

    def use(request: gr.Request) -> Changes:
        changes = lists.refresh()
        run = trainings.last_run_of(visitor_of(request))
        if run is not None and run.name in lists.cards:
            # By default the list omits a model that another model uses for small scales.
            always_listed = [run.name, lists.service.settings.model]
            choices = model_choices(lists.cards, always_listed=always_listed)
            changes[lists.upscale] = gr.Radio(choices, value=run.name)
            changes[tabs] = gr.Tabs(selected=upscale_tab)
        return changes

    # The models are the values of `lists.widgets`, in its order.
    def remove(
        request: gr.Request, upscale_model: str, compared_models: list[str], batch_model: str
    ) -> Changes:
        try:
            removed = trainings.remove_model(visitor_of(request))
        except SrganGpError as error:
            return {view.panel.status: messages.error(str(error))}
        return {
            **lists.deselect(removed, upscale_model, compared_models, batch_model),
            **view.cleared(),
            view.panel.status: messages.note(f"The model {removed} was deleted."),
            name_problem: "",  # the name of the deleted model is free again
        }

    view.use_button.click(use, None, [*lists.widgets, tabs], queue=False, **EVENT_OPTIONS)
    view.remove_button.click(
        remove, lists.widgets,
        [*lists.widgets, *view.widgets, view.panel.status, name_problem],
        queue=False, **EVENT_OPTIONS,
    )  # fmt: skip


async def _start_and_follow(
    view: TrainingView,
    lists: ModelLists,
    trainings: VisitorTrainings,
    visitor: str,
    plan: TrainingPlan,
) -> Updates:
    """Start a training run and yield the changes of the page until it has ended.

    Args:
        view: widgets of the training.
        lists: fields that list the models.
        trainings: starts the run.
        visitor: key of the visitor, from `visitor_of`.
        plan: model, photos, name and length of the training.

    Raises:
        UsageError: the plan is refused.
        SrganGpError: the run cannot be started; the message is shown to the visitor.
    """
    yield view.cleared()
    run = await asyncio.to_thread(trainings.start, visitor, plan)
    async with aclosing(view.follow(run, lists)) as updates:
        async for update in updates:
            yield update
