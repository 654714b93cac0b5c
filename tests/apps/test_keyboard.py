"""The keyboard in a browser: radio buttons, the focus during a run, and second clicks."""

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

JOBS = "fetch('/api/jobs').then(answer => answer.json()).then(answer => answer.jobs)"


def choose(page, name, path):
    page.set_input_files(f"#{name} input[type=file]", str(path))
    page.wait_for_selector(f"#{name} img")


def test_a_group_of_radio_buttons_is_one_stop_and_has_arrow_keys(page, photo):
    choose(page, "upscale-image", photo())
    page.wait_for_selector("body.has-image #upscale-scale")
    page.locator("#upscale-scale input:checked").focus()  # x2, the scale of the model
    page.keyboard.press("ArrowRight")
    expect(page.locator("#upscale-scale label.selected")).to_have_text("x3")
    expect(page.locator("#upscale-estimate")).to_contain_text("→ 120 x 96 pixels")
    page.keyboard.press("Tab")
    assert page.evaluate("!document.activeElement.closest('#upscale-scale')")
    page.keyboard.press("Shift+Tab")
    assert page.evaluate("document.activeElement.value") == "x3"


def test_the_focus_goes_from_an_example_to_the_image_and_from_start_to_stop(page):
    page.locator(".example").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#upscale-image .image-frame")).to_be_focused()
    page.locator("#upscale-start").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")  # does not stop the run
    expect(page.locator("#upscale-status")).to_contain_text("Done")
    expect(page.locator("#upscale-start")).to_be_focused()


def test_the_focus_returns_to_start_when_it_is_usable_again_before_stop_appears(page, photo):
    choose(page, "upscale-image", photo())
    page.wait_for_selector("body.has-image #upscale-scale")
    page.locator("#upscale-start").focus()
    page.evaluate("""() => new Promise((resolve) => {
        const start = document.getElementById("upscale-start");
        start.disabled = true;
        const wait = () => {
            if (document.activeElement !== document.body) return setTimeout(wait, 10);
            start.disabled = false;
            resolve();
        };
        wait();
    })""")
    expect(page.locator("#upscale-start")).to_be_focused()


def test_a_double_click_starts_one_run(page, photo):
    page.get_by_role("tab", name="Compare").click()
    choose(page, "compare-image", photo(size=(300, 300)))
    count = len(page.evaluate(JOBS))
    page.dblclick("#compare-start")
    expect(page.locator("#compare-status")).to_contain_text("4 models, one region")
    jobs = page.evaluate(JOBS)
    assert [job["state"] for job in jobs[count:]] == ["done"] * 4
