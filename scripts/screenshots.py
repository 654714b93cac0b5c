#!/usr/bin/env python3
"""Take the screenshots of the app for README and docs: docs/app-upscale.png and app-compare.png.

Needs the shipped models, Playwright and Chromium, as the browser tests do.
"""

import io
import shutil
import subprocess
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

DOCS = Path(__file__).resolve().parent.parent / "docs"
WINDOW = (1440, 1000)
WAIT_MS = 120_000
SETTLE_MS = 2_000
"""Time until the images of a result are drawn."""


def main() -> None:
    """Start a server, take the screenshots and stop it."""
    command = [sys.executable, "-m", "srgan_gp", "app", "--port", "0", "--device", "cpu"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None  # because of stdout=PIPE
        try:
            take_both(server.stdout.readline().strip())
        finally:
            server.terminate()


def take_both(address: str) -> None:
    """Take one screenshot of the light page and one of the dark page."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = opened(browser, address, dark=False)
        run(page, "upscale", "Done")
        page.wait_for_selector("#upscale-viewer .viewer[data-state=ready]")
        save(page, DOCS / "app-upscale.png")
        page = opened(browser, address, dark=True)
        page.get_by_role("tab", name="Compare").click()
        run(page, "compare", "one region")
        page.wait_for_selector("#compare-viewer .viewer[data-state=ready]")
        save(page, DOCS / "app-compare.png")
        browser.close()


def opened(browser: Browser, address: str, *, dark: bool) -> Page:
    """Open the page in a new window."""
    width, height = WINDOW
    page = browser.new_page(
        viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light"
    )
    page.set_default_timeout(WAIT_MS)
    page.goto(address)
    page.wait_for_selector("#upscale-image")
    return page


def run(page: Page, tab: str, ending: str) -> None:
    """Select the example image of a cat, start the job, and wait for its end."""
    page.locator(".example-cat:visible").click()
    page.wait_for_selector(f"#{tab}-image img")
    page.click(f"#{tab}-start")
    expect(page.locator(f"#{tab}-status")).to_contain_text(ending, timeout=WAIT_MS)


def save(page: Page, path: Path) -> None:
    """Save a screenshot with 128 colours, to keep the file small."""
    page.wait_for_timeout(SETTLE_MS)
    shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    shot.quantize(palette=shot.quantize(128)).save(path, optimize=True)  # with dithering


if __name__ == "__main__":
    main()
