"""The page in a browser: the actions of a visitor, and hostile file names."""

import io
import re
import zipfile

import pytest
from PIL import Image
from playwright.sync_api import expect

from srgan_gp.cli import main

pytestmark = pytest.mark.browser

SHOWN_MS = 90_000
DOWNLOAD = "#upscale-viewer .job-download"
PHONE_WIDTH = 390
BROKEN = b"\x89PNG\r\n\x1a\n and then invalid data"
SCRIPTS = [
    "<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "<svg onload=alert(1)>",
    "{{constructor.constructor('alert(1)')()}}", "${alert(1)}", "[x](javascript:alert(1))",
    "'\"><iframe srcdoc='<script>alert(1)</script>'>", "$$\\href{javascript:alert(1)}{x}$$",
    "<a href=javascript:alert(1) autofocus onfocus=alert(1)>", "`${alert(1)}`",
]  # fmt: skip


@pytest.fixture
def by_command_line(models, tmp_path, monkeypatch):
    """Upscale images with the command line and the defaults of the page; return the bytes."""
    monkeypatch.setenv("SRGAN_GP_MODELS", str(models))

    def upscale(*paths):
        folder = tmp_path / "by-command-line"
        words = ["upscale", *map(str, paths), "-o", str(folder), "--strip-metadata"]
        assert main([*words, "--model", "tiny", "--threads", "1", "--device", "cpu"]) == 0
        return [(folder / path.name).read_bytes() for path in paths]

    return upscale


def choose(page, name, *paths):
    page.set_input_files(f"#{name} input[type=file]", [str(path) for path in paths])


def status(page, tab):
    return page.locator(f"#{tab}-status")


def downloaded(page, button):
    with page.expect_download() as found:
        page.click(button)
    return found.value.suggested_filename, found.value.path().read_bytes()


def upscale_on_page(page, path):
    choose(page, "upscale-image", path)
    page.wait_for_selector("#upscale-image img")
    page.click("#upscale-start")


def test_the_download_is_the_file_that_the_command_line_writes(page, photo, by_command_line):
    path = photo()
    upscale_on_page(page, path)
    expect(status(page, "upscale")).to_contain_text("40 x 32 → 80 x 64", timeout=SHOWN_MS)
    name, data = downloaded(page, DOWNLOAD)
    assert name == "photo_tiny_2x.png"
    assert [data] == by_command_line(path)


def width_on_a_phone(page):
    """Return the width of the contents once the layout of the tabs is stable."""
    page.set_viewport_size({"width": PHONE_WIDTH, "height": 844})
    for _ in range(100):
        width = page.evaluate("document.documentElement.scrollWidth")
        if width <= PHONE_WIDTH:
            break
        page.wait_for_timeout(100)
    return width


def test_a_click_previews_that_region_only(page, photo):
    choose(page, "upscale-image", photo(size=(600, 600)))
    page.wait_for_selector("body.has-image #upscale-image img")
    side = page.locator("#upscale-image img").bounding_box()["height"]
    for share in (0.2, 0.6, 0.35):  # the last of several clicks wins
        place = {"x": share * side, "y": share * side}
        page.click("#upscale-image img", position=place)
    expect(status(page, "upscale")).to_contain_text(re.compile("at 1.., 1..,"), timeout=SHOWN_MS)
    viewer = page.locator("#upscale-viewer .viewer")
    expect(viewer).to_contain_text("preview of a region", timeout=SHOWN_MS)
    expect(viewer).to_contain_text("160 x 160 → 320 x 320 pixels")
    expect(page.locator(DOWNLOAD)).to_have_count(0)


def test_stop_ends_a_run(page, photo):
    choose(page, "upscale-image", photo(size=(1200, 1200)))
    page.get_by_label("Photo", exact=True).first.click()
    page.get_by_text("More options").first.click()
    page.get_by_label("Tile").first.click()
    page.get_by_role("option", name="128", exact=True).click()
    page.click("#upscale-start")
    expect(status(page, "upscale")).to_contain_text(
        re.compile(r"Upscaling: \d+ %"), timeout=SHOWN_MS
    )
    page.click("#upscale-stop")
    expect(status(page, "upscale")).to_contain_text("Stopped.", timeout=SHOWN_MS)
    expect(page.locator("#upscale-start")).to_be_enabled()
    expect(page.locator("#upscale-stop")).to_be_disabled()


