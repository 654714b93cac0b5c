"""Options as fields of a dataclass with help text and range, and as command-line options.

`config.TrainConfig` declares its fields with `option` and checks them with `require_in_range`;
`srgan-gp train` adds them to its parser with `add_options`. Imports no torch, so that `--help` is
instant.
"""

import math
from argparse import SUPPRESS, ArgumentParser, BooleanOptionalAction
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, fields
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
        text: help text; a function that returns it is called when a parser is made, for a text that
            takes time to make.
        choices: allowed values; empty: any.
        least: smallest allowed value.
        most: largest allowed value.
        above: exclusive lower limit.
        below: exclusive upper limit.
        may_change: whether a resumed run may have another value.

    Returns:
        A field whose metadata has the keys `help`, `may_change`, `choices` and `limits`.
    """
    limits = {"at least": least, "at most": most, "above": above, "below": below}
    metadata = {"help": text, "may_change": may_change, "choices": choices, "limits": limits}
    return field(default=default, metadata=metadata)


def add_options(parser: ArgumentParser, config_class: type) -> None:
    """Add an option to a parser for each field, such as `--patch-sizes` for `patch_sizes`.

    An option that the user does not set is absent from the parsed result, so that its value can
    come from a preset.

    Args:
        parser: parser of a command.
        config_class: dataclass whose fields are declared with `option`.
    """
    for option_field in fields(config_class):
        value_type = _type_of_value(option_field.type)
        default = option_field.default
        if value_type is bool:
            parsing: dict[str, Any] = {"action": BooleanOptionalAction}
        elif get_origin(option_field.type) is tuple:
            parsing = {"type": value_type, "nargs": "+"}
            default = " ".join(map(str, option_field.default))  # type: ignore[arg-type]
        else:
            parsing = {"type": value_type}
        text = option_field.metadata["help"]
        text = text() if callable(text) else text
        shown_default = f" [{default}]" if default != "" else ""
        name = "--" + option_field.name.replace("_", "-")
        parser.add_argument(name, default=SUPPRESS, help=text + shown_default, **parsing)


def _type_of_value(annotation: Any) -> Any:  # noqa: ANN401 - types have no common type
    """Return the type of a single value: int of int, of int | None and of tuple[int, ...]."""
    arguments = get_args(annotation)
    return arguments[0] if arguments else annotation


def require_in_range(name: str, value: object, metadata: Mapping[str, Any]) -> None:
    """Check one value of an option.

    Args:
        name: name of the option, for the message.
        value: value of the field, or one of the values of a tuple.
        metadata: `choices` of the field, and for numbers `limits`, as made by `option`.

    Raises:
        UsageError: the value is not allowed.
    """
    choices = metadata["choices"]
    if choices and value not in choices:
        raise UsageError(f"There is no {name} {value!r}; use {', '.join(choices)}.")
    if not isinstance(value, int | float):
        return
    limits = metadata["limits"]
    is_finite = isinstance(value, int) or math.isfinite(value)  # isfinite fails at huge integers
    is_inside = limits["at least"] <= value <= limits["at most"]
    is_strictly_inside = limits["above"] < value < limits["below"]
    if not (is_finite and is_inside and is_strictly_inside):
        stated = [f"{word} {limit}" for word, limit in limits.items() if math.isfinite(limit)]
        raise UsageError(f"{name} must be {' and '.join(stated) or 'finite'}, not {value}.")
