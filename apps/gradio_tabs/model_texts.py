"""Texts about the selected model: of the upscaling options, and of the tab for faces."""

from gradio_tabs.messages import escaped
from srgan_gp.models.cards import ModelCard

EXACT, FAST = "Exact", "Fast"
"""Choices of the field "Speed": the model as it is, or its int8 network."""
CUSTOM_WIDTH = "Width"
"""Choice of the field "Size" with which the visitor enters the width of the result."""


def describe(*cards: ModelCard) -> str:
    """Return the summaries and the licences of the models that may run, as HTML.

    Args:
        cards: the card of a face model; or the result of `cards_of_size`: one card, or two.
    """
    uses = ("Used up to x2. ", "Used above x2. ") if len(cards) == 2 else ("",)
    return "".join(
        f"<p>{use}{escaped(card.summary)} Licence: {escaped(card.licence)}.</p>"
        for use, card in zip(uses, cards, strict=True)
    )


def cards_of_size(cards: dict[str, ModelCard], card: ModelCard, size: str) -> list[ModelCard]:
    """Return the cards of the models that may upscale to a size.

    Args:
        cards: cards of the upscaling models, by name.
        card: card of the selected model, which may name another one for scales up to 2.
        size: choice of the field "Size": a scale such as `x2`, or `CUSTOM_WIDTH`.

    Returns:
        One card; or two for `CUSTOM_WIDTH` if the selected model names another one: first the model
        for scales up to 2, then the model for larger scales. Which of them is used is not known
        yet: the scale follows from the width of the image, which the server reads only in a job.
    """
    x2_card = cards.get(card.x2_model or "", card)
    if size == CUSTOM_WIDTH and x2_card is not card:
        return [x2_card, card]
    return [x2_card if size in ("x1", "x2") else card]  # `x2_model` is for scales up to 2


def speed_info(*cards: ModelCard) -> str:
    """Return the text about the fast mode, int8; empty: none of the models has one.

    Args:
        cards: the result of `cards_of_size`.
    """
    differences = sorted({round(card.int8.mean_difference, 1) for card in cards if card.int8})
    if not differences:
        return ""
    levels = " to ".join(f"{difference:.1f}" for difference in differences)
    return (
        f"{FAST}: less time on most CPUs; differs by {levels} of 255 brightness levels on average. "
        "Not with fidelity above 0."
    )
