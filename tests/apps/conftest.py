"""One server with tiny models for all tests of the page, and Debian's Chromium to look at it."""

import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

WAIT_MS = 90_000  # a crowded machine is slow, and a page that never answers still ends


@pytest.fixture(scope="session")
def models(tmp_path_factory, onnx_models):
    """Write `tiny`, which doubles pictures, and `tiny-faces`; gives their folder."""
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
    """Start `srgan-gp app`; gives its address."""
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
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium")
    assert chromium, "the tests marked `browser` need Chromium: apt-get install chromium"
    with sync_playwright() as playwright:
        # As root, as in a container, Chromium has no sandbox.
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        # One context for all pages, which so share a cache and load quicker.
        yield browser.new_context(viewport={"width": 1440, "height": 1000})
        browser.close()


@pytest.fixture
def page(browser, address):
    """Open the page; when the test ends, nothing may have gone elsewhere or been refused."""
    page = browser.new_page()
    page.set_default_timeout(WAIT_MS)
    elsewhere, complaints = [], []
    page.on("request", lambda request: elsewhere.append(request.url)
            if not request.url.startswith((address, "data:", "blob:")) else None)  # fmt: skip
    page.on("dialog", lambda dialog: complaints.append(dialog.message) or dialog.dismiss())
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text)
            if "Content Security Policy" in message.text else None)  # fmt: skip
    page.goto(address)
    page.wait_for_selector("#upscale-start")
    yield page
    page.close()
    assert elsewhere == []
    assert complaints == []


@pytest.fixture
def photo(tmp_path):
    """Write a small picture; call it with a name and a size, gives its path."""

    def write(name="photo.png", size=(40, 32)):
        pixels = np.random.default_rng(len(name)).integers(0, 256, (*size[::-1], 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / name)
        return tmp_path / name

    return write