def test_a_refused_file_shows_its_message(page, tmp_path):
    path = tmp_path / "trap.png"
    path.write_bytes(BROKEN)
    upscale_on_page(page, path)
    error = status(page, "upscale").get_by_role("alert")
    expect(error).to_contain_text("This image cannot be used", timeout=SHOWN_MS)
    assert "/" not in error.inner_text()


def test_a_batch_shows_its_results_and_its_failures(page, photo, tmp_path, by_command_line):
    good = [photo(f"{name}.png") for name in ("a", "bb", "ccc", "dddd")]
    broken = tmp_path / "broken.png"
    broken.write_bytes(BROKEN)
    page.get_by_role("tab", name="Batch").click()
    choose(page, "batch-files", *good[:2], broken, *good[2:])
    page.click("#batch-start")
    expect(status(page, "batch")).to_contain_text("4 of 5 done, 1 failed", timeout=SHOWN_MS)
    expect(page.locator("#batch-failures")).to_contain_text("broken.png")
    expect(page.locator("#batch-results .job-done img")).to_have_count(4, timeout=SHOWN_MS)
    expect(page.locator("#batch-results .job-failed")).to_contain_text("broken.png")
    name, data = downloaded(page, "#batch-download")
    assert name == "upscaled.zip"
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.namelist() == [f"{path.stem}_tiny_2x.png" for path in good]
        assert [archive.read(name) for name in archive.namelist()] == by_command_line(*good)
    assert width_on_a_phone(page) <= PHONE_WIDTH, "with the results"


def test_updates_that_arrive_together_are_all_shown(page, photo):
    page.get_by_role("tab", name="Batch").click()
    choose(page, "batch-files", photo())
    # The answer ends with the run, which takes longer than the 30 s of `fetch` on a busy machine.
    page.route(
        "**/queue/data**",
        lambda route: route.fulfill(response=route.fetch(timeout=SHOWN_MS)),
    )
    page.click("#batch-start")
    expect(status(page, "batch")).to_contain_text("1 of 1 done", timeout=SHOWN_MS)
    expect(page.locator("#batch-download")).to_be_visible()
    expect(page.locator("#batch-stop")).to_be_disabled()


def test_an_invalid_value_shows_a_message_that_stays(page, photo):
    """On a slow connection, the event of a new image arrives after its run."""
    image_events = []
    page.route("**/run/predict", lambda route: image_events.append(route), times=1)
    choose(page, "upscale-image", photo())
    page.wait_for_selector("#upscale-image img")
    page.get_by_label("Width", exact=True).first.click()
    width = page.get_by_label("Width of the result").first
    width.fill("0")
    page.click("#upscale-start")
    error = status(page, "upscale").get_by_role("alert")
    expect(error).to_contain_text("The width must be ", timeout=SHOWN_MS)
    with page.expect_response("**/run/predict"):
        image_events[0].continue_()
    page.get_by_label("x3", exact=True).first.click()
    expect(width).to_be_hidden(timeout=SHOWN_MS)
    expect(error).to_contain_text("The width must be ")


def test_file_names_are_text_and_never_executed(page, tmp_path):
    paths = []
    for number in range(30):
        name = f"{number} {SCRIPTS[number % len(SCRIPTS)]}".replace("/", "\u2215")[:120]
        paths.append(tmp_path / f"{name}.png")
        paths[-1].write_bytes(BROKEN)
    page.get_by_role("tab", name="Batch").click()
    choose(page, "batch-files", *paths)
    page.click("#batch-start")
    expect(status(page, "batch")).to_contain_text("30 failed", timeout=SHOWN_MS)
    # The fixture `page` records every dialog and every refused script.


def test_models_are_compared_on_one_region(page, photo):
    page.get_by_role("tab", name="Compare").click()
    choose(page, "compare-image", photo(size=(300, 300)))
    page.wait_for_selector("#compare-image img")
    page.click("#compare-start")  # the keyboard cannot click a region
    expect(status(page, "compare")).to_contain_text("4 models, one region", timeout=SHOWN_MS)
    page.click("#compare-image img")
    expect(status(page, "compare")).to_contain_text("of 4 models", timeout=SHOWN_MS)
    expect(status(page, "compare")).to_contain_text("4 models, one region", timeout=SHOWN_MS)
    panes = page.locator("#compare-viewer .viewer-stage")
    expect(panes).to_have_count(5, timeout=SHOWN_MS)
    expect(panes.first).to_contain_text("Original")
    expect(panes.nth(1)).to_contain_text(re.compile(r" · \d+\.\d\d s"))


