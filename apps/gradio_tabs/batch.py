"""Tab "Batch": upscales many files, and shows the results and a table of failures.

One press of the start button is a run. Its `Run` submits one job per file to the server; an async
generator, `page_updates.Updates`, yields the changes of the page, which `panel.execute_run` sends
to the browser. `page_updates.Changes` is a dict of widgets and their new values.
`panel.EVENT_OPTIONS` are arguments of every Gradio event of the page.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import partial

import gradio as gr

from gradio_tabs import messages
from gradio_tabs.inputs.skipped_files import SkippedFile, skipped_files, skipped_text
from gradio_tabs.inputs.uploads import FilesInput, Upload
from gradio_tabs.options import Options, build_options, upscale_request
from gradio_tabs.results.page_updates import Changes, Updates
from gradio_tabs.results.panel import (
    EVENT_OPTIONS,
    Panel,
    build_panel,
    connect,
    connect_status_clearing,
    execute_run,
)
from gradio_tabs.results.result_viewer import build_viewer
from gradio_tabs.results.runs import Runs
from gradio_tabs.results.tab_run import Progress, Run
from srgan_gp.errors import BusyError, Cancelled, PictureError, UsageError
from srgan_gp.models.cards import ModelCard
from srgan_gp.serving.jobs.job_requests import Result, UpscaleRequest


@dataclass(frozen=True)
class _Widgets:
    """Widgets of the tab."""

    files: FilesInput
    skipped: gr.Textbox
    """Hidden field into which `static/estimates.js` writes the files that it refused."""
    options: Options
    panel: Panel
    job_links: gr.Markdown
    """Hidden links to the jobs of the run, from which a script fills the list of results."""
    failures: gr.Dataframe

    @property
    def results(self) -> list[gr.Markdown | gr.Dataframe]:
        """Widgets that a run changes, besides those of the panel."""
        return [self.job_links, self.failures]


@dataclass
class _Totals:
    """Results and failures of a run so far."""

    results: list[Result] = field(default_factory=list)
    failures: list[list[str]] = field(default_factory=list)
    """Rows of the table of failures: [file name, error message]."""
    skipped: list[SkippedFile] = field(default_factory=list)
    """Files that the browser refused to upload."""
    is_stopped: bool = False
    """Whether the visitor pressed the stop button."""

    @property
    def done(self) -> int:
        """Number of finished files, failed ones included."""
        return len(self.results) + len(self.failures)


def build_batch_tab(
    runs: Runs,
    cards: dict[str, ModelCard],
    default: str,
    max_files: int,
    *,
    has_fast_mode: bool,
) -> gr.Radio:
    """Build the tab; return the field that lists the models.

    Args:
        runs: runs of this tab.
        cards: cards of the upscaling models, by name.
        default: name of the preselected model.
        max_files: largest number of files in one run.
        has_fast_mode: whether the device of the server can run models in int8.
    """
    with gr.Row():
        with gr.Column(scale=2, min_width=320):
            files = FilesInput(
                label=f"Your images, {max_files} at most", file_count="multiple",
                file_types=["image"], height=200, elem_id="batch-files",
            )  # fmt: skip
            # The class `signal` hides it; with `visible=False` a script could not write to it.
            skipped = gr.Textbox(label="Skipped", elem_id="batch-skipped", elem_classes="signal")
            options = build_options(cards, default, "batch", has_fast_mode=has_fast_mode)
            # `static/estimates.js` writes the number of images and the expected time into it.
            gr.Markdown("", elem_id="batch-estimate", elem_classes="estimate")
            panel = build_panel("Upscale all", "batch")
        with gr.Column(scale=3, min_width=320):
            job_links, failures = _build_results()
    widgets = _Widgets(files, skipped, options, panel, job_links, failures)
    _connect(widgets, runs, max_files)
    return options.model


def _build_results() -> tuple[gr.Markdown, gr.Dataframe]:
    """Build the right column; return the links to the jobs and the failures."""
    gr.Markdown("## Results", elem_classes="section")
    # `static/history.js` lists the jobs in it, and offers a zip of their results.
    gr.Markdown("", elem_id="batch-results")
    # Builds the viewer, which a script fills, and returns its hidden links.
    job_links = build_viewer("batch")
    failures = gr.Dataframe(
        headers=["File", "Error"], datatype="str", type="array",
        interactive=False, wrap=True, column_widths=["35%", "65%"], visible=False,
        label="Failures", elem_id="batch-failures",
    )  # fmt: skip
    return job_links, failures


def _connect(widgets: _Widgets, runs: Runs, max_files: int) -> None:
    """Connect the buttons and the field of the files."""
    panel = widgets.panel

    # Gradio passes the value of each input widget: the uploaded files, the text about skipped ones,
    # and the options.
    async def upscale(
        request: gr.Request, files: list[Upload], skipped: str, *values: object
    ) -> Updates:
        steps = partial(_upscale_files, widgets, files, skipped_files(skipped), values, max_files)
        async for changes in execute_run(panel, runs, request, files, steps):
            yield changes

    inputs = [widgets.files, widgets.skipped, *widgets.options.widgets]
    connect(panel.start.click, panel, upscale, inputs, widgets.results)
    panel.stop.click(runs.stop, queue=False, **EVENT_OPTIONS)
    connect_status_clearing(widgets.files, panel, runs)


def _cleared(widgets: _Widgets) -> Changes:
    """Return the changes that remove the results of the previous run."""
    return {
        widgets.job_links: "",
        widgets.failures: gr.Dataframe(value=[], visible=False),
    }


async def _upscale_files(
    widgets: _Widgets,
    files: list[Upload],
    skipped: list[SkippedFile],
    values: tuple[object, ...],
    max_files: int,
    run: Run,
) -> Updates:
    """Upscale one file after the other; yield the changes of the page.

    Args:
        widgets: widgets of the tab.
        files: uploaded images.
        skipped: files that the browser refused to upload.
        values: values of `widgets.options.widgets`, in their order.
        max_files: largest number of files in one run.
        run: submits the jobs.

    Raises:
        UsageError: there is no file, or there are too many.
        SrganGpError: the service failed. An unreadable image or a full queue does not end the run:
            it becomes a row of the table of failures.
    """
    if not 1 <= len(files) <= max_files:
        raise UsageError(f"Choose 1 to {max_files} images; you chose {len(files)}.")
    yield _cleared(widgets)
    totals = _Totals(skipped=skipped)
    for file in files:
        # `needs_viewer_tiles`: also write the tiles that the viewer of the page shows.
        job_request = replace(upscale_request(file, values), needs_viewer_tiles=True)
        async with aclosing(_upscale_file(totals, run, job_request)) as percentages:
            async for percentage in percentages:
                current = f"; {file.name}: {percentage}" if percentage else ""
                text = f"images{current}"
                yield {
                    widgets.panel.status: messages.progress(totals.done, len(files), text),
                    widgets.job_links: messages.job_links(run.ids),
                }
        if totals.is_stopped:
            break
    yield _summary(widgets, totals, run, len(files))


async def _upscale_file(
    totals: _Totals, run: Run, job_request: UpscaleRequest
) -> AsyncGenerator[str, None]:
    """Upscale one file and record its result or failure in `totals`.

    Yields:
        Progress of the file's current stage, such as `25 %`; empty if it is unknown.
    """
    try:
        async with aclosing(run.follow(job_request)) as states:
            async for state in states:  # the result of the job is the last one
                if isinstance(state, Progress):
                    yield "" if state.percent is None else f"{int(state.percent)} %"
                else:
                    totals.results.append(state)
    except Cancelled:
        totals.is_stopped = True
    except (PictureError, BusyError) as error:
        totals.failures.append([job_request.name, str(error)])


def _summary(widgets: _Widgets, totals: _Totals, run: Run, count: int) -> Changes:
    """Return the final changes: the numbers of results and failures, and the table.

    Args:
        widgets: widgets of the tab.
        totals: results and failures of the run.
        run: submitted the jobs.
        count: number of files that were uploaded.
    """
    text = f"{len(totals.results)} of {count + len(totals.skipped)} done"
    if totals.failures:
        text += f", {len(totals.failures)} failed"
    if totals.is_stopped:
        text += ", then stopped"
    text += skipped_text(totals.skipped)
    failures = [[file.name, file.message] for file in totals.skipped] + totals.failures
    return {
        widgets.job_links: messages.job_links(run.ids),
        widgets.failures: gr.Dataframe(value=failures, visible=bool(failures)),
        widgets.panel.status: messages.note(text + "."),
    }
