"""Tab for many files: progress, results as they come, a table of failures, and a zip file."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import partial

import gradio as gr

from gradio_tabs import messages
from gradio_tabs.options import Options, build_options, upscale_request
from gradio_tabs.panel import (
    QUIET,
    Changes,
    Panel,
    Updates,
    build_panel,
    build_viewer,
    connect,
    connect_clearing,
    one_run,
)
from gradio_tabs.runs import Progress, Run, Runs
from gradio_tabs.uploads import FilesInput, Upload
from srgan_gp.errors import BusyError, Cancelled, PictureError, UsageError
from srgan_gp.models.cards import ModelCard
from srgan_gp.serving.jobs.job_requests import Result, UpscaleRequest

_ZIP_NAME = "upscaled.zip"
_DOWNLOAD = "Download all as a zip file"


@dataclass(frozen=True)
class _Widgets:
    files: FilesInput
    options: Options
    panel: Panel
    shown: gr.Markdown
    """Names the jobs in the list of results."""
    failures: gr.Dataframe
    download: gr.DownloadButton

    @property
    def results(self) -> list[gr.Markdown | gr.Dataframe | gr.DownloadButton]:
        return [self.shown, self.failures, self.download]


@dataclass
class _Totals:
    """Results and failures so far."""

    results: list[Result] = field(default_factory=list)
    failures: list[list[str]] = field(default_factory=list)
    is_stopped: bool = False

    @property
    def done(self) -> int:
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
        has_fast_mode: as for `build_options`.
    """
    with gr.Row():
        with gr.Column(scale=2, min_width=320):
            files = FilesInput(
                label=f"Your images, {max_files} at most", file_count="multiple",
                file_types=["image"], height=200, elem_id="batch-files",
            )  # fmt: skip
            options = build_options(cards, default, "batch", has_fast_mode=has_fast_mode)
            panel = build_panel("Upscale all", "batch")
        with gr.Column(scale=3, min_width=320):
            shown, download, failures = _build_results()
    _connect(_Widgets(files, options, panel, shown, failures, download), runs, max_files)
    return options.model


def _build_results() -> tuple[gr.Markdown, gr.DownloadButton, gr.Dataframe]:
    gr.Markdown("## Results", elem_classes="section")
    gr.Markdown("", elem_id="batch-results")  # a script fills it
    shown = build_viewer("batch")
    download = gr.DownloadButton(
        _DOWNLOAD, variant="primary", interactive=False, elem_id="batch-download"
    )
    failures = gr.Dataframe(
        headers=["File", "Error"], datatype="str", type="array",
        interactive=False, wrap=True, column_widths=["35%", "65%"], visible=False,
        label="Failures", elem_id="batch-failures",
    )  # fmt: skip
    return shown, download, failures


def _connect(widgets: _Widgets, runs: Runs, max_files: int) -> None:
    panel = widgets.panel

    async def work(request: gr.Request, files: list[Upload], *values: object) -> Updates:
        steps = partial(_steps, widgets, files, values, max_files)
        async for update in one_run(panel, runs, request, files, steps):
            yield update

    inputs = [widgets.files, *widgets.options.widgets]
    connect(panel.start.click, panel, work, inputs, widgets.results)
    panel.stop.click(runs.stop, queue=False, **QUIET)
    connect_clearing(widgets.files, panel, runs)


def _cleared(widgets: _Widgets) -> Changes:
    return {
        widgets.shown: "",
        widgets.failures: gr.Dataframe(value=[], visible=False),
        widgets.download: gr.DownloadButton(value=None, interactive=False),
    }


async def _steps(
    widgets: _Widgets,
    files: list[Upload],
    values: tuple[object, ...],
    max_files: int,
    run: Run,
) -> Updates:
    """Upscale one file after the other; yield the changes of the page.

    Raises:
        SrganGpError: the message for the visitor; errors of single files are collected.
    """
    if not 1 <= len(files) <= max_files:
        raise UsageError(f"Choose 1 to {max_files} images; you chose {len(files)}.")
    yield _cleared(widgets)
    totals = _Totals()
    for file in files:
        job_request = replace(upscale_request(file, values), wants_view=True)
        async with aclosing(_add(totals, run, job_request)) as steps:
            async for percent in steps:
                text = f"images; {file.name}: {percent}" if percent else "images"
                yield {
                    widgets.panel.status: messages.progress(totals.done, len(files), text),
                    widgets.shown: messages.shown(run.ids),
                }
        if totals.is_stopped:
            break
    yield await _summary(widgets, totals, run, len(files))


async def _add(totals: _Totals, run: Run, job_request: UpscaleRequest) -> AsyncGenerator[str, None]:
    """Upscale one file and record its result or failure.

    Yields:
        The percentage of its stage as text; empty: unknown.
    """
    try:
        async with aclosing(run.follow(job_request)) as updates:
            async for update in updates:
                if not isinstance(update, Progress):
                    totals.results.append(update)
                else:
                    yield "" if update.percent is None else f"{int(update.percent)} %"
    except Cancelled:
        totals.is_stopped = True
    except (PictureError, BusyError) as error:
        totals.failures.append([job_request.name, str(error)])


async def _summary(widgets: _Widgets, totals: _Totals, run: Run, count: int) -> Changes:
    """Show the failures, their numbers and a zip file."""
    text = f"{len(totals.results)} of {count} done"
    if totals.failures:
        text += f", {len(totals.failures)} failed"
    if totals.is_stopped:
        text += ", then stopped"
    changes: Changes = {
        widgets.shown: messages.shown(run.ids),
        widgets.failures: gr.Dataframe(value=totals.failures, visible=bool(totals.failures)),
        widgets.panel.status: messages.note(text + "."),
    }
    if totals.results:
        bundle = await run.bundle(totals.results, _ZIP_NAME)
        changes[widgets.download] = gr.DownloadButton(value=str(bundle.path), interactive=True)
    return changes
