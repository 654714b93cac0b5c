"""Place of an image viewer in a tab; `static/app.js` fills it with the results of jobs."""

import gradio as gr


def build_viewer(name: str) -> gr.Markdown:
    """Build the place of an image viewer; return the hidden widget that says which jobs it shows.

    Args:
        name: prefix of the element ids.

    Returns:
        Widget for the result of `messages.job_links`: links to the jobs to show. `static/app.js`
        reads it, and its class `signal` hides it.
    """
    gr.Markdown(
        "The result appears here, beside the original.", elem_id=f"{name}-viewer",
        elem_classes=["viewer-place", "quiet"],
    )  # fmt: skip
    return gr.Markdown("", elem_id=f"{name}-shown", elem_classes="signal", latex_delimiters=[])
