"""The widgets for what is done with a picture, the same on every tab that enlarges one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from gradio_tabs.messages import plain
from gradio_tabs.panel import QUIET
from gradio_tabs.uploads import Upload
from srgan_gp.errors import UsageError
from srgan_gp.images import FORMATS
from srgan_gp.models.cards import ModelCard
from srgan_gp.serving.jobs.job_requests import UpscaleRequest

OWN_FORMAT = "Same as the picture"
CUSTOM_WIDTH = "Width"
AUTOMATIC = "Automatic"
_SCALES = (2, 3, 4)
_TILES = (128, 256, 512)
_WITH_QUALITY = tuple(name for name, row in FORMATS.items() if row.has_quality)


@dataclass(frozen=True)
class Options:
    """Widgets, in the order in which an event passes their values on."""

    model: gr.Dropdown
    scale: gr.Radio
    width: gr.Number
    fidelity: gr.Slider
    format: gr.Dropdown
    quality: gr.Slider
    keeps_metadata: gr.Checkbox
    tile: gr.Dropdown

    @property
    def widgets(self) -> list[Any]:
        """All of them; their values are what `upscale_request` takes."""
        return list(vars(self).values())


def build_options(cards: dict[str, ModelCard], default: str) -> Options:
    """Make the widgets, and let them show only what makes sense.

    Args:
        cards: of the models that enlarge pictures, by name.
        default: name of the model chosen at first.
    """
    card = cards[default]
    with gr.Row():
        with gr.Column(min_width=280):
            model = gr.Dropdown(list(cards), value=default, label="Model", filterable=False)
            about = gr.Markdown(describe(card), elem_classes="quiet", latex_delimiters=[])
        with gr.Column(min_width=280):
            scale, width, fidelity = _build_amounts(card)
        with gr.Column(min_width=280):
            format, quality, keeps_metadata, tile = _build_file_options()
    options = Options(model, scale, width, fidelity, format, quality, keeps_metadata, tile)
    _connect(options, about, cards)
    return options


def _build_amounts(card: ModelCard) -> tuple[gr.Radio, gr.Number, gr.Slider]:
    """Make the widgets for how much larger a picture becomes, and how."""
    scale = gr.Radio(
        [*(f"x{scale}" for scale in _SCALES), CUSTOM_WIDTH],
        value=f"x{card.scale}", label="Enlargement",
    )  # fmt: skip
    width = gr.Number(1920, label="Width of the result", precision=0, visible=False)
    fidelity = gr.Slider(
        0, 1, value=0, step=0.05, label="Fidelity", visible=card.fidelity_partner is not None,
        info="0: sharp, with texture that looks right. 1: only what the pixels prove, softer.",
    )  # fmt: skip
    return scale, width, fidelity


def _build_file_options() -> tuple[gr.Dropdown, gr.Slider, gr.Checkbox, gr.Dropdown]:
    """Make the widgets for what a result is stored as, and for experts."""
    with gr.Accordion("File format and metadata", open=False):
        format = gr.Dropdown(
            [OWN_FORMAT, *FORMATS], value=OWN_FORMAT, label="File format", filterable=False
        )
        quality = gr.Slider(1, 100, value=95, step=1, label="Quality", visible=False)
        keeps_metadata = gr.Checkbox(
            False, label="Keep metadata",
            info="Place, time and camera, where the picture holds them.",
        )  # fmt: skip
    with gr.Accordion("Advanced", open=False):
        tile = gr.Dropdown(
            [AUTOMATIC, *(str(side) for side in _TILES)], value=AUTOMATIC, label="Tile",
            info="Bounds the memory. The result does not depend on it.", filterable=False,
        )  # fmt: skip
        gr.Markdown("Precision: float32.", elem_classes="quiet")
    return format, quality, keeps_metadata, tile


def _connect(options: Options, about: gr.Markdown, cards: dict[str, ModelCard]) -> None:
    """Show and hide what depends on another choice."""
    quick: dict[str, Any] = {"queue": False, **QUIET}

    def choose_model(name: str) -> tuple[Any, Any, Any]:
        card = _card(cards, name)
        partner = card.fidelity_partner is not None
        # One that cannot be seen must ask for nothing.
        fidelity = gr.Slider(visible=partner) if partner else gr.Slider(value=0, visible=False)
        return describe(card), fidelity, gr.Radio(value=f"x{card.scale}")

    # Not `input`: another tab may choose the model.
    options.model.change(
        choose_model, options.model, [about, options.fidelity, options.scale], **quick
    )
    options.scale.change(
        lambda scale: gr.Number(visible=scale == CUSTOM_WIDTH),
        options.scale, options.width, **quick,
    )  # fmt: skip
    options.format.input(
        lambda name: gr.Slider(visible=name in _WITH_QUALITY),
        options.format, options.quality, **quick,
    )  # fmt: skip


def describe(card: ModelCard) -> str:
    """Say what a model is for and what may be done with it, as Markdown."""
    return f"<p>{plain(card.summary)} Licence: {plain(card.licence)}.</p>"


def upscale_request(upload: Upload, values: Sequence[Any]) -> UpscaleRequest:
    """Turn the values of the widgets into a request.

    Args:
        upload: the picture.
        values: of `Options.widgets`.

    Raises:
        UsageError: a width is missing.
    """
    model, scale, width, fidelity, format, quality, keeps_metadata, tile = values
    is_wide = scale == CUSTOM_WIDTH
    if is_wide and width is None:
        raise UsageError("Say how many pixels wide the result shall be.")
    return UpscaleRequest(
        data=upload.path,
        name=upload.name,
        model=model,
        fidelity=fidelity or None,
        scale=None if is_wide else float(scale.removeprefix("x")),
        width=int(width) if is_wide else None,
        format=None if format == OWN_FORMAT else format,
        quality=int(quality) if format in _WITH_QUALITY else None,
        strip_metadata=not keeps_metadata,
        tile="auto" if tile == AUTOMATIC else int(tile),
    )


def _card(cards: dict[str, ModelCard], name: str) -> ModelCard:
    """Find a card.

    Raises:
        UsageError: it is none of those on offer.
    """
    if name not in cards:
        raise UsageError(f"There is no model {name!r}; choose one of {', '.join(cards)}.")
    return cards[name]
