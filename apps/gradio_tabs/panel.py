"""The start, the stop and the status of a tab, and how a run goes between them."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import gradio as gr

from gradio_tabs import messages
from gradio_tabs.runs import Runs
from srgan_gp.errors import Cancelled, PictureError, SrganGpError

Updates = AsyncGenerator[dict[Any, Any], None]
"""What changes on the page: widgets and their new values."""

QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
"""For every event: no program calls it, and nothing covers the widgets that it changes."""


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


def build_buttons(label: str, name: str, runs: Runs) -> tuple[gr.Button, gr.Button]:
    """Make the buttons that start and stop a run.

    Args:
        label: of the first.
        name: where their ids begin.
        runs: what the second ends.
    """
    with gr.Row():
        start = gr.Button(label, variant="primary", min_width=120, elem_id=f"{name}-start")
        stop = gr.Button(
            "Stop", variant="stop", min_width=120, interactive=False, elem_id=f"{name}-stop"
        )
    stop.click(runs.stop, queue=False, **QUIET)
    return start, stop


def build_status(name: str) -> gr.Markdown:
    """Make the place of a status."""
    return gr.Markdown(
        messages.READY, elem_id=f"{name}-status", elem_classes="status", latex_delimiters=[]
    )


def connect(
    panel: Panel,
    triggers: list[Callable[..., Any]],
    work: Callable[..., Updates],
    inputs: list[Any],
    outputs: list[Any],
) -> None:
    """Let events start a run.

    Args:
        panel: of the tab; its status shows why a run has failed.
        triggers: the listeners of the events, such as `button.click`.
        work: gives the updates of a run.
        inputs: whose values `work` gets.
        outputs: what it may change, apart from the panel.
    """
    for trigger in triggers:
        # The service has a queue of its own, which is fair to all clients.
        trigger(work, inputs, [*panel.widgets, *outputs], concurrency_limit=None, **QUIET)


async def guarded(panel: Panel, steps: Updates) -> Updates:
    """Give the updates of a run between those of the buttons, and say what has ended it."""
    yield {
        panel.start: gr.Button(interactive=False),
        panel.stop: gr.Button(interactive=True),
        panel.status: messages.progress(0, 0),
    }
    last: dict[Any, Any] = {}
    try:
        async with aclosing(steps):
            async for update in steps:
                yield update
    except Cancelled:
        last = {panel.status: messages.note("Stopped. Nothing was kept.")}
    except PictureError as error:
        last = {panel.status: messages.refusal(f"This picture cannot be used: {error}.")}
    except SrganGpError as error:
        last = {panel.status: messages.refusal(error)}
    yield last | {
        panel.start: gr.Button(interactive=True),
        panel.stop: gr.Button(interactive=False),
    }
