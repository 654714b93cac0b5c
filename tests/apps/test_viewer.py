"""The viewer in a browser, the history, and who can see what."""

import re

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

SHOWN_MS = 90_000
VIEWER = "#upscale-viewer .viewer"
READY = f"{VIEWER}[data-state=ready]"
JOBS = "fetch('/api/jobs').then(answer => answer.json()).then(answer => answer.jobs)"


def upscale_on_page(page, path):
    page.set_input_files("#upscale-image input[type=file]", str(path))
    page.wait_for_selector("#upscale-image img")
    page.click("#upscale-start")
    expect(page.locator("#upscale-status")).to_contain_text("Done", timeout=SHOWN_MS)
    # The viewer of a new page shows the latest result of an earlier test at first.
    job = page.evaluate(JOBS)[-1]["id"]
    page.wait_for_selector(f"{READY}[data-jobs='{job}']", timeout=SHOWN_MS)


def state(page):
    viewer = page.locator(VIEWER)
    zoom = float(viewer.get_attribute("data-zoom"))
    return zoom, tuple(map(int, viewer.get_attribute("data-place").split(",")))


def wait_for(page, condition):
    """Wait until the viewer has drawn a state: a condition of `zoom`, `x` and `y`.

    The viewer draws in the next frame, which comes late on a busy machine.
    """
    page.wait_for_function(f"""() => {{
      const viewer = document.querySelector("{READY}");
      if (!viewer) return false;
      const zoom = Number(viewer.dataset.zoom);
      const [x, y] = viewer.dataset.place.split(",").map(Number);
      return {condition};
    }}""")


def test_the_viewer_shows_a_detail_at_100_percent_and_zooms(page, photo):
    tiles = []
    page.on("response", lambda answer: tiles.append(answer) if "/tiles/" in answer.url else None)
    upscale_on_page(page, photo(size=(1300, 900)))
    assert state(page)[0] == 1, "opens at 1:1"
    expect(page.locator(f"{VIEWER} .viewer-label")).to_have_text(["Before", "After"])
    assert any("/tiles/after/0/" in answer.url for answer in tiles), "full resolution"
    assert {answer.status for answer in tiles} == {200}
    assert len([one for one in tiles if "/tiles/after/0/" in one.url]) < 6 * 4, "on demand"
    page.get_by_role("button", name="Fit").click()
    wait_for(page, "zoom < 1 && x === 1300 && y === 900")
    expect(page.get_by_role("button", name="Fit")).to_have_attribute("aria-pressed", "true")
    size, fitted_zoom = page.viewport_size, state(page)[0]
    page.set_viewport_size({"width": 1100, "height": 700})
    wait_for(page, f"zoom < {fitted_zoom}")  # it is fitted again
    page.set_viewport_size(size)
    wait_for(page, f"zoom === {fitted_zoom}")
    page.get_by_role("tab", name="Compare").click()
    expect(page.locator(VIEWER)).to_be_hidden()
    page.evaluate("() => new Promise((drawn) => setTimeout(drawn, 300))")
    assert state(page)[0] == fitted_zoom, "a hidden viewer keeps its zoom"
    page.get_by_role("tab", name="Upscale").click()
    page.get_by_role("button", name="200 %").click()
    wait_for(page, "zoom === 2")
    expect(page.get_by_role("button", name="200 %")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("button", name="Fit")).to_have_attribute("aria-pressed", "false")
    expect(page.locator(f"{VIEWER} .viewer-map")).to_be_visible()
    stage = page.locator(f"{VIEWER} .viewer-stage")
    stage.focus()
    x, y = state(page)[1]
    for key in ("ArrowRight", "ArrowDown", "1", "[", "[", "-"):
        page.keyboard.press(key)
    wait_for(page, f"zoom === 0.8 && x > {x} && y > {y}")
    zoom, (moved_x, _) = state(page)
    assert page.locator(f"{VIEWER} input[type=range]").input_value() == "40"
    box = stage.bounding_box()
    page.mouse.move(box["x"] + 60, box["y"] + 60)
    page.mouse.wheel(0, -200)
    wait_for(page, f"zoom > {zoom}")
    page.mouse.down()
    page.mouse.move(box["x"] + 160, box["y"] + 90, steps=4)
    page.mouse.up()
    wait_for(page, f"x < {moved_x}")  # dragging moves the image


