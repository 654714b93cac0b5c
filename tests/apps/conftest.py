"""A server with tiny models for all tests of the page, and a Chromium browser."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

APPS = Path(__file__).parents[2] / "apps"
EXPECTED = "Failed to load resource"  # the browser logs every response above 399
EXPECTED_AT_RELOAD = ("AbortError", "Connection errored out")
"""Console errors of Gradio's own script, for its requests that a reload ends."""
WAIT_MS = 90_000  # long enough for a busy machine; a page that never answers still ends


@pytest.fixture(scope="session")
def tabs():
    """Make `gradio_tabs` importable, as the page does."""
    sys.path.insert(0, str(APPS))
    yield
    sys.path.remove(str(APPS))


@pytest.fixture(scope="session")
def models(tmp_path_factory, onnx_models):
    """Write `tiny`, which doubles images, and `tiny-faces`; return their folder."""
    folder = tmp_path_factory.mktemp("models")
    tiny = onnx_models.with_metadata(onnx_models.convolutional(), name="tiny")
    faces = onnx_models.with_metadata(
        onnx_models.faces(), name="tiny-faces", task="face-generation", latent_size="4",
        image_size="8", scale=None, overlap=None, size_multiple=None,
    )  # fmt: skip
    about_faces = {"task": "face-generation", "scale": None, "image_size": 8}
    for name, model, about in (("tiny", tiny, {}), ("tiny-faces", faces, about_faces)):
        path = folder / f"{name}.onnx"
        path.write_bytes(model.SerializeToString())
        onnx_models.write_card(path, **about)
    return folder


@pytest.fixture(scope="module")
def address(models, tmp_path_factory):
    """Start `srgan-gp app`; return its address."""
    folder = tmp_path_factory.mktemp("served")
    command = [sys.executable, "-m", "srgan_gp", "app", "--port", "0", "--model", "tiny"]
    command += ["--folder", str(folder), "--allow-finetune", "--device", "cpu", "--threads", "1"]
    environment = os.environ | {"SRGAN_GP_MODELS": str(models), "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as server:
        try:
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


@pytest.fixture(scope="module")
def browser():
    """Open Chromium; while it is open, no other event loop can run in this thread."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=WAIT_MS)

    chromium = shutil.which("chromium")
    assert chromium, "the tests marked `browser` need Chromium: apt-get install chromium"
    with sync_playwright() as playwright:
        # As root, as in a container, Chromium has no sandbox.
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        # One context for all pages, so that they share a cache and load faster.
        yield browser.new_context(viewport={"width": 1440, "height": 1000})
        browser.close()


def is_expected(message, address, *, is_reloaded):
    """Return whether the page may log this console error.

    Args:
        message: of Playwright.
        address: of the server.
        is_reloaded: whether the test reloads the page.
    """
    if EXPECTED in message.text:
        return True
    is_of_gradio = message.location["url"].startswith(f"{address}/assets/")
    return is_reloaded and is_of_gradio and any(one in message.text for one in EXPECTED_AT_RELOAD)


@pytest.fixture
def is_expected_error():
    """Return `is_expected`."""
    return is_expected


@pytest.fixture
def page(browser, address):
    """Open the page; at the end, check for requests to other hosts and for console errors."""
    page = browser.new_page()
    page.set_default_timeout(WAIT_MS)
    requests, problems, console = [], [], []
    page.on("request", lambda request: requests.append(request))
    page.on("dialog", lambda dialog: problems.append(dialog.message) or dialog.dismiss())
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: console.append(message))
    page.goto(address)
    page.wait_for_selector("#scheme")  # the last part of the page
    yield page
    page.close()
    own = (address, "data:", "blob:")
    assert [one.url for one in requests if not one.url.startswith(own)] == []
    is_reloaded = sum(one.is_navigation_request() for one in requests) > 1
    errors = [one for one in console if one.type == "error"]
    problems += [
        one.text for one in errors if not is_expected(one, address, is_reloaded=is_reloaded)
    ]
    assert problems == []


@pytest.fixture
def photo(tmp_path):
    """Write a small image with a name and a size; return its path."""

    def write(name="photo.png", size=(40, 32)):
        pixels = np.random.default_rng(len(name)).integers(0, 256, (*size[::-1], 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / name)
        return tmp_path / name

    return write
