"""Minimal Gradio page for the server tests."""

import gradio as gr


def build(history, settings, trainings):
    with gr.Blocks(title="tiny", analytics_enabled=False) as page:
        file = gr.File(label="file")
        text = gr.Textbox(label="text")
        file.change(lambda path: path, file, text)
    return page


def appearance():
    return {"footer_links": [], "run_history": False}
