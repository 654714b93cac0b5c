#!/usr/bin/env python3
"""Check a built documentation site: links, anchors, and that no page loads anything from elsewhere.

scripts/check_site.py site              read the files
scripts/check_site.py site --browser    also open every page in Chromium and watch its requests
"""

import argparse
import re
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    import playwright.sync_api

SEARCH_TRIES, SEARCH_MS = 20, 3_000
"""Number of searches until one finds something, and milliseconds to wait for each. The search index
is built in the browser, which takes long on a busy machine."""

_LOADS = {
    "audio": "src", "embed": "src", "form": "action", "iframe": "src", "img": "src",
    "input": "src", "link": "href", "object": "data", "script": "src", "source": "src",
    "use": "href", "video": "src",
}  # fmt: skip
"""Elements for which a browser sends a request, and the attribute with the address. It sends the
request of a `form` when the form is submitted, and all others by itself."""

# Addresses on other hosts in a style sheet or a `style` attribute.
_IN_STYLE = re.compile(r"(?:url\(|@import)\s*['\"]?\s*((?:https?:)?//[^'\")\s]+)")


class Page(HTMLParser):
    """The links, the anchors and the loaded files of one page.

    Args:
        text: the HTML.

    Attributes:
        links: targets of `<a href>`.
        loads: addresses of the files that a browser fetches by itself.
        anchors: values of all `id` and `name` attributes.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)
        self.loads += _IN_STYLE.findall(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Add the links, files and anchors of one element; `HTMLParser.feed` calls it."""
        values = {name: value for name, value in attrs if value}
        self.anchors |= {values[name] for name in ("id", "name") if name in values}
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if tag in _LOADS and _LOADS[tag] in values:
            self.loads.append(values[_LOADS[tag]])
        if "srcset" in values:
            # Addresses with sizes: "small.png 1x, large.png 2x".
            self.loads += [part.split()[0] for part in values["srcset"].split(",")]


def main() -> int:
    """Print the faults of a site; return 0, or 1 if there are any, or no pages."""
    parser = argparse.ArgumentParser(description="Check a built documentation site.")
    parser.add_argument("site", type=Path, help="folder of the built site")
    parser.add_argument("--browser", action="store_true", help="also open every page in Chromium")
    options = parser.parse_args()
    faults = [*broken_links(options.site), *foreign_files(options.site)]
    if options.browser:
        faults += foreign_requests(options.site)
    for fault in faults:
        print(fault, file=sys.stderr)
    pages = len(list(options.site.rglob("*.html")))
    print(f"{options.site}: {pages} pages, {len(faults)} faults")
    return 1 if faults or pages == 0 else 0


def broken_links(site: Path) -> Iterator[str]:
    """Yield a message for every link within the site whose file or anchor is missing."""
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}
    for path, page in pages.items():
        if path.name == "404.html":  # its links are absolute: it is served for any path
            continue
        for link in [*page.links, *page.loads]:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc or link == "#":
                continue
            target = path  # of a link such as "#anchor"
            if parts.path:
                target = (path.parent / unquote(parts.path)).resolve()
            if target.is_dir():
                target = target / "index.html"
            name = f"{path.relative_to(site)}: {link}"
            if not target.is_file():
                yield f"{name}: there is no such file"
            elif parts.fragment and target.suffix == ".html":
                target_page = page
                if target != path:
                    # `target` is absolute, the keys of `pages` start with `site` as it was passed.
                    target_page = pages[site / target.relative_to(site.resolve())]
                if unquote(parts.fragment) not in target_page.anchors:
                    yield f"{name}: there is no such anchor"


def foreign_files(site: Path) -> Iterator[str]:
    """Yield a message for every file that a page or a style sheet would load from another host.

    Scripts are not read: they may contain addresses that they never use. `foreign_requests` sees
    their requests.
    """
    for path in sorted(site.rglob("*")):
        addresses: list[str] = []
        if path.suffix == ".html":
            addresses = Page(path.read_text(encoding="utf-8")).loads
        elif path.suffix in (".css", ".svg"):
            addresses = _IN_STYLE.findall(path.read_text(encoding="utf-8"))
        for address in addresses:
            if urlsplit(address).netloc:
                yield f"{path.relative_to(site)}: loads {address}"


def foreign_requests(site: Path) -> list[str]:
    """Open every page in Chromium and search once.

    Returns:
        A message for each request to another host, which is blocked; for each error of a script;
        and if the search finds nothing.
    """
    from playwright.sync_api import Route, sync_playwright

    faults: list[str] = []
    with _served(site) as server, sync_playwright() as playwright:
        own = f"http://127.0.0.1:{server.server_port}/"
        # In a container as root, Chromium does not start with its sandbox.
        browser = playwright.chromium.launch(executable_path=_chromium(), args=["--no-sandbox"])
        page = browser.new_page()

        def check_request(route: Route) -> None:
            address = route.request.url
            if address.startswith((own, "data:", "blob:")):
                route.continue_()
            else:
                faults.append(f"{page.url.removeprefix(own)}: requests {address}")
                route.abort()

        page.route("**/*", check_request)
        page.on("pageerror", lambda error: faults.append(f"{page.url}: {error}"))
        for path in sorted(site.rglob("*.html")):
            page.goto(own + path.relative_to(site).as_posix(), wait_until="networkidle")
        page.goto(f"{own}index.html", wait_until="networkidle")
        if not _finds(page, "penalty"):
            faults.append("The search finds nothing.")
        browser.close()
    return faults


def _finds(page: "playwright.sync_api.Page", text: str) -> bool:
    """Type into the search field until something is found; return whether it was.

    The field ignores keys while the page starts, so that one attempt is not enough.
    """
    from playwright.sync_api import TimeoutError

    query = page.locator("[data-md-component=search-query]")
    result = page.locator(".md-search-result__link").first
    for _ in range(SEARCH_TRIES):
        query.fill("")
        query.press_sequentially(text)
        try:
            result.wait_for(state="attached", timeout=SEARCH_MS)
            return True
        except TimeoutError:
            continue
    return False


@contextmanager
def _served(site: Path) -> Iterator[ThreadingHTTPServer]:
    """Serve a folder on a free port of this machine until the block ends."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def _chromium() -> str:
    """Return the path of Chromium, or exit with a message."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        raise SystemExit("check_site.py: Chromium is missing: apt-get install chromium")
    return program


if __name__ == "__main__":
    sys.exit(main())
