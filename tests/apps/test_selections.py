"""Event data of clicks, which a program can send with any content."""

import importlib
import math

import pytest

from srgan_gp.errors import UsageError


@pytest.fixture
def selection(tabs):
    return lambda data: importlib.import_module("gradio_tabs.inputs.selections").Selection(
        None, data
    )


@pytest.mark.parametrize(
    "data",
    [None, 7, "index", [], {}, {"index": None}, {"index": [1]}, {"index": ["a", 2]},
     {"index": [math.inf, 1]}, {"index": "12"}, {"index": [[1], 2]}, {"index": {"a": 1, "b": 2}},
     {"index": [1, 10**400]}, {"index": 10**400}],
    ids=lambda data: str(data)[:40],
)  # fmt: skip
def test_invalid_event_data_is_refused(selection, data):
    with pytest.raises(UsageError, match="no position"):
        selection(data).pixel()
    with pytest.raises(UsageError, match="no position"):
        selection(data).item()


def test_positions_of_clicks(selection):
    assert selection({"index": [20, 30.5]}).pixel() == (20, 30.5)
    assert selection({"index": 3}).item() == 3