def test_the_viewer_draws_the_pixels_of_the_result(page, tmp_path):
    """A red and blue image is red and blue in the canvas too."""
    pixels = np.zeros((300, 400, 3), np.uint8)
    pixels[:, :200, 0], pixels[:, 200:, 2] = 255, 255
    Image.fromarray(pixels).save(tmp_path / "halves.png")
    upscale_on_page(page, tmp_path / "halves.png")
    page.get_by_role("button", name="Fit").click()
    wait_for(page, "x === 400 && y === 300")
    colours = page.eval_on_selector(
        f"{VIEWER} .viewer-stage > canvas",
        """canvas => {
        const at = x => [...canvas.getContext("2d").getImageData(x, canvas.height / 2, 1, 1).data];
        return [at(canvas.width * 0.2), at(canvas.width * 0.8)];
    }""",
    )
    assert colours[0] == [255, 0, 0, 255]
    assert colours[1][3] == 255 and colours[1] != colours[0]


def test_a_job_goes_on_during_a_reload_and_its_result_is_shown(page, photo):
    page.set_input_files("#upscale-image input[type=file]", str(photo("again.png", (1300, 900))))
    page.wait_for_selector("#upscale-image img")
    jobs = page.locator("#history .job").count()  # of earlier tests
    page.click("#upscale-start")
    page.wait_for_function(f"{JOBS}.then(jobs => jobs.length > {jobs})")
    page.reload()
    expect(page.locator(VIEWER)).to_contain_text("again.png with tiny", timeout=SHOWN_MS)
    expect(page.locator("#history .job-done")).to_have_count(jobs + 1)


def test_results_survive_a_reload_and_other_browsers_cannot_use_them(page, photo, browser, address):
    upscale_on_page(page, photo())
    expect(page.locator("#history .job-done img").first).to_be_visible()
    job = page.evaluate(JOBS)[-1]
    with page.expect_response(lambda answer: "/upload?" in answer.url) as upload:
        page.set_input_files("#upscale-image input[type=file]", str(photo("other.png")))
    upload.value.finished()
    expect(page.locator(VIEWER)).to_contain_text("photo.png", timeout=SHOWN_MS)
    # While an upload is in progress, the page asks before it is left: it cancels this event.
    page.evaluate("""() => new Promise((resolve) => {
        const wait = () => {
            if (dispatchEvent(new Event("beforeunload", { cancelable: true }))) resolve();
            else setTimeout(wait, 10);
        };
        wait();
    })""")
    page.reload()
    page.wait_for_selector(READY, timeout=SHOWN_MS)
    expect(page.locator(VIEWER)).to_contain_text(
        "photo.png with tiny · x2 · 40 x 32 → 80 x 64 pixels"
    )
    other = browser.browser.new_context()
    try:
        thief = other.new_page()
        thief.goto(address)
        assert thief.evaluate(JOBS) == []
        asked = f"""async ([method, path]) =>
            (await fetch("/api/jobs/{job["id"]}" + path, {{method}})).status"""
        for path in (["GET", ""], ["GET", "/result"], ["GET", "/thumbnail"], ["GET", "/events"],
                     ["GET", "/tiles/after/0/0/0"], ["POST", "/cancel"],
                     ["POST", "/remove"]):  # fmt: skip
            assert thief.evaluate(asked, path) == 404, path
    finally:
        other.close()
    page.get_by_role("button", name="Clear history").click()
    expect(page.locator("#history .job")).to_have_count(0)
    assert page.evaluate(JOBS) == []
    expect(page.locator(VIEWER)).to_have_count(0)


def test_a_result_that_expired_stays_in_the_viewer_and_its_download_says_so(page, photo):
    upscale_on_page(page, photo())
    page.reload()
    page.wait_for_selector(READY, timeout=SHOWN_MS)
    page.evaluate("fetch('/api/jobs/clear', {method: 'POST'})")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # lists the jobs again
    expect(page.locator("#history .job")).to_have_count(0)
    page.locator(f"{VIEWER} .job-download").click()
    expect(page.locator("#notice")).to_contain_text(re.compile("removed or has expired"))
    expect(page.locator(VIEWER)).to_be_visible()


def test_the_tab_is_in_the_address_and_the_colours_can_be_switched(page, address):
    page.get_by_role("tab", name="Batch").click()
    page.wait_for_url("**/#batch")
    page.reload()
    page.wait_for_selector("#scheme")
    expect(page.get_by_role("tab", name="Batch")).to_have_attribute("aria-selected", "true")
    assert page.evaluate("document.body.classList.contains('dark')") is False
    page.click("#scheme")
    page.reload()
    page.wait_for_selector("#scheme")
    assert page.evaluate("document.body.classList.contains('dark')") is True
    page.click("#scheme")
