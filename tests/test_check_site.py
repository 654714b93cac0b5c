"""The check of the built documentation site finds what it is for."""

import importlib.util
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def check_site():
    path = ROOT / "scripts" / "check_site.py"
    specification = importlib.util.spec_from_file_location("check_site", path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture
def site(tmp_path):
    """Two pages that link to each other, a style sheet and an image."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "index.html").write_text(
        '<link rel="stylesheet" href="site.css"><h1 id="top">A</h1><img src="deep/a.png">'
        '<a href="deep/page.html#part">b</a><a href="https://example.org/">elsewhere</a>'
    )
    (tmp_path / "deep" / "page.html").write_text('<h2 id="part">B</h2><a href="../#top">back</a>')
    (tmp_path / "deep" / "a.png").write_bytes(b"")
    (tmp_path / "site.css").write_text("body { background: url(deep/a.png) }")
    return tmp_path


def faults(check_site, site):
    return [*check_site.broken_links(site), *check_site.foreign_files(site)]


def test_a_whole_site_has_no_faults(check_site, site):
    assert faults(check_site, site) == []


@pytest.mark.parametrize(
    ("html", "fault"),
    [
        ('<a href="missing.html">x</a>', "no such file"),
        ('<a href="deep/page.html#missing">x</a>', "no such anchor"),
        ('<a href="#missing">x</a>', "no such anchor"),
        ('<img src="missing.png">', "no such file"),
        ('<img src="https://example.org/a.png">', "loads https://example.org/a.png"),
        ('<script src="//example.org/a.js"></script>', "loads //example.org/a.js"),
        ('<link rel="preconnect" href="https://fonts.example.org">', "loads https://fonts"),
        ('<img srcset="deep/a.png 1x, https://example.org/b.png 2x">', "loads https://example.org"),
        ("<style>@import 'https://example.org/a.css';</style>", "loads https://example.org"),
        ('<div style="background: url(http://example.org/a.png)"></div>', "loads http://example"),
        ('<iframe src="https://example.org/"></iframe>', "loads https://example.org/"),
    ],
)
def test_a_fault_on_a_page_is_found(check_site, site, html, fault):
    with (site / "index.html").open("a") as page:
        page.write(html)
    found = faults(check_site, site)
    assert len(found) >= 1
    assert fault in found[0]


def test_a_style_sheet_that_loads_from_elsewhere_is_found(check_site, site):
    (site / "site.css").write_text("@font-face { src: url('https://example.org/a.woff2') }")
    assert faults(check_site, site) == ["site.css: loads https://example.org/a.woff2"]


@pytest.mark.browser
def test_a_request_of_a_script_is_seen(check_site, site, monkeypatch):
    assert shutil.which("chromium"), "the tests marked `browser` need Chromium"
    search = (
        '<input data-md-component="search-query"><a class="md-search-result__link">a</a>'
        "<script>fetch('https://example.org/data.json').catch(() => {})</script>"
    )
    with (site / "index.html").open("a") as page:
        page.write(search)
    found = set(check_site.foreign_requests(site))
    assert "index.html: requests https://example.org/data.json" in found
