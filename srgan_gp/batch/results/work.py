"""`Work`: model and options of a run, and how those of an earlier result differ.

The journal of an output folder keeps the `Work` of each result. A result is up to date if its
`work_key`, a hash of model and options, is that of the run.
"""

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Literal


def work_key(model_sha256: str, **options: object) -> str:
    """Return a hash of everything that determines a result, apart from the input.

    Args:
        model_sha256: SHA-256 of the model file, in hexadecimal digits.
        options: scale, format, quality and the like, as values that JSON has.

    >>> work_key("ab", scale=4, quality=None) == work_key("ab", quality=None, scale=4.0)
    True
    """
    values = dict(options)
    for name, value in options.items():
        if type(value) is int:  # 4 and 4.0 give the same key; `bool` stays as it is
            values[name] = float(value)
    text = json.dumps([model_sha256, values], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Work:
    """Everything that determines a result, apart from the input. A row of the journal.

    The fields have the order of the columns.
    """

    key: str
    """The `work_key`."""
    model: str
    """Name of the model."""
    model_sha256: str
    """SHA-256 of the model file, in hexadecimal digits."""
    options: str
    """The options of the `work_key`, as a JSON object."""


@dataclass(frozen=True)
class Change:
    """Difference between an existing result and the one that a run would write."""

    kind: Literal["model version", "other"]
    """`model version`: only the version of the model differs."""
    text: str
    """The difference, as the end of a sentence that begins with the path of the existing file."""


def describe_change(key: str | None, made: Work | None, now: Work | None) -> Change:
    """Return why an existing file is not the result that this run would write.

    Called only if the file is not up to date: if its key is that of this run, the input or the file
    itself has changed.

    Args:
        key: `work_key` of the existing result; None: the journal has no row about the file.
        made: work of the existing result; None: it was not recorded, since an earlier version of
            this package wrote the row.
        now: work of this run; None: unknown.
    """
    if key is None:
        return Change("other", "is not in the journal of the folder")
    if now is not None and key == now.key:
        return Change("other", "was made from another image, or has been changed since")
    if made is None or now is None:
        return Change("other", "was made with other options or another version of the model")
    if made.model != now.model:
        return Change("other", f"was made by {made.model}")
    options = _changed_options(json.loads(made.options), json.loads(now.options))
    if options:
        return Change("other", f"was made with other options ({options})")
    return Change("model version", f"was made by an earlier version of {now.model}")


def _changed_options(made: dict[str, Any], now: dict[str, Any]) -> str:
    """Return the options that differ, such as `scale 2, now 4`; "" if none does."""
    parts: list[str] = []
    for name in sorted(made.keys() | now.keys()):
        old_value, new_value = made.get(name), now.get(name)
        if old_value != new_value:
            parts.append(f"{name} {_value_text(old_value)}, now {_value_text(new_value)}")
    return ", ".join(parts)


def _value_text(value: object) -> str:
    """Format the value of an option; a whole number has no decimal point."""
    return f"{value:g}" if isinstance(value, float) else str(value)
