"""What the page shows of a training run: stage, curve, preview, log and the finished model."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from gradio_tabs import messages
from gradio_tabs.model_lists import ModelLists
from gradio_tabs.panel import Changes, Panel, Updates
from srgan_gp.serving.finetuning.training_process import FineTuning
from srgan_gp.serving.finetuning.training_progress import TrainingState

_POLL_SECONDS = 1.0
_STOPPED = (-15, 130, 143)
"""Exit codes of a process that was ended by a signal."""
_TITLES = {
    "psnr_y": "PSNR in dB on your validation photos, higher is better",
    "squeeze_distance": "Difference from your validation photos, lower is better",
}


@dataclass(frozen=True)
class TrainingView:
    """The widgets."""

    panel: Panel
    curve: gr.Markdown
    preview: gr.Image
    log: gr.Textbox
    output: gr.Textbox
    use: gr.Button
    remove: gr.Button
    download: gr.Markdown

    @property
    def widgets(self) -> list[Any]:
        """All widgets but those of the panel, as outputs of an event."""
        return [value for name, value in vars(self).items() if name != "panel"]

    def cleared(self) -> Changes:
        """Return the widgets without a run."""
        return {
            self.curve: "",
            self.preview: gr.Image(value=None, visible=False),
            self.log: "",
            self.output: "",
            **self.finished(None),
        }

    def finished(self, name: str | None) -> Changes:
        """Return the buttons of a finished model; None: there is none."""
        is_there = name is not None
        return {
            self.use: gr.Button(interactive=is_there),
            self.remove: gr.Button(interactive=is_there),
            self.download: messages.model_link(name) if name else "",
        }

    async def follow(self, run: FineTuning, lists: ModelLists) -> Updates:
        """Yield the changes of the page until a run has ended."""
        preview = None
        async for state in _states(run):
            changes: Changes = {
                self.panel.status: describe(state),
                self.curve: messages.curve(_TITLES.get(state.metric, state.metric), state.curve),
                self.log: "\n".join(state.log),
                self.output: "\n".join(state.lines),
            }
            if state.preview != preview:
                preview = state.preview
                changes[self.preview] = gr.Image(value=str(preview), visible=True)
            yield changes
        refreshed = lists.refresh()
        yield refreshed | self.finished(run.name if run.name in lists.cards else None)


def build_training_view(panel: Panel) -> TrainingView:
    """Build the widgets.

    Args:
        panel: panel of the tab; its status shows the stage.
    """
    curve = gr.Markdown("", elem_id="finetune-curve", latex_delimiters=[])
    preview = gr.Image(
        label="Input, result before, result now, and original", format="png", type="filepath",
        height=300, interactive=False, buttons=["fullscreen"], visible=False,
        alt_text="Validation photos: input, result before training, result now, and original",
        elem_id="finetune-preview",
    )  # fmt: skip
    log = gr.Textbox(
        label="What happened", lines=6, max_lines=6, interactive=False, elem_id="finetune-log"
    )
    with gr.Accordion("Details", open=False):
        output = gr.Textbox(
            label="Output of the training program", lines=8, max_lines=8, interactive=False
        )
    with gr.Row():
        use = gr.Button("Use it in Upscale", interactive=False, elem_id="finetune-use")
        remove = gr.Button("Delete the model", interactive=False, elem_id="finetune-remove")
    download = gr.Markdown("", elem_id="finetune-download", latex_delimiters=[])
    return TrainingView(panel, curve, preview, log, output, use, remove, download)


async def _states(run: FineTuning) -> AsyncGenerator[TrainingState, None]:
    """Yield every new state of a run; the last one when it has ended."""
    last = None
    while True:
        state = await asyncio.to_thread(run.state)
        if state != last:
            last = state
            yield state
        if not state.is_running:
            return
        await asyncio.sleep(_POLL_SECONDS)


def describe(state: TrainingState) -> str:
    """Return the stage of a run as HTML: a bar with percent and time left, or the outcome."""
    if not state.is_running:
        return _outcome(state)
    if state.stage == "training" and state.total:
        left = f", {messages.duration(state.seconds_left)} left" if state.seconds_left else ""
        steps = f"{state.done:,} of {state.total:,} image sections"
        percent = 100 * state.done // state.total
        return messages.bar(state.done, state.total, f"Training: {percent} %{left} ({steps})")
    text = {
        "starting": "Reading the photos",
        "scoring": "Measuring the model before training",
        "training": "Training",
        "comparing": "Measuring the result",
    }[state.stage]
    if state.total and state.stage in ("scoring", "comparing"):
        return messages.bar(
            state.done, state.total, f"{text}: {state.done} of {state.total} photos"
        )
    return messages.waiting(f"{text} ...")


def _outcome(state: TrainingState) -> str:
    if state.exit_code == 0:
        # A sentence of `training_progress`.
        verdict = next((line for line in state.log if line.startswith("The new model is ")), "")
        return messages.note(f"Done. {verdict}")
    if state.exit_code in _STOPPED:
        return messages.note("Stopped. Nothing was kept.")
    reason = state.log[-1] if state.log else "Its output is below Details."
    return messages.error(f"Training failed. {reason}")
