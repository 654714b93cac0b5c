"""Widgets of the upscaling options, the same on the tabs "Upscale" and "Batch".

`build_options` builds them, and `upscale_request` converts their values to a request. A model may
have an `x2_model`, which the page uses instead of it for scales up to 2, and a partner, a model
whose results are closer to the input. The fidelity is the share of the partner when the weights of
both are averaged; a look is a name for a fidelity.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from gradio_tabs.inputs.uploads import Upload
from gradio_tabs.model_lists import model_choices
from gradio_tabs.model_texts import CUSTOM_WIDTH, EXACT, FAST, cards_of_size, describe, speed_info
from gradio_tabs.results.panel import EVENT_OPTIONS
from srgan_gp.errors import UsageError
from srgan_gp.images import FORMATS
from srgan_gp.models.cards import LOOKS, ModelCard
from srgan_gp.models.helper_networks import FACE_DETECTOR
from srgan_gp.serving.jobs.job_requests import UpscaleRequest

OWN_FORMAT = "Same as the image"
"""Choice of the field "File format": the result has the format of the input."""
AUTOMATIC = "Automatic"
"""Choice of the field "Tile": the server chooses the side of a tile."""
_SCALES = (2, 3, 4)  # offered with every model
_TILE_SIDES = (128, 256, 512)
"""Sides of a tile to choose from, in input pixels. A larger tile takes more memory; a smaller one
takes more time, because more of the image is in the overlap of tiles."""
_FORMATS_WITH_QUALITY = tuple(name for name, row in FORMATS.items() if row.has_quality)


@dataclass(frozen=True)
class Options:
    """The widgets. Their order is that of the values that `upscale_request` takes."""

    model: gr.Radio
    scale: gr.Radio
    width: gr.Number
    fidelity: gr.Slider
    speed: gr.Radio
    format: gr.Dropdown
    quality: gr.Slider
    keeps_metadata: gr.Checkbox
    tile: gr.Dropdown
    faces: gr.Slider

    @property
    def widgets(self) -> list[Any]:
        """All widgets, as inputs of an event."""
        return list(vars(self).values())


def build_options(
    cards: dict[str, ModelCard], default: str, id_prefix: str, *, has_fast_mode: bool
) -> Options:
    """Build the widgets and connect those that depend on each other.

    Args:
        cards: cards of the upscaling models, by name.
        default: name of the preselected model.
        id_prefix: beginning of the HTML ids of the widgets, which differ between the tabs.
        has_fast_mode: whether the device of the server can run models in int8, the fast mode.
    """
    card = cards[default]
    model = gr.Radio(
        model_choices(cards, [default]), value=default, label="Model", elem_id=f"{id_prefix}-model",
        elem_classes="model-cards",
    )  # fmt: skip
    about = gr.Markdown(describe(card), elem_classes=["quiet", "model-about"], latex_delimiters=[])
    scale, width = _build_scale_options(card, id_prefix)
    look, fidelity, speed, format, quality, keeps_metadata, tile = _build_more_options(
        card, has_fast_mode
    )
    faces = gr.Slider(
        0, 1, value=0, step=0.1, label="Faces", visible=FACE_DETECTOR.installed() is not None,
        info="How much a model for faces changes small faces in a photo; 0 is off.",
    )  # fmt: skip
    options = Options(
        model, scale, width, fidelity, speed, format, quality, keeps_metadata, tile, faces
    )
    _connect(options, about, look, cards, has_fast_mode)
    return options


def _build_scale_options(card: ModelCard, id_prefix: str) -> tuple[gr.Radio, gr.Number]:
    """Build the fields of the scale and of the width, which is hidden at first."""
    scale = gr.Radio(
        _scale_choices(card), value=f"x{card.scale}", label="Size", elem_id=f"{id_prefix}-scale"
    )  # fmt: skip
    width = gr.Number(
        1920, label="Width of the result", precision=0, visible=False,  # 1920: Full HD
        elem_id=f"{id_prefix}-width",
    )  # fmt: skip
    return scale, width


def _scale_choices(card: ModelCard) -> list[str]:
    """Return the sizes to choose from: `_SCALES`, the scale of the model, and a custom width."""
    scales = sorted({*_SCALES, card.scale or 1})
    return [*(f"x{scale}" for scale in scales), CUSTOM_WIDTH]


def look_of(fidelity: float) -> str | None:
    """Return the look with exactly this fidelity, such as `crisp` for 0; None: there is none."""
    for look, value in LOOKS.items():
        if value == fidelity:
            return look
    return None


def _build_more_options(
    card: ModelCard, has_fast_mode: bool
) -> tuple[gr.Radio, gr.Slider, gr.Radio, gr.Dropdown, gr.Slider, gr.Checkbox, gr.Dropdown]:
    """Build the widgets of "More options": the look, and those of `Options` from `fidelity` on.

    Returns:
        look, fidelity, speed, format, quality, keeps_metadata, tile.
    """
    has_partner = card.fidelity_partner is not None
    with gr.Accordion("More options", open=False):
        look = gr.Radio(
            list(reversed(LOOKS)), value=look_of(0), label="Look", visible=has_partner,
            info="crisp: with generated texture. faithful: closest to the input, softer.",
        )  # fmt: skip
        fidelity = gr.Slider(
            0, 1, value=0, step=0.05, label="Fidelity", visible=has_partner,
            info="The look as a number: 0 is crisp, 1 is faithful.",
        )  # fmt: skip
        speed = gr.Radio(
            [EXACT, FAST], value=EXACT, label="Speed", info=speed_info(card),
            visible=has_fast_mode and card.int8 is not None,
        )  # fmt: skip
        format = gr.Dropdown(
            [OWN_FORMAT, *FORMATS], value=OWN_FORMAT, label="File format", filterable=False
        )
        # 95 is the quality of a request without a quality, too.
        quality = gr.Slider(1, 100, value=95, step=1, label="Quality", visible=False)
        keeps_metadata = gr.Checkbox(
            False, label="Keep metadata",
            info="Place, time and camera, if the image has them.",
        )  # fmt: skip
        tile = gr.Dropdown(
            [AUTOMATIC, *(str(side) for side in _TILE_SIDES)], value=AUTOMATIC, label="Tile",
            info="Limits the memory. The result does not depend on it.", filterable=False,
        )  # fmt: skip
    return look, fidelity, speed, format, quality, keeps_metadata, tile


def _connect(
    options: Options,
    about: gr.Markdown,
    look: gr.Radio,
    cards: dict[str, ModelCard],
    has_fast_mode: bool,
) -> None:
    """Connect the events of widgets on which others depend.

    Args:
        options: the widgets.
        about: text about the selected model.
        look: names of fidelities, which sets the slider of the fidelity.
        cards: cards of the upscaling models, by name.
        has_fast_mode: whether the device of the server can run models in int8.
    """
    # Without Gradio's queue, these updates do not wait for a run.
    unqueued: dict[str, Any] = {"queue": False, **EVENT_OPTIONS}

    def fit_to_model(name: str) -> tuple[Any, ...]:
        card = _card(cards, name)
        has_partner = card.fidelity_partner is not None
        # A hidden slider must not change the result. Its change also sets the look, see below.
        fidelity = gr.Slider(visible=True) if has_partner else gr.Slider(value=0, visible=False)
        looks = gr.Radio(visible=has_partner)
        has_speeds = has_fast_mode and card.int8 is not None
        speed = gr.Radio(value=EXACT, visible=has_speeds, info=speed_info(card))
        scales = gr.Radio(_scale_choices(card), value=f"x{card.scale}")
        return describe(card), fidelity, looks, scales, speed

    # `change`, because the event `input` does not occur when another tab selects the model.
    options.model.change(
        fit_to_model,
        options.model,
        [about, options.fidelity, look, options.scale, options.speed],
        **unqueued,
    )
    # `input`, because `look_of` changes the look to None where no look has the fidelity.
    look.input(LOOKS.get, look, options.fidelity, **unqueued)
    options.fidelity.change(look_of, options.fidelity, look, **unqueued)

    def fit_to_size(scale: str, name: str) -> tuple[Any, ...]:
        used = cards_of_size(cards, _card(cards, name), scale)
        width = gr.Number(visible=scale == CUSTOM_WIDTH)
        return width, describe(*used), gr.Radio(info=speed_info(*used))

    options.scale.change(
        fit_to_size,
        [options.scale, options.model],
        [options.width, about, options.speed],
        **unqueued,
    )
    options.format.input(
        lambda name: gr.Slider(visible=name in _FORMATS_WITH_QUALITY),
        options.format, options.quality, **unqueued,
    )  # fmt: skip


def upscale_request(upload: Upload, values: Sequence[Any]) -> UpscaleRequest:
    """Convert the values of the widgets to a request.

    Args:
        upload: the image.
        values: values of `Options.widgets`, in their order.

    Raises:
        UsageError: the visitor chose to enter a width, and entered none.
    """
    model, scale, width, fidelity, speed, format, quality, keeps_metadata, tile, faces = values
    has_width = scale == CUSTOM_WIDTH
    if has_width and width is None:
        raise UsageError("Enter the width of the result in pixels.")
    return UpscaleRequest(
        data=upload.path,
        name=upload.name,
        model=model,
        model_by_scale=True,  # for scales up to 2, the server may use the `x2_model` of `model`
        fidelity=fidelity or None,  # 0 would load the partner too, without using it
        precision="int8" if speed == FAST else "auto",
        faces=faces or None,  # 0 is off
        scale=None if has_width else float(scale.removeprefix("x")),
        width=int(width) if has_width else None,
        format=None if format == OWN_FORMAT else format,
        quality=int(quality) if format in _FORMATS_WITH_QUALITY else None,
        strip_metadata=not keeps_metadata,
        tile="auto" if tile == AUTOMATIC else int(tile),
    )


def _card(cards: dict[str, ModelCard], name: str) -> ModelCard:
    """Return the card of a model.

    Raises:
        UsageError: there is no such model.
    """
    if name not in cards:
        raise UsageError(f"There is no model {name!r}; choose one of {', '.join(cards)}.")
    return cards[name]
