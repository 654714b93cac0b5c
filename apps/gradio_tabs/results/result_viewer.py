"""Place of an image viewer in a tab; `static/app.js` fills it with the results of jobs."""

import gradio as gr


def build_viewer(name: str) -> gr.Markdown:
    """Build the place of an image viewer; return the hidden links from which a script fills it.

    The script is `static/app.js`.

    Args:
        name: prefix of the element ids.

    Returns:
        Hidden widget for the links to the jobs to show, whose value is from `messages.job_links`.
    """
    gr.Markdown(
        "The result appears here, beside the original.", elem_id=f"{name}-viewer",
        elem_classes=["viewer-place", "quiet"],
    )  # fmt: skip
    return gr.Markdown("", elem_id=f"{name}-shown", elem_classes="signal", latex_delimiters=[])
