"""Tab that generates faces, and animations from one face to another."""

from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from gradio_tabs import messages
from gradio_tabs.options import describe
from gradio_tabs.panel import QUIET, Changes, Panel, Updates, build_panel, connect, one_run
from gradio_tabs.runs import Progress, Run, Runs
from gradio_tabs.selections import Selection
from gradio_tabs.uploads import ImageInput
from srgan_gp.errors import UsageError
from srgan_gp.models.cards import ModelCard
from srgan_gp.serving.jobs.job_requests import GenerateRequest, Result

STILL, ANIMATION = "Faces", "From one face to another"
MAX_FACES = 36
_DOWNLOAD = "Download"


@dataclass(frozen=True)
class _Choices:
    """The options, in the order of their values in an event."""

    model: gr.Dropdown
    kind: gr.Radio
    seed: gr.Number
    count: gr.Slider
    to_seed: gr.Number
    truncation: gr.Slider


@dataclass(frozen=True)
class _Results:
    gallery: gr.Gallery
    download: gr.DownloadButton
    send: gr.Button
    faces: gr.State
    """Paths of the faces in the gallery."""
    chosen: gr.State
    """Index of the face that was clicked last."""


def build_faces_tab(
    runs: Runs, cards: dict[str, ModelCard], tabs: gr.Tabs, target: ImageInput, target_tab: str
) -> None:
    """Build the tab.

    Args:
        runs: runs of this tab.
        cards: cards of the face models, by name; at least one.
        tabs: tabs of the page.
        target: field for a face to upscale.
        target_tab: id of its tab.
    """
    with gr.Row():
        with gr.Column(scale=2, min_width=320):
            choices = _build_choices(cards)
            panel = build_panel("Generate", "faces")
        with gr.Column(scale=3, min_width=320):
            results = _build_results()
    _connect(choices, panel, results, runs)
    _connect_sending(results, tabs, target, target_tab)


def _build_choices(cards: dict[str, ModelCard]) -> _Choices:
    card = next(iter(cards.values()))
    model = gr.Dropdown(list(cards), value=card.name, label="Model", filterable=False)
    about = gr.Markdown(describe(card), elem_classes="quiet", latex_delimiters=[])
    model.change(lambda name: describe(cards[name]), model, about, queue=False, **QUIET)
    kind = gr.Radio([STILL, ANIMATION], value=STILL, label="Output")
    seed = gr.Number(
        0,
        label="Seed",
        precision=0,
        info="The same seed gives the same face.",
        elem_id="faces-seed",
    )
    count = gr.Slider(1, MAX_FACES, value=8, step=1, label="Number of faces, from this seed on")
    to_seed = gr.Number(1, label="Seed of the other face", precision=0, visible=False)
    truncation = gr.Slider(
        0, 1.5, value=_truncation(card), step=0.05, label="Truncation",
        info="Below 1, faces are more usual and less diverse.",
    )  # fmt: skip
    model.change(lambda name: _truncation(cards[name]), model, truncation, queue=False, **QUIET)
    kind.change(
        lambda kind: (gr.Slider(visible=kind == STILL), gr.Number(visible=kind == ANIMATION)),
        kind, [count, to_seed], queue=False, **QUIET,
    )  # fmt: skip
    return _Choices(model, kind, seed, count, to_seed, truncation)


def _truncation(card: ModelCard) -> float:
    """Return the truncation that the model uses by default."""
    return 1.0 if card.truncation is None else card.truncation


def _build_results() -> _Results:
    gr.Markdown("### Faces of people who do not exist")  # a label would cover the first face
    gallery = gr.Gallery(
        label="Faces", show_label=False, columns=4, height=420, format="png",
        object_fit="contain", interactive=False, buttons=["fullscreen"], elem_id="faces-gallery",
    )  # fmt: skip
    with gr.Row():
        download = gr.DownloadButton(
            _DOWNLOAD, variant="primary", interactive=False, elem_id="faces-download"
        )
        send = gr.Button("Send to Upscale", interactive=False, elem_id="faces-send")
    return _Results(gallery, download, send, gr.State([]), gr.State(0))


def _connect(choices: _Choices, panel: Panel, results: _Results, runs: Runs) -> None:
    async def work(request: gr.Request, *values: object) -> Updates:
        steps = partial(_steps, panel, results, values)
        async for update in one_run(panel, runs, request, [], steps):
            yield update

    inputs, outputs = list(vars(choices).values()), list(vars(results).values())
    connect(panel.start.click, panel, work, inputs, outputs)
    panel.stop.click(runs.stop, queue=False, **QUIET)


def _connect_sending(results: _Results, tabs: gr.Tabs, target: ImageInput, target_tab: str) -> None:
    def choose(click: Selection) -> int:
        try:
            return click.item()
        except UsageError as error:
            raise gr.Error(str(error), print_exception=False) from error

    def send(faces: list[str], chosen: int) -> tuple[str | None, Any]:
        face = faces[min(chosen, len(faces) - 1)] if faces else None
        return face, gr.Tabs(selected=target_tab)

    results.gallery.select(choose, None, results.chosen, queue=False, **QUIET)
    results.send.click(send, [results.faces, results.chosen], [target, tabs], queue=False, **QUIET)


def _request(values: tuple[Any, ...]) -> GenerateRequest:
    """Convert the values of the widgets to a request.

    Raises:
        UsageError: a seed is missing.
    """
    model, kind, seed, count, to_seed, truncation = values
    if seed is None or (kind == ANIMATION and to_seed is None):
        raise UsageError("Enter a seed: a whole number of 0 or more.")
    return GenerateRequest(
        seed=int(seed),
        count=int(count) if kind == STILL else 1,
        truncation=truncation,
        to_seed=int(to_seed) if kind == ANIMATION else None,
        model=model,
    )


async def _steps(panel: Panel, results: _Results, values: tuple[object, ...], run: Run) -> Updates:
    """Generate faces; yield the changes of the page.

    Raises:
        SrganGpError: the message for the visitor.
    """
    job_request = _request(values)
    yield {
        results.download: gr.DownloadButton(_DOWNLOAD, value=None, interactive=False),
        results.send: gr.Button(interactive=False),
    }
    async with aclosing(run.follow(job_request)) as updates:
        async for update in updates:
            if isinstance(update, Progress):
                yield {panel.status: messages.progress(update.done, update.total, "faces")}
            else:
                shown = _shown(results, update, is_animation=job_request.to_seed is not None)
                model = update.report["model"]
                yield shown | {panel.status: messages.note(f"Done by {model}.")}


def _shown(results: _Results, result: Result, *, is_animation: bool) -> Changes:
    """Show each face with its seed, or the animation."""
    files: list[Path] = list(result.parts) or [result.path]
    titles = [f"Seed {seed}" for seed in result.report["seeds"]]
    gallery = [(str(file), title) for file, title in zip(files, titles, strict=False)]
    if is_animation:
        gallery = [(str(result.path), " to ".join(titles))]
    return {
        results.gallery: gallery,
        results.faces: [] if is_animation else [str(file) for file in files],
        results.chosen: 0,
        results.send: gr.Button(interactive=not is_animation),
        results.download: gr.DownloadButton(
            f"Download {result.name}", value=str(result.path), interactive=True
        ),
    }
