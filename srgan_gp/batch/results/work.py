"""`Work`: model and options of a run, by which the journal recognises results.

The journal of an output folder keeps the `Work` of each result. A result is up to date if its
`work_key`, a hash of model and options, is that of the run; `work_changes` describes a difference.
"""

import hashlib
import json
from dataclasses import dataclass


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
    """A JSON object: the options of the `work_key`, and others that only messages use."""
