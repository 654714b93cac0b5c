"""Console errors that the browser tests accept, in `conftest.is_expected`."""

from types import SimpleNamespace

import pytest

ADDRESS = "http://127.0.0.1:7860"


@pytest.mark.parametrize(
    ("text", "path", "at_reload", "otherwise"),
    [
        ("Failed to load resource: 404", "/api/jobs", True, True),
        ("AbortError: BodyStreamBuffer was aborted", "/assets/index-a.js", True, False),
        ("Connection errored out. ", "/assets/index-a.js", True, False),
        ("TypeError: x is undefined", "/assets/index-a.js", False, False),
        ("AbortError: BodyStreamBuffer was aborted", "/page/app.js", False, False),
        ("AbortError: BodyStreamBuffer was aborted", "", False, False),
    ],
)
def test_a_reload_excuses_ended_requests_of_gradio_only(
    is_expected_error, text, path, at_reload, otherwise
):
    message = SimpleNamespace(text=text, location={"url": f"{ADDRESS}{path}"})
    assert is_expected_error(message, ADDRESS, is_reloaded=True) is at_reload
    assert is_expected_error(message, ADDRESS, is_reloaded=False) is otherwise
