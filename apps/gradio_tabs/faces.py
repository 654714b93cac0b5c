"""Tab "Faces": generates faces from seeds, or an animation from one face to another.

One press of a start button is a run. Its `Run` submits jobs to the server; an async generator
yields the changes of the page, dicts of widgets and their new values, which `panel.execute_run`
sends to the browser. `panel.EVENT_OPTIONS` are arguments of every Gradio event of the page. The
results are shown by `gradio_tabs.results.face_results`.
"""

import secrets
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from gradio_tabs import messages
from gradio_tabs.inputs.uploads import ImageInput, Upload
from gradio_tabs.model_texts import describe
from gradio_tabs.results.face_results import (
    ENLARGING_MODEL,
    Face,
    FaceResults,
    build_face_results,
    connect_sending,
)
from gradio_tabs.results.page_updates import Updates
from gradio_tabs.results.panel import EVENT_OPTIONS, Panel, build_panel, connect, execute_run
from gradio_tabs.results.runs import Runs
from gradio_tabs.results.tab_run import Progress, Run
from srgan_gp.errors import UsageError
from srgan_gp.models.cards import ModelCard
from srgan_gp.serving.jobs.generating import MAX_SEED
from srgan_gp.serving.jobs.job_requests import GenerateRequest, UpscaleRequest

STILL, ANIMATION = "Faces", "From one face to another"
"""Choices of the field "Output"."""
MAX_FACES = 36
"""Faces that the page offers to generate at a time: nine rows of its gallery. More take longer and
are harder to look through; the API allows `generating.MAX_FACES`, 64."""


@dataclass(frozen=True)
class _Options:
    """Widgets of the options. Their order is that of the values that `_request` takes."""

    model: gr.Dropdown
    kind: gr.Radio
    seed: gr.Number
    count: gr.Slider
    to_seed: gr.Number
    truncation: gr.Slider


def build_faces_tab(
    runs: Runs,
    cards: dict[str, ModelCard],
    tabs: gr.Tabs,
    target: ImageInput,
    target_tab: str,
    target_model: gr.Radio,
) -> None:
    """Build the tab.

    Args:
        runs: runs of this tab.
        cards: cards of the face models, by name; at least one.
        tabs: tabs of the page.
        target: image field that a face to upscale is sent to.
        target_tab: id of the tab with `target`.
        target_model: field of the models in that tab.
    """
    with gr.Row():
        with gr.Column(scale=2, min_width=320):
            options = _build_options(cards)
            panel = build_panel("Generate", "faces")
        with gr.Column(scale=3, min_width=320):
            results = build_face_results()
    _connect_runs(options, panel, results, runs)
    connect_sending(results, tabs, target, target_tab, target_model)


def _build_options(cards: dict[str, ModelCard]) -> _Options:
    """Build the widgets of the options, and connect those that depend on each other."""
    card = next(iter(cards.values()))
    model = gr.Dropdown(list(cards), value=card.name, label="Model", filterable=False)
    about = gr.Markdown(describe(card), elem_classes="quiet", latex_delimiters=[])
    model.change(lambda name: describe(cards[name]), model, about, queue=False, **EVENT_OPTIONS)
    kind = gr.Radio([STILL, ANIMATION], value=STILL, label="Output")
    seed = gr.Number(
        0,
        label="Seed",
        info="The same seed gives the same face.",
        elem_id="faces-seed",
    )
    randomise = gr.Button("Randomise", size="sm", elem_id="faces-randomise")
    randomise.click(lambda: secrets.randbelow(MAX_SEED), None, seed, queue=False, **EVENT_OPTIONS)
    count = gr.Slider(1, MAX_FACES, value=8, step=1, label="Number of faces, from this seed on")
    to_seed = gr.Number(1, label="Seed of the other face", visible=False)
    truncation = gr.Slider(
        # The further above 1, the less do latents resemble those that the model was trained with.
        0, 1.5, value=_truncation(card), step=0.05, label="Truncation",
        info="Below 1, faces are more usual and less diverse.",
    )  # fmt: skip
    model.change(
        lambda name: _truncation(cards[name]), model, truncation, queue=False, **EVENT_OPTIONS
    )
    kind.change(
        lambda kind: (gr.Slider(visible=kind == STILL), gr.Number(visible=kind == ANIMATION)),
        kind, [count, to_seed], queue=False, **EVENT_OPTIONS,
    )  # fmt: skip
    return _Options(model, kind, seed, count, to_seed, truncation)


