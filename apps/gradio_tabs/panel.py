"""The start, the stop and the status of a tab, and how a run goes between them."""

import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import gradio as gr

from gradio_tabs import messages
from gradio_tabs.runs import Run, Runs, address_of, visitor_of
from gradio_tabs.uploads import FilesInput, PictureInput, Upload
from srgan_gp.errors import Cancelled, PictureError, SrganGpError
from srgan_gp.serving.public_messages import for_clients

Changes = dict[Any, Any]
"""Widgets and their new values."""

Updates = AsyncGenerator[Changes, None]
"""What changes on the page, step by step."""

QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
"""For every event: no program calls it, and nothing covers the widgets that it changes."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Panel:
    """The widgets around a run."""

    start: gr.Button
    stop: gr.Button
    status: gr.Markdown

    @property
    def widgets(self) -> list[Any]:
        """All of them, as outputs of an event."""
        return [self.start, self.stop, self.status]


def build_panel(label: str, name: str, *, can_start: bool = True) -> Panel:
    """Make the buttons that start and stop a run, and the place of its status below.

    Args:
        label: of the first button.
        name: where the ids begin.
        can_start: False turns the first button off for good.
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


def connect(
    trigger: Callable[..., Any],
    panel: Panel,
    work: Callable[..., Updates],
    inputs: list[Any],
    outputs: list[Any],
    *,
    gives_way: bool = False,
) -> None:
    """Let an event start a run.

    Args:
        trigger: the listener of the event, such as `button.click`.
        panel: of the tab; its status shows why a run has failed.
        work: gives the updates of a run.
        inputs: whose values `work` gets.
        outputs: what it may change, apart from the panel.
        gives_way: the event comes again while the run is under way, and ends it.
    """
    # The service has a queue of its own, which is fair to all clients.
    trigger(
        work, inputs, [*panel.widgets, *outputs], concurrency_limit=None,
        trigger_mode="multiple" if gives_way else "once", **QUIET,
    )  # fmt: skip


async def one_run(
    panel: Panel,
    runs: Runs,
    request: gr.Request,
    uploads: Sequence[Upload],
    steps: Callable[[Run], Updates],
    *,
    gives_way: bool = False,
) -> Updates:
    """Give the updates of a visitor's run; nothing changes while another one is under way.

    Args:
        panel: of the tab.
        runs: of the tab.
        request: of the visitor.
        uploads: the pictures that the run is about.
        steps: gives the updates between those of the panel.
        gives_way: it ends an earlier run that gives way, and gives way to a later one.
    """
    visitor = visitor_of(request)
    if gives_way and not await runs.make_way(visitor):
        yield {panel.start: gr.skip()}
        return
    with runs.begin(visitor, uploads, address_of(request), gives_way=gives_way) as run:
        if run is None:
            yield {panel.start: gr.skip()}
            return
        async with aclosing(guarded(panel, steps(run))) as updates:
            async for update in updates:
                if run.has_given_way:
                    return  # the panel belongs to the later one
                yield update


async def guarded(panel: Panel, steps: Updates) -> Updates:
    """Give the updates of a run between those of the buttons, and say what has ended it.

    Each update repeats those before. Gradio's page turns one into the next in place: of two that
    come at once it may see the second alone, and what only the first said would be lost.
    """
    said: Changes = {
        panel.start: gr.Button(interactive=False),
        panel.stop: gr.Button(interactive=True),
        panel.status: messages.progress(0, 0),
    }
    yield said.copy()
    try:
        async with aclosing(steps):
            async for update in steps:
                said |= update
                yield said.copy()
    except Cancelled:
        said[panel.status] = messages.note("Stopped. Nothing was kept.")
    except Exception as error:
        said[panel.status] = messages.refusal(_sentence(error))
    yield said | {
        panel.start: gr.Button(interactive=True),
        panel.stop: gr.Button(interactive=False),
    }


def connect_clearing(
    field: PictureInput | FilesInput,
    panel: Panel,
    runs: Runs,
    cleared: Callable[[], Changes],
    outputs: list[Any],
) -> None:
    """Let other pictures end the run of the earlier ones and take their results away.

    Args:
        field: whose pictures they are.
        panel: of the tab.
        runs: of the tab.
        cleared: gives the widgets of the results without any.
        outputs: those widgets.
    """

    def clear(request: gr.Request, chosen: Upload | list[Upload] | None) -> Changes:
        uploads = chosen if isinstance(chosen, list) else [chosen] if chosen else []
        if runs.keep_to(request, uploads):
            # The page was slow to tell of the pictures, and their run was quick.
            return {panel.status: gr.skip()}
        return {panel.status: messages.READY} | cleared()

    field.change(clear, field, [panel.status, *outputs], queue=False, **QUIET)


def _sentence(error: Exception) -> str:
    """Say what has ended a run; what is not the visitor's fault goes to the log."""
    if not isinstance(error, SrganGpError):
        _log.error("A run of the page failed.", exc_info=error)
    told = for_clients(error)
    return f"This picture cannot be used: {told}." if isinstance(told, PictureError) else str(told)
