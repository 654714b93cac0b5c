"""Clicks on an image or a gallery, checked: a program can send any data as an event."""

from collections.abc import Sequence
from math import isfinite
from typing import Any, cast

import gradio as gr

from srgan_gp.errors import UsageError

_INVALID = "The click has no position on the page. Reload it and try again."


class Selection(gr.EventData):
    """Event data of a click; Gradio's own class fails on data that the page does not send."""

    def _index(self) -> object:
        data: object = self._data
        return cast(dict[str, Any], data).get("index") if isinstance(data, dict) else None

    def pixel(self) -> tuple[float, float]:
        """Return column and row of a click on an image.

        Raises:
            UsageError: the data has no finite position.
        """
        index = self._index()
        if not isinstance(index, Sequence) or len(cast(Sequence[object], index)) != 2:
            raise UsageError(_INVALID)
        x, y = cast(Sequence[object], index)
        return _number(x), _number(y)

    def item(self) -> int:
        """Return the position of a clicked item in a gallery.

        Raises:
            UsageError: the data has no position.
        """
        number = _number(self._index())
        if number < 0:
            raise UsageError(_INVALID)
        return int(number)


def _number(value: object) -> float:
    """Check one number.

    Raises:
        UsageError: it is not a finite number.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise UsageError(_INVALID)
    return value
