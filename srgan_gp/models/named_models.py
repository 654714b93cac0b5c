"""Models that the card of another model names: its fidelity partner, and a model for small scales.

The fidelity partner is a model of the same network with other weights; the option `fidelity`, 0 to
1, is the share of the partner in an average of the two models.
"""

from srgan_gp.errors import ModelRefusedError, UsageError
from srgan_gp.models.cards import UPSCALING
from srgan_gp.models.catalog import (
    ModelFile,
    describe_file,
    find_model,
    find_named,
    list_models,
)
from srgan_gp.system.paths import is_file


def find_partner(model: ModelFile, option: str = "fidelity") -> ModelFile:
    """Find the fidelity partner that the card of a model names.

    If the model is a file outside of the model folders, its partner is first searched beside it.
    Otherwise the partner is searched by its name in the model folders.

    Args:
        model: the model.
        option: option that needs the partner, for messages: `fidelity`, or `look natural`. A look
            is a name for a value of `fidelity`.

    Returns:
        The partner.

    Raises:
        UsageError: the model has no card, or its card names no partner.
        ModelRefusedError: the partner is missing, its card is not valid, or its network differs.
    """
    if model.card is None or model.card.fidelity_partner is None:
        usable = list_models(on_refused=lambda _: None)
        with_partner = ", ".join(card.name for card in usable if card.fidelity_partner)
        problem = "does not work with"
        if with_partner:
            problem = f"works only with {with_partner}, not with"
        raise UsageError(
            f"The {option} {problem} {model.path.stem}. Leave it out, or choose another model."
        )
    name, partner_name = model.card.name, model.card.fidelity_partner
    card_beside = model.path.with_name(f"{partner_name}.toml")
    if not model.is_installed and is_file(card_beside):
        partner = describe_file(card_beside.with_suffix(".onnx"))
    else:
        partner = find_named(partner_name)
    if partner is None:
        raise ModelRefusedError(
            f"The fidelity partner of {name}, {partner_name!r}, needed for the {option}, is "
            f"missing; copy its .onnx and .toml to {model.path.parent}."
        )
    for key in ("task", "architecture", "scale"):
        own, other = getattr(model.card, key), getattr(partner.card, key)
        if own != other:
            raise ModelRefusedError(
                f"The fidelity partner of {name}, {partner_name!r}, has another network: {key} "
                f"{other!r} instead of {own!r}."
            )
    return partner


def model_for_scale(
    model: str, scale: float, fidelity: float | None = None
) -> tuple[str, str | None]:
    """Choose the model for a scale: the requested model, or its `x2_model` for small scales.

    A network of scale 4 computes sixteen pixels for each pixel of the input. For a result of scale
    2 or less, a network of scale 2 is closer to the original; the card of the requested model may
    name such a model as `x2_model`.

    Args:
        model: name or path of the requested model.
        scale: scale of the result.
        fidelity: share of the fidelity partner, 0 to 1; None: the model is used alone.

    Returns:
        The model to load, and a sentence for the user: which of the two models is used, or why the
        `x2_model` is not. None in its place if there is no `x2_model`, or the scale is above 2.

    Raises:
        ModelRefusedError: there is no such model, or a card is not valid.
    """
    card = find_model(model, UPSCALING).card
    if card is None or card.x2_model is None or scale > 2:
        return model, None
    scale_text = f"x{scale:.3g}"
    x2_model = find_named(card.x2_model)  # None: it is not installed
    if x2_model is None or x2_model.card is None or x2_model.card.task != UPSCALING:
        note = f"{card.x2_model}, which {card.name} names for {scale_text}, is not installed."
        return model, note
    if fidelity is not None and x2_model.card.fidelity_partner is None:
        note = (
            f"{x2_model.name} has no look and no fidelity, so {card.name} is used for {scale_text}."
        )
        return model, note
    made_for = "this scale" if scale == x2_model.card.scale else "scales up to 2"
    note = (
        f"For {scale_text} the model {x2_model.name} is used, made for {made_for} "
        f"(-n {card.name} keeps {card.name})."
    )
    return x2_model.name, note
