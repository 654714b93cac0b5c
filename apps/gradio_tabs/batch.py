"""The tab for many files: progress, a gallery, the failures with their reasons, and one zip."""

from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any

import gradio as gr

from gradio_tabs import messages
from gradio_tabs.options import Options, build_options, upscale_request
from gradio_tabs.panel import Panel, Updates, build_buttons, build_status, connect, guarded
from gradio_tabs.runs import Progress, Runs, visitor_of
from gradio_tabs.uploads import FilesInput, Upload
from srgan_gp.cards import ModelCard
from srgan_gp.errors import BusyError, Cancelled, PictureError, UsageError
from srgan_gp.serving.requests import Result, UpscaleRequest

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
        runs: the jobs of this tab.
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
            start, stop = build_buttons("Upscale all", "batch", runs)
        with gr.Column(scale=3, min_width=320):
            status = build_status("batch")
            gallery = gr.Gallery(
                label="Results", columns=3, height=360, object_fit="contain", format="png",
                interactive=False, buttons=["fullscreen"], elem_id="batch-gallery",
            )  # fmt: skip
            download = gr.DownloadButton(
                _DOWNLOAD, variant="primary", interactive=False, elem_id="batch-download"
            )
            failures = gr.Dataframe(
                headers=["File", "Why there is no result"], datatype="str", type="array",
                interactive=False, wrap=True, visible=False, label="Failures",
                elem_id="batch-failures",
            )  # fmt: skip
    options = build_options(cards, default)
    panel = Panel(start, stop, status)
    _connect(_Widgets(files, options, panel, gallery, failures, download), runs, most_files)


def _connect(widgets: _Widgets, runs: Runs, most_files: int) -> None:
    async def work(request: gr.Request, files: list[Upload], *values: object) -> Updates:
        steps = _steps(widgets, runs, visitor_of(request), files, values, most_files)
        async for update in guarded(widgets.panel, steps):
            yield update

    inputs = [widgets.files, *widgets.options.widgets]
    outputs = [widgets.gallery, widgets.failures, widgets.download]
    connect(widgets.panel, [widgets.panel.start.click], work, inputs, outputs)


async def _steps(
    widgets: _Widgets,
    runs: Runs,
    visitor: str,
    files: list[Upload],
    values: tuple[object, ...],
    most_files: int,
) -> Updates:
    """Enlarge one file after the other; gives what changes on the page.

    Raises:
        SrganGpError: the sentence for the visitor; not about one of the files.
    """
    if not 1 <= len(files) <= most_files:
        raise UsageError(f"Choose 1 to {most_files} pictures; you chose {len(files)}.")
    yield {
        widgets.gallery: [],
        widgets.failures: gr.Dataframe(value=[], visible=False),
        widgets.download: gr.DownloadButton(_DOWNLOAD, value=None, interactive=False),
    }
    totals = _Totals()
    for file in files:
        yield {widgets.panel.status: messages.progress(totals.done, len(files), "pictures")}
        wanted = replace(upscale_request(file, values), wants_view=True)
        await _add(totals, runs, visitor, wanted)
        if totals.is_stopped:
            break
    yield _shown(widgets, totals)
    yield await _ending(widgets, totals, runs, visitor, len(files))


async def _add(totals: _Totals, runs: Runs, visitor: str, wanted: UpscaleRequest) -> None:
    """Enlarge one file and take down what becomes of it."""
    try:
        async with aclosing(runs.follow(visitor, wanted)) as all_news:
            async for news in all_news:
                if not isinstance(news, Progress):
                    totals.results.append(news)
    except Cancelled:
        totals.is_stopped = True
    except (PictureError, BusyError) as error:
        totals.failures.append([wanted.name, str(error)])


def _shown(widgets: _Widgets, totals: _Totals) -> dict[Any, Any]:
    """Show the results and the failures; once, since each showing copies every file."""
    views = [(str(result.view[1]), result.name) for result in totals.results if result.view]
    failures = gr.Dataframe(value=totals.failures, visible=bool(totals.failures))
    return {widgets.gallery: views, widgets.failures: failures}


async def _ending(
    widgets: _Widgets, totals: _Totals, runs: Runs, visitor: str, count: int
) -> dict[Any, Any]:
    """Count what was done, and offer it for download."""
    text = f"{len(totals.results)} of {count} done"
    if totals.failures:
        text += f", {len(totals.failures)} failed"
    if totals.is_stopped:
        text += ", then stopped"
    changes: dict[Any, Any] = {widgets.panel.status: messages.note(text + ".")}
    if totals.results:
        bundle = await runs.bundle(visitor, totals.results, _ZIP_NAME)
        changes[widgets.download] = gr.DownloadButton(value=str(bundle.path), interactive=True)
    return changes
