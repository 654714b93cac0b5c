#!/usr/bin/env python3
"""Take the screenshots of the app for README and docs, or all that a review needs.

scripts/screenshots.py                 docs/app-upscale.png, app-compare.png and app-phone.png
scripts/screenshots.py --all FOLDER    every state in three sizes, light and dark

Needs the shipped models, Playwright and Chromium, as the browser tests do.
"""

import argparse
import io
import shutil
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
DOCS, EXAMPLES = ROOT / "docs", ROOT / "apps" / "examples"
DESKTOP, TABLET, PHONE = (1440, 900), (1024, 768), (390, 844)
"""Width and height of the window in pixels."""
WAIT_MS = 600_000
"""Longest time to wait for an element or the end of a job."""
SETTLE_MS = 2_000
"""Time to wait before a screenshot, in which the images of a result are drawn."""
DRAWING = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'
"""A file of a type that the app refuses, for the screenshot of an error."""


def main() -> None:
    """Start a server, take the screenshots and stop it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--all", type=Path, metavar="FOLDER", help="take all, into this folder")
    folder = parser.parse_args().all
    command = [sys.executable, "-m", "srgan_gp", "app", "--port", "0", "--device", "cpu"]
    with subprocess.Popen(
        [*command, "--allow-finetune"], stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None  # because of stdout=PIPE
        try:
            address = server.stdout.readline().strip()  # the server prints its address first
            with chromium() as browser:
                if folder is None:
                    take_for_docs(browser, address)
                else:
                    folder.mkdir(parents=True, exist_ok=True)
                    for is_dark in (False, True):
                        take_all(browser, address, folder, is_dark=is_dark)
        finally:
            server.terminate()


@contextmanager
def chromium() -> Generator[Browser]:
    """Open Chromium until the block ends."""
    with sync_playwright() as playwright:
        path = shutil.which("chromium")
        # In a container as root, Chromium does not start with its sandbox.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


def take_for_docs(browser: Browser, address: str) -> None:
    """Take a result on the light page, a comparison on the dark one, and a result on a phone."""
    page = open_app(browser, address, DESKTOP, is_dark=False)
    show_result(page, "upscale", "Done")
    save(page, DOCS / "app-upscale.png")
    phone_width, phone_height = PHONE
    page.set_viewport_size({"width": phone_width, "height": phone_height})
    page.locator("#upscale-viewer").scroll_into_view_if_needed()  # waits until it is at rest
    page.locator("#upscale-viewer").evaluate("viewer => viewer.scrollIntoView()")  # to the top
    save(page, DOCS / "app-phone.png")
    page = open_app(browser, address, DESKTOP, is_dark=True)
    page.get_by_role("tab", name="Compare").click()
    show_result(page, "compare", "one region")
    save(page, DOCS / "app-compare.png")


def take_all(browser: Browser, address: str, folder: Path, *, is_dark: bool) -> None:
    """Take every tab without an image, and the states of the tab Upscale, in all sizes.

    The files are FOLDER/STATE-WIDTH-light.png or FOLDER/STATE-WIDTH-dark.png.
    """
    page = open_app(browser, address, DESKTOP, is_dark=is_dark)

    def take(state: str) -> None:
        for width, height in (DESKTOP, TABLET, PHONE):
            page.set_viewport_size({"width": width, "height": height})
            scheme = "dark" if is_dark else "light"
            save(page, folder / f"{state}-{width}-{scheme}.png")
        page.set_viewport_size({"width": DESKTOP[0], "height": DESKTOP[1]})

    for tab in ("Compare", "Batch", "Faces", "Fine-tune", "Upscale"):
        page.get_by_role("tab", name=tab).click()
        take(f"{tab.lower()}-empty")
    drawing = folder / "drawing.svg"
    drawing.write_text(DRAWING)
    page.set_input_files("#upscale-image input[type=file]", str(drawing))
    page.wait_for_selector("#notice:not(:empty)")
    take("upscale-error")
    page.locator("#notice").click()  # closes it
    page.set_input_files("#upscale-image input[type=file]", str(EXAMPLES / "cat.png"))
    page.wait_for_selector("#upscale-image img")
    take("upscale-chosen")
    page.click("#upscale-start")
    page.wait_for_selector("#upscale-status progress")
    take("upscale-working")
    expect(page.locator("#upscale-status")).to_contain_text("Done", timeout=WAIT_MS)
    page.wait_for_selector("#upscale-viewer .viewer[data-state=ready]")
    take("upscale-result")


def open_app(browser: Browser, address: str, size: tuple[int, int], *, is_dark: bool) -> Page:
    """Open the app in a new window of this width and height."""
    page = browser.new_page(
        viewport={"width": size[0], "height": size[1]},
        color_scheme="dark" if is_dark else "light",
    )
    page.set_default_timeout(WAIT_MS)
    page.goto(address)
    page.wait_for_selector("#scheme")  # the last part of the page
    return page


def show_result(page: Page, tab: str, ending: str) -> None:
    """Select the example image of a cat, start the job, and wait for its end.

    Args:
        page: the app.
        tab: "upscale" or "compare", the start of the ids of the tab's elements.
        ending: text of the status when the job has ended.
    """
    page.locator(".example-cat:visible").click()
    page.wait_for_selector(f"#{tab}-image img")
    page.click(f"#{tab}-start")
    expect(page.locator(f"#{tab}-status")).to_contain_text(ending, timeout=WAIT_MS)
    page.wait_for_selector(f"#{tab}-viewer .viewer[data-state=ready]")
    page.evaluate("scrollTo(0, 0)")


def save(page: Page, path: Path) -> None:
    """Save a screenshot with 128 colours, to keep the file small."""
    page.wait_for_timeout(SETTLE_MS)
    screenshot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    palette = screenshot.quantize(128)
    screenshot.quantize(palette=palette).save(path, optimize=True)  # dithered, unlike `palette`


if __name__ == "__main__":
    main()
