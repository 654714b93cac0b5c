"""The tab for many files: progress, a gallery, the failures with their reasons, and one zip."""

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
_DOWNLOAD = "Download all as a zip"


@dataclass(frozen=True)
class _Widgets:
    files: FilesInput
    options: Options
    panel: Panel
    gallery: gr.Gallery
    failures: gr.Dataframe
    download: gr.DownloadButton

    @property
    def shown(self) -> list[gr.Gallery | gr.Dataframe | gr.DownloadButton]:
        return [self.gallery, self.failures, self.download]


@dataclass
class _Totals:
    """What has become of the files so far."""

    results: list[Result] = field(default_factory=list)
    failures: list[list[str]] = field(default_factory=list)
    is_stopped: bool = False

    @property
    def done(self) -> int:
        return len(self.results) + len(self.failures)


def build_batch_tab(runs: Runs, cards: dict[str, ModelCard], default: str, most_files: int) -> None:
    """Make the tab.

    Args:
        runs: of this tab.
        cards: of the models that enlarge pictures, by name.
        default: name of the model chosen at first.
        most_files: that one run takes.
    """
    with gr.Row():
        with gr.Column(scale=2, min_width=320):
            files = FilesInput(
                label=f"Your pictures, {most_files} at most", file_count="multiple",
                file_types=["image"], height=200, elem_id="batch-files",
            )  # fmt: skip
            panel = build_panel("Upscale all", "batch")
        with gr.Column(scale=3, min_width=320):
            gallery, download, failures = _build_results()
    options = build_options(cards, default)
    _connect(_Widgets(files, options, panel, gallery, failures, download), runs, most_files)


def _build_results() -> tuple[gr.Gallery, gr.DownloadButton, gr.Dataframe]:
    gr.Markdown("### Results")  # a label would lie over the first picture
    gallery = gr.Gallery(
        label="Results", show_label=False, columns=3, height=360, object_fit="contain",
        format="png", interactive=False, buttons=["fullscreen"], elem_id="batch-gallery",
    )  # fmt: skip
    download = gr.DownloadButton(
        _DOWNLOAD, variant="primary", interactive=False, elem_id="batch-download"
    )
    failures = gr.Dataframe(
        headers=["File", "Why there is no result"], datatype="str", type="array",
        interactive=False, wrap=True, column_widths=["35%", "65%"], visible=False,
        label="Failures", elem_id="batch-failures",
    )  # fmt: skip
    return gallery, download, failures


def _connect(widgets: _Widgets, runs: Runs, most_files: int) -> None:
    panel = widgets.panel

    async def work(request: gr.Request, files: list[Upload], *values: object) -> Updates:
        steps = partial(_steps, widgets, files, values, most_files)
        async for update in one_run(panel, runs, request, files, steps):
            yield update

    inputs = [widgets.files, *widgets.options.widgets]
    connect(panel.start.click, panel, work, inputs, widgets.shown)
    panel.stop.click(runs.stop, queue=False, **QUIET)
    connect_clearing(widgets.files, panel, runs, partial(_cleared, widgets), widgets.shown)


def _cleared(widgets: _Widgets) -> Changes:
    return {
        widgets.gallery: [],
        widgets.failures: gr.Dataframe(value=[], visible=False),
        widgets.download: gr.DownloadButton(value=None, interactive=False),
    }


async def _steps(
    widgets: _Widgets,
    files: list[Upload],
    values: tuple[object, ...],
    most_files: int,
    run: Run,
) -> Updates:
    """Enlarge one file after the other; gives what changes on the page.

    Raises:
        SrganGpError: the sentence for the visitor; not about one of the files.
    """
    if not 1 <= len(files) <= most_files:
        raise UsageError(f"Choose 1 to {most_files} pictures; you chose {len(files)}.")
    yield _cleared(widgets)
    totals = _Totals()
    for file in files:
        yield {widgets.panel.status: messages.progress(totals.done, len(files), "pictures")}
        wanted = replace(upscale_request(file, values), wants_view=True)
        await _add(totals, run, wanted)
        if totals.is_stopped:
            break
    yield await _ending(widgets, totals, run, len(files))


async def _add(totals: _Totals, run: Run, wanted: UpscaleRequest) -> None:
    """Enlarge one file and take down what becomes of it."""
    try:
        async with aclosing(run.follow(wanted)) as all_news:
            async for news in all_news:
                if not isinstance(news, Progress):
                    totals.results.append(news)
    except Cancelled:
        totals.is_stopped = True
    except (PictureError, BusyError) as error:
        totals.failures.append([wanted.name, str(error)])


async def _ending(widgets: _Widgets, totals: _Totals, run: Run, count: int) -> Changes:
    """Show the results and the failures, count them, and offer a zip.

    All of it at the end alone, since each showing copies every file.
    """
    text = f"{len(totals.results)} of {count} done"
    if totals.failures:
        text += f", {len(totals.failures)} failed"
    if totals.is_stopped:
        text += ", then stopped"
    changes: Changes = {
        widgets.gallery: [(str(it.view[1]), it.name) for it in totals.results if it.view],
        widgets.failures: gr.Dataframe(value=totals.failures, visible=bool(totals.failures)),
        widgets.panel.status: messages.note(text + "."),
    }
    if totals.results:
        bundle = await run.bundle(totals.results, _ZIP_NAME)
        changes[widgets.download] = gr.DownloadButton(value=str(bundle.path), interactive=True)
    return changes
