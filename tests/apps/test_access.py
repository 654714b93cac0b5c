"""Access: axe-core on every tab, the keyboard, and messages for screen readers."""

import re
from importlib.util import find_spec
from pathlib import Path

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

TABS = ("Upscale", "Compare", "Batch", "Faces", "Fine-tune")
BROKEN = b"\x89PNG\r\n\x1a\n and then invalid data"
RUN_AXE = "axe.run(document, {resultTypes: ['violations']})"


@pytest.fixture
def violations(page):
    """Return what axe-core reports on the open tab in both colour schemes, one line a node."""
    page.emulate_media(reduced_motion="reduce")  # colours in a transition have no contrast yet
    package = Path(find_spec("axe_playwright_python").origin).parent
    page.evaluate((package / "axe.min.js").read_text("utf-8"))

    def run():
        found = []
        for is_dark in (False, True):
            page.evaluate("is => document.body.classList.toggle('dark', is)", is_dark)
            for rule in page.evaluate(RUN_AXE)["violations"]:
                found += [f"{rule['id']}: {node['html'][:200]}" for node in rule["nodes"]]
        page.evaluate("document.body.classList.remove('dark')")
        return found

    return run


def choose(page, name, *paths):
    page.set_input_files(f"#{name} input[type=file]", [str(path) for path in paths])


def open_tab(page, name):
    page.get_by_role("tab", name=name).click()
    expect(page.get_by_role("tab", name=name)).to_have_attribute("aria-selected", "true")


def test_axe_core_sees_a_fault(page, violations):
    page.evaluate("document.querySelector('#upscale-image').append(document.createElement('img'))")
    assert [line for line in violations() if line.startswith("image-alt: <img>")]


@pytest.mark.parametrize("tab", TABS)
def test_an_empty_tab_has_no_violation(page, violations, tab):
    open_tab(page, tab)
    page.wait_for_timeout(500)
    assert violations() == []


def luminance(colour):
    """Relative luminance of `rgb(R, G, B)`; WCAG 2.2, https://www.w3.org/TR/WCAG22/."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("is_dark", [False, True])
def test_the_open_tab_has_enough_contrast(page, is_dark):
    """Axe-core reports no contrast of it, because its line is an element before its text."""
    page.emulate_media(reduced_motion="reduce")
    page.evaluate("is => document.body.classList.toggle('dark', is)", is_dark)
    text, page_colour = page.evaluate("""() => [
        getComputedStyle(document.querySelector("button[role=tab][aria-selected=true]")).color,
        getComputedStyle(document.querySelector("gradio-app")).backgroundColor]""")
    high, low = sorted((luminance(text), luminance(page_colour)), reverse=True)
    assert (high + 0.05) / (low + 0.05) >= 4.5


def test_an_empty_place_of_a_result_has_a_border_and_the_field_two_lines(page):
    open_tab(page, "Compare")
    width = "getComputedStyle(document.querySelector('#compare-viewer')).borderTopWidth"
    assert page.evaluate(width) == "1px"
    open_tab(page, "Batch")
    text = page.locator("#batch-files [data-testid=upload-text]")
    expect(text).to_contain_text("Drop images")
    assert text.inner_text().strip().splitlines() == [
        "Drop images here, paste them,", "or click or tap to choose files",
    ]  # fmt: skip


def test_tabs_with_results_have_no_violation(page, violations, photo, tmp_path):
    path, broken = photo(size=(300, 200)), tmp_path / "broken.png"
    broken.write_bytes(BROKEN)
    choose(page, "upscale-image", path)
    page.wait_for_selector("#upscale-image img")
    page.click("#upscale-start")
    page.wait_for_selector("#upscale-viewer .viewer[data-state=ready]")
    assert violations() == []
    open_tab(page, "Compare")
    choose(page, "compare-image", path)
    page.wait_for_selector("#compare-image img")
    page.click("#compare-start")
    expect(page.locator("#compare-status")).to_contain_text("models, one region")
    page.wait_for_selector("#compare-viewer .viewer[data-state=ready]")
    assert violations() == []
    open_tab(page, "Batch")
    choose(page, "batch-files", path, broken)
    page.locator("#batch-files").get_by_text("broken").wait_for()
    page.click("#batch-start")
    expect(page.locator("#batch-status")).to_contain_text("1 failed")
    page.locator("#batch-results .job-show").first.click()
    page.wait_for_selector("#batch-viewer .viewer[data-state=ready]")
    assert violations() == []
    open_tab(page, "Faces")
    page.click("#faces-start")
    expect(page.locator("#faces-status")).to_contain_text("Done")
    expect(page.locator("#faces-gallery button img")).to_have_count(8)
    assert violations() == []
    open_tab(page, "Fine-tune")
    page.click("#finetune-start")
    expect(page.locator("#finetune-status").get_by_role("alert")).to_be_visible()
    assert violations() == []


def test_the_keyboard_previews_a_region_and_moves_the_viewer(page, photo):
    choose(page, "upscale-image", photo(size=(600, 600)))
    page.wait_for_selector("body.has-image #upscale-image img")  # the last change of the layout
    frame = page.get_by_role("button", name=re.compile("^Preview a region of the image"))
    frame.focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowUp"):
        page.keyboard.press(key)
    expect(frame).to_have_attribute("aria-label", re.compile("60 % from the left, 45 % from"))
    page.keyboard.press("Enter")
    status = page.locator("#upscale-status")
    expect(status).to_contain_text(re.compile(r"at \d+, \d+,"))
    place = re.search(r"at (\d+), (\d+),", status.inner_text()).groups()
    shown_pixel = 600 / page.locator("#upscale-image img").bounding_box()["height"]
    # 60 and 45 % of 600 pixels, less half the side of a region, to the nearest shown pixel.
    assert [int(side) for side in place] == pytest.approx([280, 190], abs=shown_pixel + 0.5)
    # The viewer may still show the result of an earlier test.
    job = page.locator("#upscale-shown a").get_attribute("href").rpartition("/")[2]
    page.wait_for_selector(f"#upscale-viewer .viewer[data-state=ready][data-jobs='{job}']")
    page.locator("#upscale-viewer .viewer-stage").focus()
    page.keyboard.press("2")
    expect(page.locator("#upscale-viewer output")).to_have_text("200 %")


def test_messages_are_announced(page, photo, tmp_path):
    """The live regions are on the page before their texts."""
    announcer = page.locator("#announcer[role=status]")
    expect(announcer).to_have_text("")
    (tmp_path / "notes.png").write_text("notes")
    choose(page, "upscale-image", tmp_path / "notes.png")
    expect(page.get_by_role("status").filter(has_text="notes.png is not a")).to_be_visible()
    choose(page, "upscale-image", photo())
    page.wait_for_selector("#upscale-image img")
    page.click("#upscale-start")
    expect(announcer).to_contain_text("Done")
