"""Start button, stop button and status of a tab, and the execution of a run.

A run is the work of one press of a start button, or of one click on an image. Its `Run` submits
jobs; `execute_run` takes the changes of the page from an async generator of `Changes`.
"""

import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack, aclosing
from dataclasses import dataclass
from typing import Any

import gradio as gr

from gradio_tabs import messages
from gradio_tabs.inputs.page_requests import address_of, number_of, page_of, visitor_of
from gradio_tabs.inputs.uploads import FilesInput, ImageInput, Upload
from gradio_tabs.results.page_updates import BackgroundUpdates, Changes, Updates
from gradio_tabs.results.runs import Runs
from gradio_tabs.results.tab_run import Run
from srgan_gp.errors import Cancelled, PictureError, SrganGpError
from srgan_gp.serving.public_messages import for_clients

EVENT_OPTIONS: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
"""Arguments of every Gradio event of the page: the event is not part of Gradio's public API, and no
overlay covers the widgets that it changes."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Panel:
    """Buttons that start and stop a run, and the status below them."""

    start: gr.Button
    stop: gr.Button
    status: gr.Markdown

    @property
    def widgets(self) -> list[Any]:
        """All widgets, as outputs of an event."""
        return [self.start, self.stop, self.status]


def build_panel(label: str, name: str, *, can_start: bool = True) -> Panel:
    """Build the buttons that start and stop a run, and its status below.

    Args:
        label: label of the start button.
        name: prefix of the element ids.
        can_start: False disables the start button.
    """
    with gr.Row():
        start = gr.Button(
            label, variant="primary", min_width=120, interactive=can_start, elem_id=f"{name}-start"
        )
        stop = gr.Button(
            "Stop", variant="stop", min_width=120, interactive=False, elem_id=f"{name}-stop"
        )
    status = gr.Markdown(
        messages.NO_MESSAGE, elem_id=f"{name}-status", elem_classes="status", latex_delimiters=[]
    )
    return Panel(start, stop, status)


def connect(
    trigger: Callable[..., Any],
    panel: Panel,
    work: Callable[..., Updates],
    inputs: list[Any],
    outputs: list[Any],
    *,
    is_replaceable: bool = False,
) -> None:
    """Connect an event to a function that yields the updates of a run.

    Args:
        trigger: the listener of the event, such as `button.click`.
        panel: panel of the tab, whose widgets the run may change.
        work: function of the event, which yields the updates of a run.
        inputs: widgets whose values `work` receives.
        outputs: widgets that the run may change, besides the panel.
        is_replaceable: whether the event may occur again while its run is in progress; the new run
            then replaces that run.
    """
    # No limit in Gradio: the service has its own queue, which is fair to all clients.
    trigger(
        work, inputs, [*panel.widgets, *outputs], concurrency_limit=None,
        trigger_mode="multiple" if is_replaceable else "once", **EVENT_OPTIONS,
    )  # fmt: skip


async def execute_run(
    panel: Panel,
    runs: Runs,
    request: gr.Request,
    kept_uploads: Sequence[Upload],
    steps: Callable[[Run], Updates],
    *,
    is_replaceable: bool = False,
    replaces: bool = True,
) -> Updates:
    """Execute a run and yield its updates; do nothing while the page has another run in this tab.

    The run continues when the page is closed, although nobody takes its updates any more.

    Args:
        panel: panel of the tab.
        runs: runs of the tab.
        request: request of the visitor.
        kept_uploads: input images, which are not deleted before the run ends; may be empty.
        steps: function that gets the `Run`, submits its jobs, and yields the updates besides those
            of the buttons.
        is_replaceable: whether a later replaceable run may replace this one.
        replaces: whether this run, if replaceable, replaces an earlier replaceable one; False: this
            run does nothing while an earlier run is in progress.
    """
    page = page_of(request)
    if is_replaceable and replaces and not await runs.stop_replaceable(page, number_of(request)):
        # A later click replaces this run too, or the page was closed.
        yield {panel.start: gr.skip()}  # no change; an event has to yield something
        return
    with ExitStack() as registration:
        # Registered at once, not in the task of `BackgroundUpdates`, which begins later: meanwhile
        # another event could find no run to replace.
        run = registration.enter_context(
            runs.registered_run(
                page, kept_uploads, address_of(request), visitor=visitor_of(request),
                is_replaceable=is_replaceable,
            )
        )  # fmt: skip
        if run is None:  # the page has another run in this tab
            yield {panel.start: gr.skip()}
            return
        executor = BackgroundUpdates(
            _updates_of_run(panel, run, steps(run), registration.pop_all())
        )
    async for update in executor.updates():
        yield update


async def _updates_of_run(
    panel: Panel, run: Run, steps: Updates, registration: ExitStack
) -> Updates:
    """Yield the updates of a run until it ends or is replaced, and end its registration."""
    with registration:
        async with aclosing(with_button_states(panel, steps)) as updates:
            async for update in updates:
                if run.is_replaced:
                    return  # the panel belongs to the later run
                yield update


async def with_button_states(panel: Panel, updates: Updates) -> Updates:
    """Yield the updates of a run, after one that enables Stop and before one that enables Start.

    Each update contains the changes of the earlier ones, because Gradio's page may skip the first
    of two updates that arrive together.

    Args:
        panel: panel of the tab.
        updates: updates of the run; if they raise an exception, the status shows its message.
    """
    changes: Changes = {
        panel.start: gr.Button(interactive=False),
        panel.stop: gr.Button(interactive=True),
        panel.status: messages.waiting(),
    }
    yield changes.copy()
    try:
        async with aclosing(updates):
            async for update in updates:
                changes |= update
                yield changes.copy()
    except Cancelled:
        changes[panel.status] = messages.note("Stopped. Nothing was kept.")
    except Exception as error:
        changes[panel.status] = messages.error(_message(error))
    yield changes | {
        panel.start: gr.Button(interactive=True),
        panel.stop: gr.Button(interactive=False),
    }


def connect_status_clearing(field: ImageInput | FilesInput, panel: Panel, runs: Runs) -> None:
    """Clear the status about earlier images when a visitor chooses other images; results stay.

    Args:
        field: input field of the images.
        panel: panel of the tab, with the status.
        runs: runs of the tab.
    """

    def clear(request: gr.Request, chosen: Upload | list[Upload] | None) -> Changes:
        if isinstance(chosen, list):
            uploads = chosen
        else:
            uploads = [] if chosen is None else [chosen]
        # The run of these images may have begun before this event arrived: keep its message.
        is_outdated = runs.has_old_message(request, uploads)
        return {panel.status: messages.NO_MESSAGE if is_outdated else gr.skip()}

    field.change(clear, field, [panel.status], queue=False, **EVENT_OPTIONS)


def _message(error: Exception) -> str:
    """Return the message of an error for the visitor; an internal error is logged."""
    if not isinstance(error, SrganGpError):
        _log.error("A run of the page failed.", exc_info=error)
    public_error = for_clients(error)
    if isinstance(public_error, PictureError):  # its message is the end of this sentence
        return f"This image cannot be used: {public_error}."
    return str(public_error)
