"""Texts about a model beside the fields of its options."""

from gradio_tabs.messages import escaped
from srgan_gp.models.cards import ModelCard

EXACT, FAST = "Exact", "Fast"
"""Values of the speed: the precision of the model, or int8."""


def describe(card: ModelCard) -> str:
    """Return the summary and the licence of a model, as HTML."""
    return f"<p>{escaped(card.summary)} Licence: {escaped(card.licence)}.</p>"


def model_of_size(cards: dict[str, ModelCard], card: ModelCard, size: str) -> ModelCard:
    """Return the card of the model that upscales to a size.

    Args:
        cards: cards of the upscaling models, by name.
        card: card of the selected model, which may name another one for scales up to 2.
        size: such as `x2`; a text without a scale is for the selected model.
    """
    return cards.get(card.x2_model or "", card) if size in ("x1", "x2") else card


def speed_info(card: ModelCard) -> str:
    """Return the text about the fast mode of a model; empty: the model has none."""
    if card.int8 is None:
        return ""
    return (
        f"{FAST}: less time on most CPUs; differs by {card.int8.mean_difference:.1f} of 255 "
        "brightness levels on average. Not with fidelity above 0."
    )
