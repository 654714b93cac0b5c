"""Start button, stop button and status of a tab, and the updates of a run."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractContextManager, aclosing
from dataclasses import dataclass
from typing import Any, ClassVar

import gradio as gr

from gradio_tabs import messages
from gradio_tabs.page_requests import address_of, page_of, visitor_of
from gradio_tabs.runs import Run, Runs
from gradio_tabs.uploads import FilesInput, ImageInput, Upload
from srgan_gp.errors import Cancelled, PictureError, SrganGpError
from srgan_gp.serving.public_messages import for_clients

Changes = dict[Any, Any]
"""Widgets and their new values."""

Updates = AsyncGenerator[Changes, None]
"""Changes of the page, one after the other."""

QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
"""Of every event: it is not part of the API, and no overlay covers the widgets it changes."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Panel:
    """The widgets of a run."""

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
        messages.READY, elem_id=f"{name}-status", elem_classes="status", latex_delimiters=[]
    )
    return Panel(start, stop, status)


def build_viewer(name: str) -> gr.Markdown:
    """Build the place of a viewer, which a script of the page fills.

    Args:
        name: prefix of the element ids.

    Returns:
        The widget that names the jobs to show; its value is from `messages.shown`.
    """
    gr.Markdown(
        "The result appears here, beside the original.", elem_id=f"{name}-viewer",
        elem_classes=["viewer-place", "quiet"],
    )  # fmt: skip
    return gr.Markdown("", elem_id=f"{name}-shown", elem_classes="signal", latex_delimiters=[])


def connect(
    trigger: Callable[..., Any],
    panel: Panel,
    work: Callable[..., Updates],
    inputs: list[Any],
    outputs: list[Any],
    *,
    is_replaceable: bool = False,
) -> None:
    """Connect an event to a run.

    Args:
        trigger: the listener of the event, such as `button.click`.
        panel: panel of the tab; its status shows the error of a run.
        work: yields the updates of a run.
        inputs: widgets whose values `work` receives.
        outputs: widgets that it may change, apart from the panel.
        is_replaceable: the event may occur again during the run, which it then replaces.
    """
    # The service has its own queue, which is fair to all clients.
    trigger(
        work, inputs, [*panel.widgets, *outputs], concurrency_limit=None,
        trigger_mode="multiple" if is_replaceable else "once", **QUIET,
    )  # fmt: skip


async def one_run(
    panel: Panel,
    runs: Runs,
    request: gr.Request,
    uploads: Sequence[Upload],
    steps: Callable[[Run], Updates],
    *,
    is_replaceable: bool = False,
) -> Updates:
    """Yield the updates of a page's run; none while another run is in progress.

    The run continues when the page is closed and nobody takes the updates.

    Args:
        panel: panel of the tab.
        runs: runs of the tab.
        request: request of the visitor.
        uploads: input images of the run.
        steps: yields the updates between those of the panel.
        is_replaceable: it replaces an earlier replaceable run, and a later one replaces it.
    """
    page = page_of(request)
    if is_replaceable and not await runs.stop_replaceable(page):
        yield {panel.start: gr.skip()}  # an event has to yield something
        return
    begun = runs.begin(
        page, uploads, address_of(request), visitor=visitor_of(request),
        is_replaceable=is_replaceable,
    )  # fmt: skip
    feed = Feed(_updates(panel, begun, steps))  # it enters `begun`, and leaves it at the end
    async for update in feed.updates():
        yield update


async def _updates(
    panel: Panel, begun: AbstractContextManager[Run | None], steps: Callable[[Run], Updates]
) -> Updates:
    with begun as run:
        if run is None:
            yield {panel.start: gr.skip()}
            return
        async with aclosing(guarded(panel, steps(run))) as updates:
            async for update in updates:
                if run.is_replaced:
                    return  # the panel belongs to the later run
                yield update


class Feed:
    """Runs a generator of updates to its end, whether or not anybody takes them.

    Args:
        source: its updates repeat the earlier ones, so that only the newest is kept.
    """

    _tasks: ClassVar[set[asyncio.Task[None]]] = set()  # the event loop holds no references

    def __init__(self, source: Updates) -> None:
        self._newest: Changes | None = None
        self._changed = asyncio.Event()
        self._task = asyncio.create_task(self._run(source))
        self._tasks.add(self._task)
        self._task.add_done_callback(self._end)

    async def _run(self, source: Updates) -> None:
        async for update in source:
            self._newest = update
            self._changed.set()

    def _end(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._changed.set()

    async def updates(self) -> Updates:
        """Yield the newest update after each change until the source ends."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            is_last = self._task.done()
            newest, self._newest = self._newest, None
            if newest is not None:
                yield newest
            if is_last:
                return


async def guarded(panel: Panel, steps: Updates) -> Updates:
    """Yield the updates of a run between those of the buttons, and report its error.

    Each update repeats the earlier ones: the page of Gradio may skip the first of two updates that
    arrive together.
    """
    changes: Changes = {
        panel.start: gr.Button(interactive=False),
        panel.stop: gr.Button(interactive=True),
        panel.status: messages.waiting(),
    }
    yield changes.copy()
    try:
        async with aclosing(steps):
            async for update in steps:
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


def connect_clearing(field: ImageInput | FilesInput, panel: Panel, runs: Runs) -> None:
    """Clear the message of earlier images when others are chosen; the results stay.

    Args:
        field: input field of the images.
        panel: panel of the tab.
        runs: runs of the tab.
    """

    def clear(request: gr.Request, chosen: Upload | list[Upload] | None) -> Changes:
        uploads = chosen if isinstance(chosen, list) else [chosen] if chosen else []
        # The run of these images may have begun before this event arrived: keep its message.
        is_old = runs.has_old_message(request, uploads)
        return {panel.status: messages.READY if is_old else gr.skip()}

    field.change(clear, field, [panel.status], queue=False, **QUIET)


def _message(error: Exception) -> str:
    """Return the message of an error; an internal error is logged."""
    if not isinstance(error, SrganGpError):
        _log.error("A run of the page failed.", exc_info=error)
    public = for_clients(error)
    if isinstance(public, PictureError):
        return f"This image cannot be used: {public}."
    return str(public)
