"""Models that a card names: `find_partner` for its fidelity, `model_for_scale` for small scales."""

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

    The partner of a model that is not installed is searched in the folder of the model first.

    Args:
        model: the model.
        option: what needs the partner, for messages: `fidelity`, or a look such as `look natural`.

    Raises:
        UsageError: the model has no card, or its card names no partner.
        ModelRefusedError: the partner is missing, its card is not valid, or its network differs.
    """
    if model.card is None or model.card.fidelity_partner is None:
        usable = list_models(on_refused=lambda _: None)
        having = ", ".join(card.name for card in usable if card.fidelity_partner)
        works = f"works only with {having}, not with" if having else "does not work with"
        raise UsageError(
            f"The {option} {works} {model.path.stem}. Leave it out, or choose another model."
        )
    name, partner = model.card.name, model.card.fidelity_partner
    beside = model.path.with_name(f"{partner}.toml")
    if not model.is_installed and is_file(beside):
        found = describe_file(beside.with_suffix(".onnx"))
    else:
        found = find_named(partner)
    if found is None:
        raise ModelRefusedError(
            f"The fidelity partner of {name}, {partner!r}, needed for the {option}, is missing; "
            f"copy its .onnx and .toml to {model.path.parent}."
        )
    for key in ("task", "architecture", "scale"):
        own, other = getattr(model.card, key), getattr(found.card, key)
        if own != other:
            raise ModelRefusedError(
                f"The fidelity partner of {name}, {partner!r}, has another network: {key} "
                f"{other!r} instead of {own!r}."
            )
    return found


def model_for_scale(
    model: str, scale: float, fidelity: float | None = None
) -> tuple[str, str | None]:
    """Return the model that a request uses, and why, where it is not the named one.

    A network of scale 4 computes sixteen pixels for each of the input. For a result of scale 2 or
    less, another network of scale 2 is closer to the original; the card of the first names it.

    Args:
        model: name or path of the requested model.
        scale: scale of the result.
        fidelity: weight of the fidelity partner; None is the model as it is.

    Returns:
        The model to load; and a sentence for the user, or None where it is `model`.

    Raises:
        ModelRefusedError: there is no such model, or a card is not valid.
    """
    card = find_model(model, UPSCALING).card
    if card is None or card.x2_model is None or scale > 2:
        return model, None
    found = find_named(card.x2_model)
    if found is None or found.card is None or found.card.task != UPSCALING:
        return (
            model,
            f"{card.x2_model}, which {card.name} names for x{scale:.3g}, is not installed.",
        )
    if fidelity is not None and found.card.fidelity_partner is None:
        return (
            model,
            f"{found.name} has no look and no fidelity, so {card.name} is used for x{scale:.3g}.",
        )
    return found.name, f"{found.name} is used for x{scale:.3g}, as {card.name} names it."
