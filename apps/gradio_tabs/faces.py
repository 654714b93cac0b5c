"""The tab that draws faces of people who do not exist, and the way from one to another."""

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
from gradio_tabs.uploads import PictureInput
from srgan_gp.errors import UsageError
from srgan_gp.models.cards import ModelCard
from srgan_gp.serving.jobs.job_requests import GenerateRequest, Result

STILL, FILM = "Faces", "From one face to another"
MOST_FACES = 36
_DOWNLOAD = "Download"


@dataclass(frozen=True)
class _Choices:
    """What to draw, in the order in which an event passes the values on."""

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
    drawn: gr.State
    """Paths of the faces in the gallery."""
    chosen: gr.State
    """Which of them was clicked last."""


def build_faces_tab(
    runs: Runs, cards: dict[str, ModelCard], tabs: gr.Tabs, target: PictureInput, target_tab: str
) -> None:
    """Make the tab.

    Args:
        runs: of this tab.
        cards: of the models that draw faces, by name; at least one.
        tabs: of the page.
        target: gets a face to be enlarged.
        target_tab: id of the tab that it is on.
    """
    with gr.Row():
        with gr.Column(scale=2, min_width=320):
            choices = _build_choices(cards)
            panel = build_panel("Draw", "faces")
        with gr.Column(scale=3, min_width=320):
            results = _build_results()
    _connect(choices, panel, results, runs)
    _connect_sending(results, tabs, target, target_tab)


def _build_choices(cards: dict[str, ModelCard]) -> _Choices:
    card = next(iter(cards.values()))
    model = gr.Dropdown(list(cards), value=card.name, label="Model", filterable=False)
    about = gr.Markdown(describe(card), elem_classes="quiet", latex_delimiters=[])
    model.change(lambda name: describe(cards[name]), model, about, queue=False, **QUIET)
    kind = gr.Radio([STILL, FILM], value=STILL, label="What to draw")
    seed = gr.Number(
        0, label="Seed", precision=0, info="The same seed is the same face.", elem_id="faces-seed"
    )
    count = gr.Slider(1, MOST_FACES, value=8, step=1, label="How many, from this seed on")
    to_seed = gr.Number(1, label="Seed of the other face", precision=0, visible=False)
    truncation = gr.Slider(
        0, 1.5, value=0.8, step=0.05, label="Truncation",
        info="Below 1 faces become more usual and more alike.",
    )  # fmt: skip
    kind.change(
        lambda kind: (gr.Slider(visible=kind == STILL), gr.Number(visible=kind == FILM)),
        kind, [count, to_seed], queue=False, **QUIET,
    )  # fmt: skip
    return _Choices(model, kind, seed, count, to_seed, truncation)


def _build_results() -> _Results:
    gr.Markdown("### Faces of people who do not exist")  # a label would lie over the first one
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


def _connect_sending(
    results: _Results, tabs: gr.Tabs, target: PictureInput, target_tab: str
) -> None:
    def choose(event: gr.SelectData) -> int:
        return event.index

    def send(drawn: list[str], chosen: int) -> tuple[str | None, Any]:
        face = drawn[min(chosen, len(drawn) - 1)] if drawn else None
        return face, gr.Tabs(selected=target_tab)

    results.gallery.select(choose, None, results.chosen, queue=False, **QUIET)
    results.send.click(send, [results.drawn, results.chosen], [target, tabs], queue=False, **QUIET)


def _request(values: tuple[Any, ...]) -> GenerateRequest:
    """Turn the values of the widgets into a request.

    Raises:
        UsageError: a seed is missing.
    """
    model, kind, seed, count, to_seed, truncation = values
    if seed is None or (kind == FILM and to_seed is None):
        raise UsageError("A seed is a whole number of 0 or more.")
    return GenerateRequest(
        seed=int(seed),
        count=int(count) if kind == STILL else 1,
        truncation=truncation,
        to_seed=int(to_seed) if kind == FILM else None,
        model=model,
    )


async def _steps(panel: Panel, results: _Results, values: tuple[object, ...], run: Run) -> Updates:
    """Draw faces; gives what changes on the page.

    Raises:
        SrganGpError: the sentence for the visitor.
    """
    wanted = _request(values)
    yield {
        results.download: gr.DownloadButton(_DOWNLOAD, value=None, interactive=False),
        results.send: gr.Button(interactive=False),
    }
    async with aclosing(run.follow(wanted)) as all_news:
        async for news in all_news:
            if isinstance(news, Progress):
                yield {panel.status: messages.progress(news.done, news.total, "faces")}
            else:
                drawn = _shown(results, news, is_film=wanted.to_seed is not None)
                yield drawn | {panel.status: messages.note(f"Done by {news.report['model']}.")}


def _shown(results: _Results, result: Result, *, is_film: bool) -> Changes:
    """Show what was drawn: each face by its seed, or the animation."""
    files: list[Path] = list(result.parts) or [result.path]
    titles = [f"Seed {seed}" for seed in result.report["seeds"]]
    gallery = [(str(file), title) for file, title in zip(files, titles, strict=False)]
    if is_film:
        gallery = [(str(result.path), " to ".join(titles))]
    return {
        results.gallery: gallery,
        results.drawn: [] if is_film else [str(file) for file in files],
        results.chosen: 0,
        results.send: gr.Button(interactive=not is_film),
        results.download: gr.DownloadButton(
            f"Download {result.name}", value=str(result.path), interactive=True
        ),
    }
