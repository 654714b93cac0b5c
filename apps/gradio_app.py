"""Web page of `srgan-gp app`: `build` returns the Gradio page that the server mounts.

The server loads this file by its path, in a checkout and in an installed package. The tabs are in
`gradio_tabs`.
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))  # for `gradio_tabs`

import gradio as gr
from gradio_tabs.appearance import appearance
from gradio_tabs.batch import build_batch_tab
from gradio_tabs.compare import build_compare_tab
from gradio_tabs.faces import build_faces_tab
from gradio_tabs.finetune import build_finetune_tab
from gradio_tabs.invalid_values import refuse_invalid_values
from gradio_tabs.model_lists import ModelLists
from gradio_tabs.runs import Runs
from gradio_tabs.upscale import build_upscale_tab

from srgan_gp.inference.devices import allows_int8
from srgan_gp.serving.finetuning.training_process import FineTunings
from srgan_gp.serving.results.job_history import JobHistory
from srgan_gp.serving.server_settings import ServerSettings

__all__ = ["appearance", "build"]

_UPSCALE = "upscale"
_HEADLINE = "# Upscale your photos"


def build(
    history: JobHistory, settings: ServerSettings, trainings: FineTunings | None
) -> gr.Blocks:
    """Build the page; it is mounted with the arguments of `appearance`.

    Args:
        history: runs and keeps the jobs.
        settings: settings of the server.
        trainings: training runs of visitors; None: they may not train.

    Raises:
        ModelRefusedError: a model card is not valid.
    """
    service = history.service
    upscalers = {card.name: card for card in service.upscaling_models()}
    faces = {card.name: card for card in service.face_models()}
    has_fast_mode = allows_int8(settings.device)
    runs_of_tabs: list[Runs] = []

    def runs(tab: str) -> Runs:
        runs_of_tabs.append(Runs(history, tab))
        return runs_of_tabs[-1]

    def forget_page(request: gr.Request) -> None:
        for runs_of_tab in runs_of_tabs:
            runs_of_tab.forget(request)

    with gr.Blocks(title="srgan-gp", analytics_enabled=False) as page:
        gr.Markdown(_HEADLINE, elem_id="headline", elem_classes="headline")
        with gr.Tabs() as tabs:
            with gr.Tab("Upscale", id=_UPSCALE):
                image, options = build_upscale_tab(
                    runs("upscale"), upscalers, settings.model, has_fast_mode=has_fast_mode
                )
            with gr.Tab("Compare"):
                compared = build_compare_tab(runs("compare"), upscalers)
            with gr.Tab("Batch"):
                of_batch = build_batch_tab(
                    runs("batch"), upscalers, settings.model, settings.max_files,
                    has_fast_mode=has_fast_mode,
                )  # fmt: skip
            if faces:
                with gr.Tab("Faces"):
                    build_faces_tab(runs("faces"), faces, tabs, image, _UPSCALE)
            if trainings is not None:
                lists = ModelLists(service, upscalers, options.model, compared, of_batch)
                with gr.Tab("Fine-tune"):
                    build_finetune_tab(page, trainings, lists, tabs, _UPSCALE)
        gr.Markdown("", elem_id="history")  # a script fills it
        gr.Markdown(privacy(settings), elem_classes="quiet")
        page.unload(forget_page)
    refuse_invalid_values(page)
    return page


def privacy(settings: ServerSettings) -> str:
    """Return the privacy notice about uploaded images."""
    minutes = round(settings.keep_seconds / 60)
    training = "no model is trained on them"
    if settings.allow_finetune:
        training += " unless you start fine-tuning; that model stays here for all visitors"
    return (
        "Your images are processed on this server only. They and the results are deleted at most "
        f"{minutes} min after the job has ended. Nobody else can see them, and {training}."
    )
