"""Looks: names of fidelities, for the command line, the Python API and the HTTP API.

The fidelity, 0 to 1, is the share of a second model, the fidelity partner, in an average of two
models.
"""

from pathlib import Path
from typing import cast

from srgan_gp.errors import UsageError
from srgan_gp.models.cards import LOOKS, UPSCALING
from srgan_gp.models.catalog import find_model
from srgan_gp.models.named_models import find_partner


def check_look(look: str, fidelity: float | None) -> None:
    """Check that a look is known, and that no fidelity is passed as well.

    Args:
        look: name in `cards.LOOKS`.
        fidelity: the fidelity that the user passed; None: none.

    Raises:
        UsageError: the look is unknown, or both are passed.
        TypeError: the look is not a string.
    """
    # `cast`: callers of the Python API may pass any type, whatever the annotation says.
    if not isinstance(cast("object", look), str):
        raise TypeError(f"look must be a text, got {look!r}")
    if look not in LOOKS:
        raise UsageError(f"There is no look {look!r}; known: {', '.join(LOOKS)}.")
    if fidelity is not None:
        raise UsageError("A look is a name for a fidelity; pass one of them, not both.")


def fidelity_of_look(look: str, fidelity: float | None, model: str | Path) -> float:
    """Return the fidelity that a look names.

    Args:
        look: as for `check_look`, in upper or lower case.
        fidelity: as for `check_look`.
        model: name or path, as for `catalog.find_model`; it must have a fidelity partner.

    Raises:
        UsageError: as for `check_look`; or the model has no fidelity partner.
        ModelRefusedError: the model is unknown, or its partner is missing or does not fit.
        TypeError: the look is not a string.
    """
    look = look.lower() if isinstance(cast("object", look), str) else look
    check_look(look, fidelity)
    # Raises UsageError if there is no partner; its message names the look.
    find_partner(find_model(model, UPSCALING), f"look {look}")
    return LOOKS[look]