def test_faces_are_generated_downloaded_and_sent_to_upscale(page):
    page.get_by_role("tab", name="Faces").click()
    page.fill("#faces-seed input", "5")
    page.click("#faces-start")
    expect(status(page, "faces")).to_contain_text("Done", timeout=SHOWN_MS)
    expect(page.locator("#faces-gallery button img")).to_have_count(8)
    _, data = downloaded(page, "#faces-download")
    assert Image.open(io.BytesIO(data)).size == (4 * 64, 2 * 64)  # of the shipped faces-64
    assert width_on_a_phone(page) <= PHONE_WIDTH, "with the results"
    page.locator("#faces-gallery button img").nth(3).click()
    send = page.locator("#faces-send")
    expect(send).to_have_text("Send seed 8 to Upscale", timeout=SHOWN_MS)
    page.fill("#faces-seed input", "20")
    page.click("#faces-start")
    expect(send).to_have_text("Send seed 20 to Upscale", timeout=SHOWN_MS)
    page.locator("#faces-gallery button img").nth(2).click()
    expect(send).to_have_text("Send seed 22 to Upscale", timeout=SHOWN_MS)
    send.click()
    expect(page.locator("#upscale-image img")).to_be_visible(timeout=SHOWN_MS)
    address = page.locator("#upscale-image img").get_attribute("src")
    assert "seed0022.png" in address, "the face that the button names is the one that is sent"
    expect(page.locator("#upscale-model input[value=face-x4]")).to_be_checked()
    assert page.url.endswith("#upscale")


def test_an_animation_between_two_faces_is_shown_whole(page):
    page.get_by_role("tab", name="Faces").click()
    page.get_by_label("From one face to another").click()
    page.click("#faces-start")
    expect(status(page, "faces")).to_contain_text("Done", timeout=SHOWN_MS)
    animation = page.locator("#faces-gallery button img")
    expect(animation).to_have_count(1)
    gallery, shown = page.locator("#faces-gallery").bounding_box(), animation.bounding_box()
    assert shown["y"] + shown["height"] <= gallery["y"] + gallery["height"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_needs_no_horizontal_scrolling(page, scheme):
    page.emulate_media(color_scheme=scheme)
    for tab in ("Upscale", "Compare", "Batch", "Faces", "Fine-tune"):
        page.set_viewport_size({"width": 1440, "height": 1000})
        page.get_by_role("tab", name=tab).click()
        assert width_on_a_phone(page) <= PHONE_WIDTH, tab


def test_the_keyboard_reaches_the_start_and_images_have_alternative_texts(page, photo):
    choose(page, "upscale-image", photo())
    page.wait_for_selector("#upscale-image img")
    page.wait_for_selector("#upscale-model")  # the options appear once the server knows the image
    page.wait_for_selector("#upscale-start:enabled")
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id"))
    assert "upscale-start" in reached
    assert page.locator("#upscale-image img").get_attribute("alt")


def test_too_few_photos_are_refused(page, photo):
    page.get_by_role("tab", name="Fine-tune").click()
    choose(page, "finetune-photos", photo())
    page.click("#finetune-start")
    error = status(page, "finetune").get_by_role("alert")
    expect(error).to_contain_text("1 photos are too few", timeout=SHOWN_MS)


def test_a_start_during_the_check_of_a_file_waits_for_the_file(page, photo):
    """The check reads the beginning of the file, which takes long on a busy machine."""
    page.evaluate("""() => {
      const read = Blob.prototype.slice;
      const held = new Promise((resolve) => { window.endCheck = resolve; });
      Blob.prototype.slice = function (...range) {
        const part = read.apply(this, range);
        const later = (name) => async () => { await held; return Blob.prototype[name].call(part); };
        return Object.assign(part, { text: later("text"), arrayBuffer: later("arrayBuffer") });
      };
    }""")
    page.get_by_role("tab", name="Fine-tune").click()
    choose(page, "finetune-photos", photo())
    page.click("#finetune-start")
    page.wait_for_timeout(300)  # for the wrong event, if there is one
    page.evaluate("endCheck()")
    error = status(page, "finetune").get_by_role("alert")
    expect(error).to_contain_text("photos are too few", timeout=SHOWN_MS)
    expect(error).to_contain_text("1 photos are too few")
