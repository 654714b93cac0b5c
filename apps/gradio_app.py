"""The page of `srgan-gp app`: tabs over one service; the server mounts what `build` gives.

This file is loaded by its path, in a checkout as in an installed package.
"""

import sys
from functools import partial
from pathlib import Path

sys.path.append(str(Path(__file__).parent))  # the tabs lie beside this file

import gradio as gr
from gradio_tabs.appearance import appearance
from gradio_tabs.batch import build_batch_tab
from gradio_tabs.compare import build_compare_tab
from gradio_tabs.faces import build_faces_tab
from gradio_tabs.finetune import build_finetune_tab, list_again
from gradio_tabs.odd_values import refuse_odd_values
from gradio_tabs.panel import QUIET
from gradio_tabs.runs import Runs
from gradio_tabs.upscale import build_upscale_tab

from srgan_gp.serving.jobs.service import Service
from srgan_gp.serving.server_settings import ServerSettings

__all__ = ["appearance", "build"]

_UPSCALE = "upscale"
_HEADLINE = """# Enlarge your photos
Drop a picture, see before and after, download the exact file."""


def build(service: Service, settings: ServerSettings) -> gr.Blocks:
    """Make the page; mount it with the arguments of `appearance` as well.

    Args:
        service: does the work.
        settings: of the server.

    Raises:
        ModelRefusedError: a model card is not as it should be.
    """
    upscalers = {card.name: card for card in service.upscalers()}
    faces = {card.name: card for card in service.face_models()}
    every_tab: list[Runs] = []

    def runs() -> Runs:
        every_tab.append(Runs(service))
        return every_tab[-1]

    def leave(request: gr.Request) -> None:
        for runs_of_tab in every_tab:
            runs_of_tab.forget(request)

    with gr.Blocks(title="srgan-gp", analytics_enabled=False) as page:
        gr.Markdown(_HEADLINE, elem_classes="headline")
        gr.Markdown(privacy(settings), elem_classes="quiet")
        with gr.Tabs() as tabs:
            with gr.Tab("Upscale", id=_UPSCALE):
                picture, options = build_upscale_tab(runs(), upscalers, settings.model)
            with gr.Tab("Compare"):
                build_compare_tab(runs(), upscalers)
            with gr.Tab("Batch"):
                build_batch_tab(runs(), upscalers, settings.model, settings.max_files)
            if faces:
                with gr.Tab("Faces"):
                    build_faces_tab(runs(), faces, tabs, picture, _UPSCALE)
            if settings.allow_finetune:
                with gr.Tab("Fine-tune"):
                    build_finetune_tab(service, upscalers, tabs, options.model, _UPSCALE)
                page.load(partial(list_again, service, upscalers), None, options.model, **QUIET)
        page.unload(leave)
    refuse_odd_values(page)
    return page


def privacy(settings: ServerSettings) -> str:
    """Say what happens to uploaded pictures."""
    minutes = round(settings.keep_seconds / 60)
    learning = "nothing is learnt from them"
    if settings.allow_finetune:
        learning += ", unless you start a fine-tuning, whose model stays here for everybody"
    return (
        "Your pictures are worked on by this server alone and are deleted, with the results, "
        f"{minutes} min after the work is done at the latest. "
        f"Nobody else can see them, and {learning}."
    )
