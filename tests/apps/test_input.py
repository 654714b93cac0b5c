"""Input of images in a browser: types, refusals, drop and paste, and previews by the server."""

import base64
import io
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


@pytest.mark.parametrize(
    ("tab", "name"),
    [("Upscale", "IMG_2041.HEIC"), ("Compare", "scan"), ("Batch", "IMG_2041.HEIC")],
)
def test_an_image_without_a_type_is_accepted(page, tab, name):
    data = base64.b64encode(HEIC.read_bytes()).decode()
    page.get_by_role("tab", name=tab, exact=True).click()
    page.evaluate(GIVE, ["drop", name, "", data])
    if tab == "Batch":
        expect(page.locator("#batch-files td.filename")).to_have_attribute("aria-label", name)
        page.click("#batch-start")
        expect(page.locator("#batch-status")).to_contain_text("1 of 1 done.")
    else:
        image = page.locator(f"#{tab.lower()}-image img")
        expect(image).to_have_js_property("naturalWidth", 48)
    assert not notice(page).is_visible()


def with_frames(format, count=2, **options):
    """Return the bytes of a file with several frames or pages, all different."""
    frames = [Image.new("RGB", (40, 32), (80 * number, 0, 0)) for number in range(count)]
    file = io.BytesIO()
    is_several = {"save_all": True, "append_images": frames[1:]} if count > 1 else {}
    frames[0].save(file, format, **is_several, **options)
    return file.getvalue()


def with_empty_block(gif):
    """Return a GIF with a byte 0 before each of its blocks with times, as some programs write."""
    assert gif.count(b"\x21\xf9") == 2
    return gif.replace(b"\x21\xf9", b"\0\x21\xf9")


def test_files_with_several_frames_are_recognised(page):
    thumbnail = Image.new("RGB", (4, 3))
    thumbnail.encoderinfo = {"tiffinfo": {254: 1}}  # a small copy of another page
    plain = Image.new("RGB", (40, 32))
    plain.encoderinfo = {"tiffinfo": {254: 0}}
    padded = with_empty_block(with_frames("GIF", duration=50))
    assert Image.open(io.BytesIO(padded)).n_frames == 2
    files = {
        "animated GIF": (with_frames("GIF"), True),
        "animated GIF with padding": (padded, True),
        "still GIF": (with_frames("GIF", 1), False),
        "animated PNG": (with_frames("PNG"), True),
        "still PNG": (with_frames("PNG", 1), False),
        "animated WebP": (with_frames("WEBP"), True),
        "still WebP": (with_frames("WEBP", 1), False),
        "two pages": (with_frames("TIFF"), True),
        "two pages, BigTIFF": (with_frames("TIFF", big_tiff=True), True),
        "one page": (with_frames("TIFF", 1), False),
        "one page, BigTIFF": (with_frames("TIFF", 1, big_tiff=True), False),
        "page with thumbnail": (with_frames("TIFF", 1, save_all=True,
                                            append_images=[thumbnail]), False),
        "mask before the page": (with_frames("TIFF", 1, save_all=True, append_images=[plain],
                                             tiffinfo={254: 4}), True),
        "AVIF sequence": (with_frames("AVIF"), True),
        "still AVIF": (with_frames("AVIF", 1), False),
        "HEIC": (HEIC.read_bytes(), False),
        "truncated GIF": (with_frames("GIF")[:60], False),
    }  # fmt: skip
    found = page.evaluate(
        """async (files) => {
          const { hasSeveralFrames } = await import("/page/frames.js");
          const all = {};
          for (const [name, data] of Object.entries(files)) {
            const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
            all[name] = await hasSeveralFrames(new File([bytes], name));
          }
          return all;
        }""",
        {name: base64.b64encode(data).decode() for name, (data, _) in files.items()},
    )
    assert found == {name: expected for name, (_, expected) in files.items()}


def test_the_page_says_before_the_start_that_only_the_first_frame_is_used(page, tmp_path, photo):
    first = "only the first frame or page is upscaled; the command line upscales all."
    estimate = page.locator("#upscale-estimate")
    for name, format in (("clip.gif", "GIF"), ("scan 1 %.tif", "TIFF")):
        path = tmp_path / name
        path.write_bytes(with_frames(format))
        choose(page, "upscale-image", path)
        expect(estimate).to_contain_text(f"Of this file {first}")
        page.click("#upscale-image button[aria-label^=Remove]")
    choose(page, "upscale-image", photo(size=(50, 32)))
    expect(estimate).to_contain_text("50 x 32 → ")
    expect(estimate).not_to_contain_text("first frame")
    page.get_by_role("tab", name="Batch").click()
    choose(page, "batch-files", tmp_path / "clip.gif", photo())
    expect(page.locator("#batch-estimate")).to_contain_text(f"Of clip.gif {first}")
    page.click("#batch-start")
    note = page.locator("#batch-results .job-note", has_text="only the first image is used")
    state = page.locator("#batch-results .job-done .job-state").first
    colour = "element => getComputedStyle(element).color"
    assert note.evaluate(colour) == state.evaluate(colour), "a note is not an error"


def test_files_of_one_name_are_told_apart_in_a_batch(page, tmp_path):
    paths = []
    for count, folder in ((2, "a"), (1, "b"), (3, "c")):
        paths.append(tmp_path / folder / "1.gif")
        paths[-1].parent.mkdir()
        paths[-1].write_bytes(with_frames("GIF", count))
    first = "only the first frame or page is upscaled"
    page.get_by_role("tab", name="Batch").click()
    choose(page, "batch-files", *paths[:2])
    expect(page.locator("#batch-estimate")).to_contain_text(f"Of 1.gif {first}")
    page.click("#batch-files button[aria-label=Clear]")
    choose(page, "batch-files", *paths)
    expect(page.locator("#batch-estimate")).to_contain_text(f"Of 2 of the files {first}")


def test_a_damaged_image_is_named_when_it_is_chosen(page, tmp_path):
    path = tmp_path / "damaged.tiff"
    path.write_bytes(b"II*\0 and then invalid data")
    choose(page, "upscale-image", path)
    expect(notice(page)).to_contain_text("This image cannot be used: ")


def test_the_page_has_an_icon(page, address):
    links = page.locator("link[rel=icon]")
    assert "/page/favicon.svg" in [link.get_attribute("href") for link in links.all()]
    answer = page.request.get(f"{address}/favicon.ico")
    assert "svg" in answer.headers["content-type"]
