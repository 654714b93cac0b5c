"""View of a training run in the tab "Fine-tune": stage, chart, preview, log and finished model."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from gradio_tabs import messages
from gradio_tabs.model_lists import ModelLists
from gradio_tabs.results.page_updates import Changes, Updates
from gradio_tabs.results.panel import Panel
from srgan_gp.serving.finetuning.training_process import TrainingRun
from srgan_gp.serving.finetuning.training_progress import TrainingState

_POLL_SECONDS = 1.0  # between two checks of a run, each of which reads its files
_STOPPED_EXIT_CODES = (-15, 130, 143)
"""Exit codes of a process that SIGTERM killed (-15), or that ended itself after SIGINT (128 + 2) or
SIGTERM (128 + 15)."""
_METRIC_TITLES = {
    "psnr_y": "PSNR in dB on your validation photos, higher is better",
    "squeeze_distance": "Difference from your validation photos, lower is better",
}
"""Titles of the chart, by the name of the score. The squeeze distance compares features of the
network SqueezeNet."""


@dataclass(frozen=True)
class TrainingView:
    """Widgets of a training run.

    Methods that return changes return a dict of these widgets and their new values.
    """

    panel: Panel
    """Buttons that start and stop the run, and its status."""
    curve: gr.Markdown
    """Chart of the validation score, by which the best result is chosen."""
    preview: gr.Image
    log: gr.Textbox
    """Events of the run in sentences."""
    output: gr.Textbox
    """Last lines that the training program printed."""
    use_button: gr.Button
    remove_button: gr.Button
    download: gr.Markdown

    @property
    def widgets(self) -> list[Any]:
        """All widgets except those of the panel, as outputs of an event."""
        return [value for name, value in vars(self).items() if name != "panel"]

    def cleared(self) -> Changes:
        """Return the changes that remove everything about a previous run."""
        return {
            self.curve: "",
            self.preview: gr.Image(value=None, visible=False),
            self.log: "",
            self.output: "",
            **self.changes_for_model(None),
        }

    def changes_for_model(self, model: str | None) -> Changes:
        """Return the changes of the buttons and the download link of the new model.

        Args:
            model: name of the installed model; None: there is none, which disables the buttons.
        """
        is_installed = model is not None
        return {
            self.use_button: gr.Button(interactive=is_installed),
            self.remove_button: gr.Button(interactive=is_installed),
            self.download: "" if model is None else messages.model_link(model),
        }

    async def follow(self, run: TrainingRun, lists: ModelLists) -> Updates:
        """Yield the changes of the page until a run has ended.

        Args:
            run: training run of the visitor; it may have ended already.
            lists: fields that list the models; they get the new one at the end.
        """
        shown_preview = None
        async for state in _states(run):
            metric_title = _METRIC_TITLES.get(state.metric, state.metric)
            changes: Changes = {
                self.panel.status: describe(state),
                self.curve: messages.curve(metric_title, state.curve),
                self.log: "\n".join(state.log),
                self.output: "\n".join(state.lines),
            }
            if state.preview != shown_preview:
                shown_preview = state.preview
                changes[self.preview] = gr.Image(value=str(shown_preview), visible=True)
            yield changes
        changed_lists = lists.refresh()  # also updates `lists.cards`
        # A run that was stopped or failed has installed no model.
        installed_model = run.name if run.name in lists.cards else None
        yield changed_lists | self.changes_for_model(installed_model)


def build_training_view(panel: Panel) -> TrainingView:
    """Build the widgets.

    Args:
        panel: buttons and status of the tab; the status shows the stage.
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
        use_button = gr.Button("Use it in Upscale", interactive=False, elem_id="finetune-use")
        remove_button = gr.Button("Delete the model", interactive=False, elem_id="finetune-remove")
    download = gr.Markdown("", elem_id="finetune-download", latex_delimiters=[])
    return TrainingView(panel, curve, preview, log, output, use_button, remove_button, download)


async def _states(run: TrainingRun) -> AsyncGenerator[TrainingState, None]:
    """Yield the state of a run whenever it has changed, until the run has ended."""
    previous = None
    while True:
        state = await asyncio.to_thread(run.state)  # it reads files
        if state != previous:
            previous = state
            yield state
        if not state.is_running:
            return
        await asyncio.sleep(_POLL_SECONDS)


def describe(state: TrainingState) -> str:
    """Return the stage of a run as HTML: a bar with percent and time left, or the outcome."""
    if not state.is_running:
        return _outcome(state)
    if state.stage == "training" and state.total:  # `total` is 0 until it is known
        left = f", {messages.duration(state.seconds_left)} left" if state.seconds_left else ""
        crops = f"{state.done:,} of {state.total:,} image sections"
        percent = 100 * state.done // state.total
        return messages.bar(state.done, state.total, f"Training: {percent} %{left} ({crops})")
    stage_text = {
        "starting": "Reading the photos",
        "scoring": "Measuring the model before training",
        "training": "Training",
        "comparing": "Measuring the result",
    }[state.stage]
    if state.total and state.stage in ("scoring", "comparing"):
        return messages.bar(
            state.done, state.total, f"{stage_text}: {state.done} of {state.total} photos"
        )
    return messages.waiting(f"{stage_text} ...")


def _outcome(state: TrainingState) -> str:
    """Return the outcome of a run that has ended, as HTML."""
    if state.exit_code == 0:
        # `serving.finetuning.training_progress` writes this sentence into the log.
        verdicts = [line for line in state.log if line.startswith("The new model is ")]
        verdict = verdicts[0] if verdicts else ""
        return messages.note(f"Done. {verdict}")
    if state.exit_code in _STOPPED_EXIT_CODES:
        # The run's folder, with its checkpoints, is temporary: visitors cannot resume a run.
        return messages.note("Stopped. No model was kept.")
    reason = state.log[-1] if state.log else "Its output is below Details."
    return messages.error(f"Training failed. {reason}")
