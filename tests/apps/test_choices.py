"""Words of the page before and after a start, in a browser: estimates, names, refusals, tabs."""

import re
import zipfile

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def choose(page, name, *paths):
    page.set_input_files(f"#{name} input[type=file]", [str(path) for path in paths])


def open_tab(page, name):
    page.get_by_role("tab", name=name).click()


def expect_tab(page, name):
    expect(page.get_by_role("tab", name=name)).to_have_attribute("aria-selected", "true")


def test_a_notice_can_be_closed_and_back_opens_the_previous_tab(page, tmp_path):
    (tmp_path / "notes.png").write_text("notes")
    text = page.locator("#notice p").filter(has_text="notes.png is not a")
    choose(page, "upscale-image", tmp_path / "notes.png")
    expect(text).to_be_visible()
    page.get_by_role("button", name="Close the message").click()
    expect(page.locator("#notice")).to_be_hidden()
    choose(page, "upscale-image", tmp_path / "notes.png")
    expect(text).to_be_visible()
    open_tab(page, "Compare")
    expect(page.locator("#notice")).to_be_hidden()
    open_tab(page, "Batch")
    for name in ("Compare", "Upscale"):
        page.go_back()
        expect_tab(page, name)
    page.go_forward()
    expect_tab(page, "Compare")


def test_a_comparison_says_its_region_and_time_and_uses_the_chosen_words(page, photo):
    open_tab(page, "Compare")
    choose(page, "compare-image", photo(size=(300, 200)))
    expect(page.locator("#compare-estimate")).to_contain_text(
        re.compile(
            r"a part of 160 x 160 pixels, enlarged to 640 x 640: about \d+ s on this server\. "
            "Click or tap the photo to compare there"
        )
    )
    page.click("#compare-start")
    expect(page.locator("#compare-status")).to_contain_text("models, one region")
    labels = page.locator("#compare-viewer .viewer-label")
    expect(labels).to_have_count(5)
    assert [label.split(" · ")[0] for label in labels.all_inner_texts()] == [
        "Original", "Photo", "Photo, faithful", "Clean image", "Face",
    ]  # fmt: skip


def add_job(route):
    """Add a job of the tab in another window to the jobs that the page gets."""
    answer = route.fetch().json()
    answer["jobs"].append(answer["jobs"][-1] | {"id": "f" * 32})
    route.fulfill(json=answer)


def test_a_batch_says_its_time_before_and_its_skipped_files_after(page, photo, tmp_path):
    (tmp_path / "notes.png").write_text("notes")
    open_tab(page, "Batch")
    choose(page, "batch-files", photo("a.png"), tmp_path / "notes.png", photo("bb.png"))
    estimate = page.locator("#batch-estimate")
    expect(estimate).to_contain_text(re.compile(r"2 images, about \d+ s on this server\."))
    expect(estimate).to_contain_text("Skipped: notes.png is not a JPEG")
    open_tab(page, "Upscale")
    open_tab(page, "Batch")
    page.click("#batch-start")
    expect(page.locator("#batch-status")).to_contain_text(
        "2 of 3 done; notes.png skipped: cannot be read."
    )
    expect(page.locator("#batch-failures")).to_contain_text("notes.png is not a JPEG")
    expect(estimate).to_contain_text("Skipped")
    page.locator("#batch-files").get_by_label("Clear").click()
    expect(estimate).to_have_text("")
    expect(page.locator("#batch-skipped textarea, #batch-skipped input")).to_have_value("[]")
    jobs = page.locator("#history .job").count()  # of this test and of those before
    page.route("**/api/jobs", add_job)
    page.reload()
    expect(page.locator("#history .job")).to_have_count(jobs + 1)
    expect(page.locator("#batch-results .job-done")).to_have_count(2)
    with page.expect_download() as found:
        page.click("#batch-download")
    with zipfile.ZipFile(found.value.path()) as archive:
        assert archive.namelist() == ["a_tiny_2x.png", "bb_tiny_2x.png"]
    page.locator("#batch-results").get_by_label("Remove a.png").click()
    expect(page.locator("#batch-download")).to_contain_text("Download 1 of 2 as a zip file")


def test_a_width_gives_a_size_or_an_error_before_the_start(page, photo):
    choose(page, "upscale-image", photo())
    page.get_by_label("Width", exact=True).first.click()
    width, estimate = (
        page.get_by_label("Width of the result").first,
        page.locator("#upscale-estimate"),
    )
    width.fill("100")
    expect(estimate).to_contain_text("40 x 32 → 100 x 80 pixels, about")
    width.fill("-5")
    expect(estimate).to_have_text("The width must be from 1 to 1,000,000 pixels.")


def test_the_time_is_that_of_the_model_in_use(page, photo):
    speeds = {"tiny": 1e5, "small": 1e4}  # seconds per megapixel; the photo has 0.00128

    def answer(route):
        speed = speeds.get(route.request.url.split("/")[-2])
        status = 500 if speed is None else 200
        route.fulfill(status=status, json={"seconds_per_megapixel": speed})

    page.route("**/api/models", lambda route: route.fulfill(
        json={"models": [{"name": "tiny", "x2_model": "small"}, {"name": "photo-x4"}]}
    ))  # fmt: skip
    page.route("**/api/models/*/speed", answer)
    choose(page, "upscale-image", photo())
    estimate = page.locator("#upscale-estimate")
    expect(estimate).to_contain_text("40 x 32 → 80 x 64 pixels, about 15 s")
    page.locator("#upscale-scale").get_by_label("Width").click()
    page.get_by_label("Width of the result").first.fill("80")
    expect(estimate).to_contain_text("40 x 32 → 80 x 64 pixels, about 15 s")
    page.get_by_label("Width of the result").first.fill("100")
    expect(estimate).to_contain_text("40 x 32 → 100 x 80 pixels, about 3 min")
    page.locator("#upscale-model").get_by_label("Photo", exact=True).click()
    expect(estimate).to_have_text("40 x 32 → 160 x 128 pixels")  # the size of another model
    page.locator("#upscale-scale").get_by_label("Width").click()
    expect(estimate).to_have_text("40 x 32 → 100 x 80 pixels")
