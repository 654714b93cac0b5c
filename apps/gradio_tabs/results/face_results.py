"""Results of the tab "Faces": a gallery, its download, and buttons that upscale faces.

`gradio_tabs.faces` starts the runs whose results are shown here.
"""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from gradio_tabs.inputs.selections import Selection
from gradio_tabs.inputs.uploads import ImageInput
from gradio_tabs.model_lists import model_label
from gradio_tabs.results.page_updates import Changes
from gradio_tabs.results.panel import EVENT_OPTIONS
from srgan_gp.errors import UsageError
from srgan_gp.serving.jobs.job_requests import Result

ENLARGING_MODEL = "face-x4"
"""Name of the model that upscales the faces of the gallery."""
_DOWNLOAD = "Download"
_SEND = "Send to Upscale"

Face = tuple[str, str]
"""Path of a face's file, and its title such as `Seed 7`."""


@dataclass(frozen=True)
class FaceResults:
    """Widgets of the results, and values that Gradio keeps for each open page.

    Methods that return changes return a dict of these widgets and their new values.
    """

    gallery: gr.Gallery
    download: gr.DownloadButton
    send: gr.Button
    """Puts `selected_face` into the image field of the tab "Upscale"."""
    enlarge: gr.Button
    """Upscales all faces of the gallery."""
    faces: gr.State
    """list[Face]: the faces in the gallery; empty while it shows an animation."""
    selected_face: gr.State
    """Face | None: the face to send."""

    def disabled(self) -> Changes:
        """Return the changes that disable all buttons, for the start of a run."""
        return {
            self.download: gr.DownloadButton(_DOWNLOAD, value=None, interactive=False),
            self.send: _send_button(None),
            self.enlarge: gr.Button(interactive=False),
        }

    def showing(self, result: Result, *, is_animation: bool) -> Changes:
        """Return the changes that show each face with its seed, or the animation.

        Args:
            result: result of a `GenerateRequest`; its report has the list `seeds`.
            is_animation: whether the result is an animation instead of faces.
        """
        titles = [f"Seed {seed}" for seed in result.report["seeds"]]
        faces: list[Face] = []
        if is_animation:
            gallery = [(str(result.path), " to ".join(titles))]
        else:
            # `parts` has one file per face if there are several faces; for one face it is empty.
            files = result.parts or [result.path]
            faces = [(str(file), title) for file, title in zip(files, titles, strict=True)]
            gallery = faces
        selected = faces[0] if faces else None
        return {
            # The gallery opens no image: the title of the send button shows which face is selected.
            self.gallery: gr.Gallery(value=gallery, selected_index=None),
            self.faces: faces,
            self.selected_face: selected,
            self.send: _send_button(selected),
            self.enlarge: gr.Button(interactive=bool(faces)),
            self.download: gr.DownloadButton(_DOWNLOAD, value=str(result.path), interactive=True),
        }


def build_face_results() -> FaceResults:
    """Build the widgets of the results, at first without a face."""
    # A heading, because a label of the gallery would cover the first face.
    gr.Markdown("## Faces of people who do not exist", elem_classes="section")
    gallery = gr.Gallery(
        label="Faces", show_label=False, columns=4, height=420, format="png",
        object_fit="contain", interactive=False, buttons=["download", "fullscreen"],
        elem_id="faces-gallery",
    )  # fmt: skip
    with gr.Row(equal_height=True):
        download = gr.DownloadButton(
            _DOWNLOAD, variant="primary", interactive=False, elem_id="faces-download"
        )
        send = gr.Button(_SEND, interactive=False, elem_id="faces-send")
        enlarge = gr.Button(
            f"Enlarge all ({model_label(ENLARGING_MODEL)}, x4)",
            interactive=False,
            elem_id="faces-enlarge",
        )
    return FaceResults(gallery, download, send, enlarge, gr.State([]), gr.State(None))


def connect_sending(
    results: FaceResults, tabs: gr.Tabs, target: ImageInput, target_tab: str, model: gr.Radio
) -> None:
    """Connect a click on a face, which selects it, and the button that sends the selected face.

    Args:
        results: widgets of the results.
        tabs: tabs of the page.
        target: image field that gets the face.
        target_tab: id of the tab with `target`, which is opened.
        model: field of the models in that tab; the model for faces is selected, if it is listed.
    """
    is_listed = ENLARGING_MODEL in [value for _label, value in model.choices]

    def select(click: Selection, faces: list[Face]) -> tuple[Face | None, gr.Button]:
        # Because of its annotation, Gradio passes the data of the click as the argument `click`.
        if not faces:
            return None, _send_button(None)
        try:
            position = click.item()  # in the gallery, from 0 on
        except UsageError as error:  # no number, or a negative one: the page sent neither
            raise gr.Error(str(error), print_exception=False) from error
        # After a run, a click may still be on the earlier gallery, which may be longer.
        face = faces[min(position, len(faces) - 1)]
        return face, _send_button(face)

    def send(face: Face | None) -> tuple[Any, ...]:
        path = None if face is None else face[0]
        # A `gr.Radio` that an event returns only updates `model`. Outside of an event it would be
        # another field of the page.
        face_model = gr.Radio(value=ENLARGING_MODEL) if is_listed else gr.skip()
        return path, gr.Tabs(selected=target_tab), face_model

    results.gallery.select(
        select, results.faces, [results.selected_face, results.send], queue=False, **EVENT_OPTIONS
    )
    results.send.click(
        send, results.selected_face, [target, tabs, model], queue=False, **EVENT_OPTIONS
    )


def _send_button(face: Face | None) -> gr.Button:
    """Return the send button with the title of its face; disabled if there is no face."""
    if face is None:
        return gr.Button(_SEND, interactive=False)
    _path, title = face
    return gr.Button(f"Send {title.lower()} to Upscale", interactive=True)
