"""`Work`: model and options of a run, and how those of an earlier result differ."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Literal


def work_key(model_sha256: str, **options: object) -> str:
    """Return a hash of everything that determines a result, apart from the input.

    Args:
        model_sha256: SHA-256 of the model.
        options: scale, format, quality and the like; numbers, texts, booleans, None.

    >>> work_key("ab", scale=4, quality=None) == work_key("ab", quality=None, scale=4.0)
    True
    """
    values = {
        name: float(value) if type(value) is int else value for name, value in options.items()
    }
    text = json.dumps([model_sha256, values], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Work:
    """Everything that determines a result, apart from the input."""

    key: str
    """The `work_key`."""
    model: str
    """Name of the model."""
    model_sha256: str
    options: str
    """The options of the `work_key`, as JSON."""


@dataclass(frozen=True)
class Change:
    """Difference between an existing result and the one that a run would write."""

    kind: Literal["model version", "other"]
    """`model version`: only the version of the model differs."""
    text: str
    """What is known about the existing file, as the end of a sentence."""


def describe_change(key: str | None, made: Work | None, now: Work | None) -> Change:
    """Say why an existing file is not the result that this run would write.

    The caller knows that it is not: with an equal key, the input or the file itself has changed.

    Args:
        key: key of the existing result; None: the journal does not know the file.
        made: its work; None: the journal is of an earlier version of this package.
        now: work of this run; None: it is not known yet.
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
    names = sorted(name for name in made.keys() | now.keys() if made.get(name) != now.get(name))
    return ", ".join(
        f"{name} {_text(made.get(name))}, now {_text(now.get(name))}" for name in names
    )


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
