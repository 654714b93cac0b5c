"""Web page of `srgan-gp app`: `build` returns the Gradio page that the server mounts.

`serving.http.gradio_page` loads this file by its path, in a checkout and in an installed package.
The tabs are in `gradio_tabs`, the scripts of the page in `static`.
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
from gradio_tabs.inputs.invalid_values import refuse_invalid_values
from gradio_tabs.model_lists import ModelLists
from gradio_tabs.results.runs import Runs
from gradio_tabs.upscale import build_upscale_tab

from srgan_gp.inference.devices import allows_int8
from srgan_gp.serving.finetuning.training_process import VisitorTrainings
from srgan_gp.serving.results.job_history import JobHistory
from srgan_gp.serving.server_settings import ServerSettings

__all__ = ["appearance", "build"]

_UPSCALE_TAB_ID = "upscale"
_HEADLINE = "# Upscale your photos"


def build(
    history: JobHistory, settings: ServerSettings, trainings: VisitorTrainings | None
) -> gr.Blocks:
    """Build the page; the server mounts it with the arguments that `appearance` returns.

    Args:
        history: submits the jobs of all visitors to the service and keeps their results.
        settings: settings of the server.
        trainings: training runs of visitors; None: they may not train.

    Returns:
        The page, with all tabs and their events.

    Raises:
        ModelRefusedError: a model card is not valid.
    """
    service = history.service
    upscaling_cards = {card.name: card for card in service.upscaling_models()}
    face_cards = {card.name: card for card in service.face_models()}
    has_fast_mode = allows_int8(settings.device)
    # Each submits the jobs that a tab starts.
    runs = {tab: Runs(history, tab) for tab in ("upscale", "compare", "batch", "faces")}

    def drop_page_data(request: gr.Request) -> None:
        for runs_of_tab in runs.values():
            runs_of_tab.drop_page_data(request)

    with gr.Blocks(title="srgan-gp", analytics_enabled=False) as page:
        gr.Markdown(_HEADLINE, elem_id="headline", elem_classes="headline")
        with gr.Tabs() as tabs:
            with gr.Tab("Upscale", id=_UPSCALE_TAB_ID):
                image_field, upscale_options = build_upscale_tab(
                    runs["upscale"], upscaling_cards, settings.model, has_fast_mode=has_fast_mode
                )
            with gr.Tab("Compare"):
                compare_models = build_compare_tab(runs["compare"], upscaling_cards)
            with gr.Tab("Batch"):
                batch_model = build_batch_tab(
                    runs["batch"], upscaling_cards, settings.model, settings.max_files,
                    has_fast_mode=has_fast_mode,
                )  # fmt: skip
            if face_cards:
                with gr.Tab("Faces"):
                    build_faces_tab(
                        runs["faces"], face_cards, tabs, image_field, _UPSCALE_TAB_ID,
                        upscale_options.model,
                    )  # fmt: skip
            if trainings is not None:
                lists = ModelLists(
                    service, upscaling_cards, upscale_options.model, compare_models, batch_model
                )
                with gr.Tab("Fine-tune"):
                    build_finetune_tab(page, trainings, lists, tabs, _UPSCALE_TAB_ID)
        gr.Markdown("", elem_id="history")  # `static/history.js` lists the visitor's jobs in it
        gr.Markdown(privacy_notice(settings), elem_classes="quiet")
        page.unload(drop_page_data)  # when a visitor closes or reloads the page
    refuse_invalid_values(page)
    return page


def privacy_notice(settings: ServerSettings) -> str:
    """Return the privacy notice about uploaded images, as Markdown for the foot of the page."""
    minutes = round(settings.keep_seconds / 60)
    training = "no model is trained on them"
    if settings.allow_finetune:
        training += " unless you start fine-tuning; that model stays here for all visitors"
    return (
        "Your images are processed on this server only. They and the results are deleted at most "
        f"{minutes} min and 30 s after the job has ended. Nobody else can see them, and {training}."
    )
