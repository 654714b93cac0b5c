"""The attribution of the training photos, weights/ATTRIBUTION.md."""

import importlib
import json
import os
import re
import zipfile
from pathlib import Path

import pytest

from srgan_gp.errors import UsageError

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("SRGAN_GP_SHARED", ROOT.parent / "shared")) / "data"
FILE = ROOT / "weights" / "ATTRIBUTION.md"
LICENCES = re.compile(r"CC BY(-SA)? [234]\.\d|see above")


@pytest.fixture
def script(monkeypatch):
    """The script, with its folder on `sys.path`."""
    monkeypatch.syspath_prepend(ROOT / "scripts")
    return importlib.import_module("update_attribution")


@pytest.fixture
def page(script):
    return importlib.import_module("attribution.attribution_page")


@pytest.fixture
def photo_sources(script):
    return importlib.import_module("attribution.photo_sources")


def sections(text):
    """Split the list of photos by its headings of sources."""
    listed = text.partition("## Photos under")[2].partition("## Other photos")[0]
    return listed.split("\n### ")[1:]


def test_each_photo_under_cc_by_has_a_path_an_author_and_a_licence():
    text = FILE.read_text(encoding="utf-8")
    total, named = map(int, re.search(r"on (\d+) photos\. (\d+) of them", text).groups())
    listed = 0
    for section in sections(text):
        assert re.search(r"\]\(https://github\.com/[\w.-]+/[\w.-]+/tree/[0-9a-f]{40}", section)
        count = int(re.search(r", (\d+) photos?\. Licence as stated there: ", section)[1])
        rows = re.findall(r"^\| `(.+)` \| (.+) \| (.+) \|$", section, re.MULTILINE)
        for path, author, licence in rows:
            assert path.strip() and author.strip() and LICENCES.fullmatch(licence), path
        names = re.findall(r"^- `(.+)`$", section, re.MULTILINE)
        assert len(rows) + len(names) == count
        listed += count
    others = re.findall(r"^\| \[.+\| (\d+) \|$", text.partition("## Other photos")[2], re.MULTILINE)
    assert listed == named
    assert named + sum(map(int, others)) == total


@pytest.mark.parametrize(
    "licence",
    [
        "CC-BY-4.0",
        "CC-BY-SA",
        "CC BY-SA 3.0 (Ubuntu Kylin community contributors)",
        "CC BY / CC BY-SA 4.0 or CC0 per file",
        "per file in Attribution: CC BY-SA 4.0, CC0, public domain (NASA)",
    ],
)
def test_cc_by_needs_attribution(page, licence):
    assert page.needs_attribution(licence)


@pytest.mark.parametrize(
    "licence",
    [
        "CC0",
        "CC0 1.0",
        "Unsplash",
        "public domain",
        "MIT (repository LICENSE.txt)",
        "per file (debian/copyright): Unsplash CC0, one Pexels Licence",
        "NASA photos (public domain); the illustrations (CC BY-SA) were left out",
    ],
)
def test_other_licences_are_only_counted(page, licence):
    assert not page.needs_attribution(licence)


@pytest.mark.parametrize(
    ("path", "author"),
    [
        ("backdrops/Field_by_Tibor_Mokanszki.jpg", "Tibor Mokanszki"),
        ("backdrops/Passing_by_the_Sea_by_Jane_Doe.jpg", "Jane Doe"),
        ("backdrops/thierry_marthy__unnamed__4k.jpg", "Thierry Marthy"),
        ("backdrops/justrocks.jpg", ""),
        ("standby.jpg", ""),
    ],
)
def test_an_author_is_read_from_a_file_name(photo_sources, path, author):
    assert photo_sources.author_in(path) == author


@pytest.fixture
def data(tmp_path):
    """An archive of three photos: CC BY with an author, CC BY-SA without, and CC0."""

    def write(count=3):
        files = [
            {"name": "a.jpg", "path": "p/a.jpg", "licence": "CC-BY-4.0", "author": "Jane Doe"},
            {"name": "b.jpg", "path": "p/b.jpg", "licence": "CC-BY-SA-3.0"},
            {"name": "c.jpg", "path": "p/c.jpg", "licence": "CC0"},
        ]
        source = {"repo": "some/where", "commit": "1" * 40, "licence": "per file", "files": files}
        manifest = {"count": count, "sources": [source]}
        (tmp_path / "photos_train-0.json").write_text(json.dumps(manifest))
        with zipfile.ZipFile(tmp_path / "photos_train-0.zip", "w") as archive:
            for file in files:
                archive.writestr(file["name"], "")
        return tmp_path

    return write


def test_photos_are_listed_as_in_the_manifest(script, data):
    text = script.attribution(script.read_sources(data()))
    assert "trained on 3 photos. 2 of them" in text
    assert "| `p/a.jpg` | Jane Doe | CC BY 4.0 |" in text
    assert "| `p/b.jpg` | named in the source, if at all | CC BY-SA 3.0 |" in text
    assert f"| [some/where](https://github.com/some/where/tree/{'1' * 40}) | CC0 | 1 |" in text
    assert "p/c.jpg" not in text


def test_a_photo_without_a_source_is_an_error(script, data):
    with pytest.raises(UsageError, match="3 of 3"):
        script.read_sources(data(count=4))


def test_missing_manifests_are_named(script, tmp_path, capsys):
    assert script.main(["--check", "--data", str(tmp_path)]) == 2
    assert "Pass --data DIR" in capsys.readouterr().err


@pytest.mark.shared
def test_the_file_is_up_to_date(script):
    assert script.main(["--check", "--data", str(DATA)]) == 0


@pytest.mark.shared
def test_no_photo_under_cc_by_is_missing():
    text = FILE.read_text(encoding="utf-8")
    manifests = sorted(DATA.glob("photos_more_train-*.json"))
    found = 0
    for manifest in manifests:
        for source in json.loads(manifest.read_text())["sources"]:
            for file in source["files"]:
                if file.get("licence", source["licence"]).startswith(("CC-BY", "CC BY")):
                    assert f"`{file['path']}`" in text
                    found += 1
    assert found > 200
    for archive in sorted(DATA.glob("photos_train-*.zip")):
        with zipfile.ZipFile(archive) as file:
            for name in file.namelist():
                if name.startswith("cid22_"):
                    assert f"`{name}`" in text
