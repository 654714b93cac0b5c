"""The tab that draws faces of people who do not exist, and the way from one to another."""

from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from gradio_tabs import messages
from gradio_tabs.options import describe
from gradio_tabs.panel import QUIET, Panel, Updates, build_buttons, build_status, connect, guarded
from gradio_tabs.runs import Progress, Runs, visitor_of
from gradio_tabs.uploads import PictureInput
from srgan_gp.cards import ModelCard
from srgan_gp.errors import UsageError
from srgan_gp.serving.requests import GenerateRequest, Result

STILL, FILM = "Faces", "From one face to another"
MOST_FACES = 36
_DOWNLOAD = "Download"


@dataclass(frozen=True)
class _Widgets:
    model: gr.Dropdown
    kind: gr.Radio
    seed: gr.Number
    count: gr.Slider
    to_seed: gr.Number
    truncation: gr.Slider
    panel: Panel
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
        runs: the jobs of this tab.
        cards: of the models that draw faces, by name; at least one.
        tabs: of the page.
        target: gets a face to be enlarged.
        target_tab: id of the tab that it is on.
    """
    with gr.Row():
        with gr.Column(scale=2, min_width=320):
            model = gr.Dropdown(
                list(cards), value=next(iter(cards)), label="Model", filterable=False
            )
            gr.Markdown(describe(next(iter(cards.values()))), elem_classes="quiet")
            kind = gr.Radio([STILL, FILM], value=STILL, label="What to draw")
            seed = gr.Number(
                0, label="Seed", precision=0, minimum=0, info="The same seed is the same face.",
                elem_id="faces-seed",
            )  # fmt: skip
            count = gr.Slider(1, MOST_FACES, value=8, step=1, label="How many, from this seed on")
            to_seed = gr.Number(
                1, label="Seed of the other face", precision=0, minimum=0, visible=False
            )
            truncation = gr.Slider(
                0, 1.5, value=0.8, step=0.05, label="Truncation",
                info="Below 1 faces become more usual and more alike.",
            )  # fmt: skip
            start, stop = build_buttons("Draw", "faces", runs)
        with gr.Column(scale=3, min_width=320):
            gallery = gr.Gallery(
                label="Faces of people who do not exist", columns=4, height=420, format="png",
                object_fit="contain", interactive=False, buttons=["fullscreen"],
                elem_id="faces-gallery",
            )  # fmt: skip
            status = build_status("faces")
            with gr.Row():
                download = gr.DownloadButton(
                    _DOWNLOAD, variant="primary", interactive=False, elem_id="faces-download"
                )
                send = gr.Button("Send to Upscale", interactive=False, elem_id="faces-send")
    widgets = _Widgets(
        model, kind, seed, count, to_seed, truncation, Panel(start, stop, status), gallery,
        download, send, gr.State([]), gr.State(0),
    )  # fmt: skip
    _connect(widgets, runs)
    _connect_sending(widgets, tabs, target, target_tab)


def _connect(widgets: _Widgets, runs: Runs) -> None:
    async def work(request: gr.Request, *values: object) -> Updates:
        steps = _steps(widgets, runs, visitor_of(request), values)
        async for update in guarded(widgets.panel, steps):
            yield update

    inputs = [widgets.model, widgets.kind, widgets.seed, widgets.count, widgets.to_seed,
              widgets.truncation]  # fmt: skip
    outputs = [widgets.gallery, widgets.download, widgets.send, widgets.drawn, widgets.chosen]
    connect(widgets.panel, [widgets.panel.start.click], work, inputs, outputs)
    widgets.kind.change(
        lambda kind: (gr.Slider(visible=kind == STILL), gr.Number(visible=kind == FILM)),
        widgets.kind, [widgets.count, widgets.to_seed], queue=False, **QUIET,
    )  # fmt: skip


def _connect_sending(
    widgets: _Widgets, tabs: gr.Tabs, target: PictureInput, target_tab: str
) -> None:
    def choose(event: gr.SelectData) -> int:
        return event.index

    def send(drawn: list[str], chosen: int) -> tuple[str | None, Any]:
        face = drawn[min(chosen, len(drawn) - 1)] if drawn else None
        return face, gr.Tabs(selected=target_tab)

    widgets.gallery.select(choose, None, widgets.chosen, queue=False, **QUIET)
    widgets.send.click(send, [widgets.drawn, widgets.chosen], [target, tabs], queue=False, **QUIET)


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


async def _steps(
    widgets: _Widgets, runs: Runs, visitor: str, values: tuple[object, ...]
) -> Updates:
    """Draw faces; gives what changes on the page.

    Raises:
        SrganGpError: the sentence for the visitor.
    """
    wanted = _request(values)
    yield {
        widgets.download: gr.DownloadButton(_DOWNLOAD, value=None, interactive=False),
        widgets.send: gr.Button(interactive=False),
    }
    async with aclosing(runs.follow(visitor, wanted)) as all_news:
        async for news in all_news:
            if isinstance(news, Progress):
                yield {widgets.panel.status: messages.progress(news.done, news.total, "faces")}
            else:
                yield _shown(widgets, news, is_film=wanted.to_seed is not None)


def _shown(widgets: _Widgets, result: Result, *, is_film: bool) -> dict[Any, Any]:
    """Show what was drawn: each face by its seed, or the film."""
    files: list[Path] = list(result.parts) or [result.path]
    titles = [f"Seed {seed}" for seed in result.report["seeds"]]
    gallery = [(str(file), title) for file, title in zip(files, titles, strict=False)]
    if is_film:
        gallery = [(str(result.path), " to ".join(titles))]
    return {
        widgets.gallery: gallery,
        widgets.drawn: [] if is_film else [str(file) for file in files],
        widgets.chosen: 0,
        widgets.send: gr.Button(interactive=not is_film),
        widgets.download: gr.DownloadButton(
            f"Download {result.name}", value=str(result.path), interactive=True
        ),
        widgets.panel.status: messages.note(f"Done by {result.report['model']}."),
    }