def _truncation(card: ModelCard) -> float:
    """Return the truncation that the model uses by default; 1 leaves the latent vectors as is."""
    return 1.0 if card.truncation is None else card.truncation


def _connect_runs(options: _Options, panel: Panel, results: FaceResults, runs: Runs) -> None:
    """Connect the buttons that start and stop runs."""

    async def generate(request: gr.Request, *values: object) -> Updates:
        steps = partial(_generate_faces, panel, results, values)  # called with the run
        async for update in execute_run(panel, runs, request, kept_uploads=[], steps=steps):
            yield update

    async def enlarge(request: gr.Request, faces: list[Face]) -> Updates:
        uploads = [Upload(Path(path), f"{title}.png") for path, title in faces]
        steps = partial(_enlarge_faces, panel, uploads)  # called with the run
        async for update in execute_run(panel, runs, request, kept_uploads=uploads, steps=steps):
            yield update

    inputs, outputs = list(vars(options).values()), list(vars(results).values())
    connect(panel.start.click, panel, generate, inputs, outputs)
    # No outputs besides the panel: `static/history.js` shows the results at the foot of the page.
    connect(results.enlarge.click, panel, enlarge, [results.faces], [])
    panel.stop.click(runs.stop, queue=False, **EVENT_OPTIONS)


async def _enlarge_faces(panel: Panel, faces: list[Upload], run: Run) -> Updates:
    """Upscale each face; yield the changes of the page.

    The results appear in the list "Your results" at the foot of the page. A click on one opens a
    viewer, which shows the tiles that `needs_viewer_tiles` requests.

    Raises:
        SrganGpError: a job failed; its message is shown to the visitor.
    """
    for number, face in enumerate(faces):
        yield {panel.status: messages.progress(number, len(faces), "faces enlarged")}
        job_request = UpscaleRequest(
            face.path, face.name, model=ENLARGING_MODEL, needs_viewer_tiles=True
        )
        async with aclosing(run.follow(job_request)) as updates:
            async for _ in updates:
                pass  # wait for the end of the job
    yield {panel.status: messages.note(f"{len(faces)} faces enlarged: see Your results below.")}


def _request(values: tuple[Any, ...]) -> GenerateRequest:
    """Convert the values of the widgets of `_Options`, in their order, to a request.

    Raises:
        UsageError: a seed is missing, or not a whole number. Negative seeds are refused later, when
            the request is submitted.
    """
    model, kind, seed, count, to_seed, truncation = values
    seeds = [seed, to_seed] if kind == ANIMATION else [seed]
    for value in seeds:
        if not isinstance(value, int | float):
            raise UsageError("Enter a seed: a whole number of 0 or more.")
        if value % 1 != 0:  # also true for infinity and NaN
            raise UsageError(f"A seed must be a whole number of 0 or more, not {value}.")
    return GenerateRequest(
        seed=int(seed),
        count=int(count) if kind == STILL else 1,  # `to_seed` makes an animation of one face
        truncation=truncation,
        to_seed=int(to_seed) if kind == ANIMATION else None,
        model=model,
    )


async def _generate_faces(
    panel: Panel, results: FaceResults, values: tuple[object, ...], run: Run
) -> Updates:
    """Generate faces or an animation; yield the changes of the page.

    Args:
        panel: panel of the tab.
        results: widgets of the results.
        values: values of the widgets of `_Options`, in their order.
        run: submits the job.

    Raises:
        UsageError: a value is missing or invalid.
        SrganGpError: the job failed; its message is shown to the visitor.
    """
    job_request = _request(values)
    yield results.disabled()  # the buttons of earlier results
    async with aclosing(run.follow(job_request)) as updates:
        async for update in updates:
            if isinstance(update, Progress):
                yield {panel.status: messages.job(update, "Generating")}
            else:  # the result, which is the last update
                is_animation = job_request.to_seed is not None
                changes = results.showing(update, is_animation=is_animation)
                model = update.report["model"]
                yield changes | {panel.status: messages.note(f"Done by {model}.")}
