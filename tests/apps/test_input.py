"""Input of images in a browser: types, refusals, drop and paste, and previews by the server."""

import base64
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

HEIC = Path(__file__).parents[1] / "images" / "files" / "photo.heic"
IMAGE = "#upscale-image img"
GIVE = """([kind, name, type, data]) => {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name, { type }));
  const options = { bubbles: true, cancelable: true, dataTransfer: transfer };
  const event = kind === "drop" ? new DragEvent("drop", options)
    : new ClipboardEvent("paste", { ...options, clipboardData: transfer });
  document.querySelector("#headline").dispatchEvent(event);
}"""

SEND_ONLY = """async ([name, data]) => {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const { prepare } = await import("/page/uploads.js");
  return (await prepare([new File([bytes], name)])).files.length;
}"""


def choose(page, name, *paths):
    page.set_input_files(f"#{name} input[type=file]", [str(path) for path in paths])


def expect_size(page, width, height):
    expect(page.locator(IMAGE)).to_have_js_property("naturalWidth", width)
    expect(page.locator(IMAGE)).to_have_js_property("naturalHeight", height)


def notice(page):
    return page.locator("#notice")


@pytest.mark.parametrize("kind", ["heic", "tiff"])
def test_the_server_previews_what_the_browser_cannot_show(page, tmp_path, kind):
    path = tmp_path / f"a photo, 100 %.{kind}"
    if kind == "heic":
        shutil.copy(HEIC, path)
        size = 48, 64
    else:
        pixels = np.zeros((30, 40, 4), np.uint8)
        Image.fromarray(pixels, "RGBA").save(path)
        size = 40, 30
    choose(page, "upscale-image", path)
    expect_size(page, *size)
    expect(page.locator("#upscale-estimate")).to_contain_text(f"{size[0]} x {size[1]} → ")


def test_files_that_are_no_images_are_refused_before_they_are_sent(page, tmp_path, photo):
    uploads = []
    page.on("request", lambda request: uploads.append(request.url)
            if "/upload" in request.url else None)  # fmt: skip
    drawing, notes, empty = (tmp_path / name for name in ("plan.svg", "notes.png", "empty.jpg"))
    drawing.write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    notes.write_text("notes")
    empty.touch()
    for path, message in (
        (drawing, "plan.svg is a drawing (SVG), which has no pixels. Save it as PNG first."),
        (notes, "notes.png is not a JPEG, PNG, WebP, HEIC, AVIF, TIFF, GIF or BMP image."),
        (empty, "empty.jpg is not a JPEG"),
    ):
        choose(page, "upscale-image", path)
        expect(notice(page)).to_contain_text(message)
    page.evaluate("import('/page/files.js').then(files => files.limits.bytes = 1000)")
    choose(page, "upscale-image", photo(size=(60, 60)))
    expect(notice(page)).to_contain_text("photo.png has 0.0 MB; the limit is 0.0 MB.")
    assert uploads == []
    page.evaluate("import('/page/files.js').then(files => files.limits.bytes = null)")
    page.get_by_role("tab", name="Batch").click()
    choose(page, "batch-files", photo("a.png"), notes, photo("bb.png"))
    expect(notice(page)).to_contain_text("notes.png is not a JPEG")
    files = page.locator("#batch-files")
    expect(files).to_contain_text("bb")
    expect(files).not_to_contain_text("notes")


@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_an_image_can_be_given_anywhere_on_the_page(page, photo, kind):
    for side in (40, 50):  # the second replaces the first
        data = base64.b64encode(photo(size=(side, 32)).read_bytes()).decode()
        page.evaluate(GIVE, [kind, f"{side}.png", "image/png", data])
        expect_size(page, side, 32)


def test_a_damaged_image_is_named_when_it_is_chosen(page, tmp_path):
    path = tmp_path / "damaged.tiff"
    path.write_bytes(b"II*\0 and then invalid data")
    choose(page, "upscale-image", path)
    expect(notice(page)).to_contain_text("damaged.tiff cannot be used: the TIFF file is damaged")


def test_truncated_files_are_refused_when_they_are_chosen(page, tmp_path, photo):
    uploads = []
    page.on("request", lambda request: uploads.append(request.url)
            if "/gradio_api/upload" in request.url else None)  # fmt: skip
    half = tmp_path / "half.jpg"
    Image.new("RGB", (40, 30), (200, 100, 0)).save(half)
    half.write_bytes(half.read_bytes()[:-40])
    choose(page, "upscale-image", half)
    message = "half.jpg cannot be used: the JPEG file is damaged or truncated; get a complete copy"
    expect(notice(page)).to_contain_text(message)
    expect(page.locator(IMAGE)).to_have_count(0)
    choose(page, "upscale-image", photo())  # the field can be used again
    expect_size(page, 40, 32)
    page.get_by_role("tab", name="Batch").click()
    choose(page, "batch-files", photo("a.png"), half, photo("bb.png"))
    files = page.locator("#batch-files td.filename")
    expect(files).to_have_count(2)
    expect(page.locator("#batch-files")).to_contain_text("bb")
    expect(page.locator("#batch-estimate")).to_contain_text(f"Skipped: {message}")
    assert len(uploads) == 1 + 1 + 3, "each file is sent once"
    page.wait_for_timeout(3500)  # Gradio's server refuses to report an unknown upload after 3 s


def test_the_newest_of_two_files_of_one_name_and_size_is_used(page, tmp_path):
    earlier, newer = (tmp_path / f"{side}" / "photo.bmp" for side in ("30", "60"))
    for path, size in ((earlier, (30, 60)), (newer, (60, 30))):  # rows of BMP have 4n bytes
        path.parent.mkdir()
        Image.new("RGBA", size).save(path)
    assert earlier.stat().st_size == newer.stat().st_size
    data = base64.b64encode(earlier.read_bytes()).decode()
    assert page.evaluate(SEND_ONLY, ["photo.bmp", data]) == 1  # Gradio does not ask for it
    choose(page, "upscale-image", newer)
    expect_size(page, 60, 30)


@pytest.mark.usefixtures("unchecked")
def test_a_busy_server_checks_an_image_in_its_job(page, tmp_path):
    path = tmp_path / "damaged.tiff"
    path.write_bytes(b"II*\0 and then invalid data")
    choose(page, "upscale-image", path)
    expect(notice(page)).to_contain_text(re.compile("^This image cannot be used: the TIFF"))


def test_the_page_has_an_icon(page, address):
    links = page.locator("link[rel=icon]")
    assert "/page/favicon.svg" in [link.get_attribute("href") for link in links.all()]
    answer = page.request.get(f"{address}/favicon.ico")
    assert "svg" in answer.headers["content-type"]
