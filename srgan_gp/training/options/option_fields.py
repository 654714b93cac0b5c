"""Options as dataclass fields with help text and range, and as command-line options.

Imports no torch, so that `srgan-gp train --help` stays instant.
"""

import math
from argparse import SUPPRESS, ArgumentParser, BooleanOptionalAction
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, fields
from types import NoneType
from typing import Any, get_args, get_origin

from srgan_gp.errors import UsageError


def option(
    default: Any,  # noqa: ANN401 - any field type
    text: str | Callable[[], str],
    *,
    choices: Sequence[str] = (),
    least: float = -math.inf,
    most: float = math.inf,
    above: float = -math.inf,
    below: float = math.inf,
    may_change: bool = False,
) -> Any:  # noqa: ANN401
    """Declare a field with its default, help text and range.

    Args:
        default: default value of the field.
        text: help text; a function, for a text made from a registry, is called when help is shown.
        choices: allowed values; empty: any.
        least: smallest allowed value.
        most: largest allowed value.
        above: exclusive lower limit.
        below: exclusive upper limit.
        may_change: whether a resumed run may have another value.
    """
    limits = {"at least": least, "at most": most, "above": above, "below": below}
    about = {"help": text, "may_change": may_change, "choices": choices, "limits": limits}
    return field(default=default, metadata=about)


def add_options(parser: ArgumentParser, config_class: type) -> None:
    """Add one option per field; an unset option is absent from the result, not its default."""
    for f in fields(config_class):
        name = "--" + f.name.replace("_", "-")
        # [int] of int, of int | None and of tuple[int, ...].
        kinds = [t for t in get_args(f.type) or (f.type,) if t not in (NoneType, Ellipsis)]
        how: dict[str, Any] = {"type": kinds[0]}
        default = f.default
        if kinds == [bool]:
            how = {"action": BooleanOptionalAction}
        elif get_origin(f.type) is tuple:
            how |= {"nargs": "+"}
            default = " ".join(map(str, f.default))  # type: ignore[arg-type]
        text = f.metadata["help"]
        text = text() if callable(text) else text
        shown = f" [{default}]" if default != "" else ""
        parser.add_argument(name, default=SUPPRESS, help=text + shown, **how)


def require_in_range(name: str, value: object, about: Mapping[str, Any]) -> None:
    """Check one value of an option.

    Args:
        name: name of the option, for the message.
        value: value of the field, or one of the values of a tuple.
        about: metadata of the field.

    Raises:
        UsageError: the value is not allowed.
    """
    if about["choices"] and value not in about["choices"]:
        raise UsageError(f"There is no {name} {value!r}; use {', '.join(about['choices'])}.")
    if not isinstance(value, int | float):
        return
    limits = about["limits"]
    is_inside = limits["at least"] <= value <= limits["at most"]
    is_finite = isinstance(value, int) or math.isfinite(value)  # isfinite fails at huge integers
    if not (is_finite and is_inside and limits["above"] < value < limits["below"]):
        stated = [f"{word} {limit}" for word, limit in limits.items() if math.isfinite(limit)]
        raise UsageError(f"{name} must be {' and '.join(stated) or 'finite'}, not {value}.")
