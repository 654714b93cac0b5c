"""Tab that generates faces, and animations from one face to another."""

import secrets
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
from gradio_tabs.uploads import ImageInput, Upload
from srgan_gp.errors import UsageError
from srgan_gp.models.cards import ModelCard
from srgan_gp.serving.jobs.generating import MAX_SEED
from srgan_gp.serving.jobs.job_requests import GenerateRequest, Result, UpscaleRequest

STILL, ANIMATION = "Faces", "From one face to another"
MAX_FACES = 36
"""Faces that the page offers to generate at a time; the API allows more."""
_DOWNLOAD = "Download"
_SEND = "Send to Upscale"
_ENLARGER = "face-x4"

Face = tuple[str, str]
"""Path and title of a face."""


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
    enlarge: gr.Button
    faces: gr.State
    """(path, title) of each face in the gallery."""
    chosen: gr.State
    """(path, title) of the face to send; None: there is none."""


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
    randomise = gr.Button("Randomise", size="sm", elem_id="faces-randomise")
    randomise.click(lambda: secrets.randbelow(MAX_SEED), None, seed, queue=False, **QUIET)
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
    # A label would cover the first face.
    gr.Markdown("## Faces of people who do not exist", elem_classes="section")
    gallery = gr.Gallery(
        label="Faces", show_label=False, columns=4, height=420, format="png",
        object_fit="contain", interactive=False, buttons=["download", "fullscreen"],
        elem_id="faces-gallery",
    )  # fmt: skip
    with gr.Row():
        download = gr.DownloadButton(
            _DOWNLOAD, variant="primary", interactive=False, elem_id="faces-download"
        )
        send = gr.Button(_SEND, interactive=False, elem_id="faces-send")
        enlarge = gr.Button(
            f"Enlarge all with {_ENLARGER}", interactive=False, elem_id="faces-enlarge"
        )
    return _Results(gallery, download, send, enlarge, gr.State([]), gr.State(None))


def _connect(choices: _Choices, panel: Panel, results: _Results, runs: Runs) -> None:
    async def work(request: gr.Request, *values: object) -> Updates:
        steps = partial(_steps, panel, results, values)
        async for update in one_run(panel, runs, request, [], steps):
            yield update

    async def enlarge(request: gr.Request, faces: list[Face]) -> Updates:
        uploads = [Upload(Path(path), f"{title}.png") for path, title in faces]
        steps = partial(_enlarge, panel, uploads)
        async for update in one_run(panel, runs, request, uploads, steps):
            yield update

    inputs, outputs = list(vars(choices).values()), list(vars(results).values())
    connect(panel.start.click, panel, work, inputs, outputs)
    connect(results.enlarge.click, panel, enlarge, [results.faces], [])
    panel.stop.click(runs.stop, queue=False, **QUIET)


def _connect_sending(results: _Results, tabs: gr.Tabs, target: ImageInput, target_tab: str) -> None:
    def choose(click: Selection, faces: list[Face]) -> tuple[Face | None, Any]:
        try:
            # A position beyond the end is that of an earlier, longer gallery, or of a program.
            face = faces[min(click.item(), len(faces) - 1)] if faces else None
        except UsageError as error:
            raise gr.Error(str(error), print_exception=False) from error
        return face, _send_button(face)

    def send(chosen: Face | None) -> tuple[str | None, Any]:
        return chosen and chosen[0], gr.Tabs(selected=target_tab)

    results.gallery.select(
        choose, results.faces, [results.chosen, results.send], queue=False, **QUIET
    )
    results.send.click(send, results.chosen, [target, tabs], queue=False, **QUIET)


def _send_button(face: Face | None) -> gr.Button:
    """Return the button with the face that it sends."""
    label = f"Send {face[1].lower()} to Upscale" if face else _SEND
    return gr.Button(label, interactive=face is not None)


async def _enlarge(panel: Panel, faces: list[Upload], run: Run) -> Updates:
    """Upscale each face; the results are in the history of the visitor.

    Raises:
        SrganGpError: the message for the visitor.
    """
    for number, face in enumerate(faces):
        yield {panel.status: messages.progress(number, len(faces), "faces enlarged")}
        job_request = UpscaleRequest(face.path, face.name, model=_ENLARGER, wants_view=True)
        async with aclosing(run.follow(job_request)) as updates:
            async for _ in updates:
                pass
    yield {panel.status: messages.note(f"{len(faces)} faces enlarged: see Your results below.")}


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
        results.send: _send_button(None),
        results.enlarge: gr.Button(interactive=False),
    }
    async with aclosing(run.follow(job_request)) as updates:
        async for update in updates:
            if isinstance(update, Progress):
                yield {panel.status: messages.job(update, "Generating")}
            else:
                shown = _shown(results, update, is_animation=job_request.to_seed is not None)
                model = update.report["model"]
                yield shown | {panel.status: messages.note(f"Done by {model}.")}


def _shown(results: _Results, result: Result, *, is_animation: bool) -> Changes:
    """Show each face with its seed, or the animation."""
    titles = [f"Seed {seed}" for seed in result.report["seeds"]]
    faces: list[Face] = []
    gallery = [(str(result.path), " to ".join(titles))]
    if not is_animation:
        files = result.parts or [result.path]  # of one face there are no parts
        gallery = faces = [(str(file), title) for file, title in zip(files, titles, strict=True)]
    chosen = faces[0] if faces else None
    return {
        # Nothing is selected: the button names the face that it sends, until another is clicked.
        results.gallery: gr.Gallery(value=gallery, selected_index=None),
        results.faces: faces,
        results.chosen: chosen,
        results.send: _send_button(chosen),
        results.enlarge: gr.Button(interactive=bool(faces)),
        results.download: gr.DownloadButton(
            f"Download {result.name}", value=str(result.path), interactive=True
        ),
    }
