"""Position of a click on an image or a gallery, validated.

Validation is needed because any program can send an event with any data to the server.
"""

from collections.abc import Sequence
from math import isfinite
from typing import Any, cast

import gradio as gr

from srgan_gp.errors import UsageError

_INVALID = "The click has no position on the page. Reload it and try again."


class Selection(gr.EventData):
    """Event data of a click. An event function gets it as the argument annotated with this class.

    Gradio's own `SelectData` raises other exceptions for data that the page does not send.
    """

    def _index(self) -> object:
        """Return the item `index` of the event data; None: there is none."""
        data: object = self._data
        if not isinstance(data, dict):
            return None
        return cast(dict[str, Any], data).get("index")

    def pixel(self) -> tuple[float, float]:
        """Return x (column) and y (row) of a click on an image, in pixels of the image.

        Raises:
            UsageError: the data is not a pair of finite numbers.
        """
        index = self._index()
        if not isinstance(index, Sequence):
            raise UsageError(_INVALID)
        position = cast(Sequence[object], index)
        if len(position) != 2:
            raise UsageError(_INVALID)
        x, y = position
        return _number(x), _number(y)

    def item(self) -> int:
        """Return the position of a clicked item in a gallery; 0 is the first.

        The position may be beyond the end of the gallery, whose length is not known here: the
        caller checks it. A negative position would count from the end, and is refused.

        Raises:
            UsageError: the data is not a finite number of 0 or more; the page sends no such data.
        """
        number = _number(self._index())
        if number < 0:
            raise UsageError(_INVALID)
        return int(number)


def _number(value: object) -> float:
    """Return a value unchanged if it is a finite number.

    Raises:
        UsageError: the value is not a finite number.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UsageError(_INVALID)
    try:
        is_usable = isfinite(value)
    except OverflowError:  # an integer beyond the largest float
        is_usable = False
    if not is_usable:
        raise UsageError(_INVALID)
    return value
