"""The page while a browser with a slow connection loads it."""

import pytest

pytestmark = pytest.mark.browser

RECORD = """
window.states = [];
(function record() {
  const loader = document.querySelector(".main > .translucent");
  if (loader && document.querySelector("#headline")) states.push(getComputedStyle(loader).display);
  requestAnimationFrame(record);
})();
"""
"""Appends the `display` of Gradio's text "Loading..." in each frame that has the headline too."""
SLOW = {"offline": False, "latency": 80, "downloadThroughput": 6e5, "uploadThroughput": 2e5}


def test_the_text_of_the_start_does_not_lie_over_the_page(browser, address):
    page = browser.browser.new_page()  # its cache is empty
    try:
        page.add_init_script(RECORD)
        connection = page.context.new_cdp_session(page)
        connection.send("Network.emulateNetworkConditions", SLOW)
        page.goto(address)
        page.wait_for_selector("#scheme")  # the last part of the page
        assert set(page.evaluate("states")) == {"none"}
    finally:
        page.close()
