#!/usr/bin/env python3
"""Write weights/ATTRIBUTION.md: sources, authors and licences of the training photos.

scripts/update_attribution.py            update the file
scripts/update_attribution.py --check    change nothing; exit 1 if the file is not up to date
"""

import argparse
import json
import os
import re
import sys
import tomllib
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from srgan_gp.errors import SrganGpError, UsageError
from srgan_gp.system.files import atomic_write

ROOT = Path(__file__).resolve().parent.parent
CREDITS = ROOT / "scripts" / "photo_credits.toml"
TARGET = ROOT / "weights" / "ATTRIBUTION.md"
ARCHIVES = ("photos_train-", "photos_more_train-")
"""Prefixes of the archives that the shipped photo models are trained on. Beside an archive NAME.zip
is its manifest NAME.json, which lists the sources of the photos."""

PREFIXES = {
    ("imazen/codec-corpus", "CID22/CID22-512"): "cid22_",
    ("imazen/codec-corpus", "clic2025"): "clic_",
    ("BuddiesOfBudgie/budgie-backgrounds", "backgrounds"): "budgie_",
    ("elementary/wallpapers", "backgrounds"): "elementary_",
    ("pop-os/wallpapers", "original"): "pop_",
    ("SqueezeSoftware/test_files", "Unsplash/jpg_original"): "unsplash_",
}
"""Prefixes of the file names in the archives, by repository and folder, for the sources whose files
the manifest does not list."""
AUTHOR_IN_NAME = re.compile(r".+_by_(?P<last>.+)|(?P<first>.+?)__.+__4k")
"""Matches `Field_by_Jane_Doe` and `jane_doe__field__4k`."""

LICENCE = re.compile(r"CC[ -](?P<kind>BY(?:-SA)?)(?:[ -](?P<version>\d\.\d))?")
"""Matches `CC-BY-SA-4.0` and `CC BY`."""
PER_FILE = re.compile(r"per file[^:]*: CC BY")
"""Matches the statement of a source whose files have different licences."""

INTRO = """\
# Attribution of the training photos

The photo models are trained on {total} photos. {named} of them are under CC BY or CC BY-SA; they
are listed first, with source, author and licence. The others are counted at the end.

Changes: the photos were converted to sRGB, downscaled and cropped to 512x512 where they were
larger, and stored as JPEG of quality 95.

Written by `scripts/update_attribution.py`, from the manifests of the data and, where those name no
author, from `scripts/photo_credits.toml`: change nothing by hand.
"""


@dataclass(frozen=True)
class Photo:
    """One photo of an archive."""

    name: str
    """Name of the file in the archive."""
    path: str
    """Path in the source repository; empty if unknown."""
    author: str
    """Empty if unknown."""
    licence: str
    """As stated in the manifest for this photo, or else for its source."""


@dataclass(frozen=True)
class Source:
    """The photos that were taken from one folder of a GitHub repository.

    Attributes:
        repository: OWNER/NAME.
        commit: hash of the commit.
        path: the folder; empty: the whole repository.
        licence: licence as the source states it.
        photos: the photos.
    """

    repository: str
    commit: str
    path: str
    licence: str
    photos: tuple[Photo, ...]

    @property
    def link(self) -> str:
        """Markdown link to the source at its commit."""
        folder = f"/{self.path}" if self.path else ""
        address = f"https://github.com/{self.repository}/tree/{self.commit}{folder}"
        return f"[{self.repository}{folder}]({address})"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the file; return the exit code."""
    shared = Path(os.environ.get("SRGAN_GP_SHARED", ROOT.parent / "shared"))
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--check", action="store_true", help="change nothing, exit 1 if not up to date"
    )
    parser.add_argument(
        "--data",
        type=Path,
        default=shared / "data",
        metavar="DIR",
        help="folder with the archives and their manifests [$SRGAN_GP_SHARED/data or "
        "../shared/data]",
    )
    options = parser.parse_args(arguments)
    try:
        text = attribution(read_sources(options.data))
    except SrganGpError as error:
        print(f"update_attribution.py: error: {error}", file=sys.stderr)
        return error.exit_code
    if options.check:
        is_stale = not TARGET.exists() or TARGET.read_text(encoding="utf-8") != text
        if is_stale:
            print(f"{TARGET} is not up to date: run scripts/update_attribution.py", file=sys.stderr)
        return int(is_stale)
    with atomic_write(TARGET) as file:
        file.write(text.encode())
    print(TARGET)
    return 0


def read_sources(folder: Path) -> list[Source]:
    """Read the manifests of all archives, and the file names of archives whose manifest has none.

    Returns:
        The sources, sorted; a source of several archives is listed once.

    Raises:
        UsageError: there are no manifests, or one cannot be read.
    """
    manifests: list[Path] = []
    for prefix in ARCHIVES:
        manifests += sorted(folder.glob(f"{prefix}*.json"))
    if not manifests:
        raise UsageError(f"There are no manifests of photos in {folder}. Pass --data DIR.")
    # By repository, commit, path and licence.
    photos_by_source: dict[tuple[str, str, str, str], list[Photo]] = {}
    for path in manifests:
        try:
            manifest = json.loads(path.read_text(encoding="utf-8"))
            with zipfile.ZipFile(path.with_suffix(".zip")) as archive:
                names = archive.namelist()
            listed = 0
            for entry in manifest["sources"]:
                key = (entry["repo"], entry["commit"], entry.get("path", ""), entry["licence"])
                photos = list(_photos(entry, names))
                photos_by_source.setdefault(key, []).extend(photos)
                listed += len(photos)
        except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            raise UsageError(f"{path} or its archive cannot be read: {error!r}") from error
        if not listed == len(names) == manifest["count"]:
            raise UsageError(f"{path} has sources for {listed} of {len(names)} photos.")
    sources = []
    for key in sorted(photos_by_source, key=lambda key: [text.lower() for text in key]):
        photos = sorted(photos_by_source[key], key=lambda photo: (photo.path, photo.name))
        sources.append(Source(*key, photos=tuple(photos)))
    return sources


def _photos(entry: Mapping[str, Any], names: Iterable[str]) -> Iterator[Photo]:
    """Yield the photos of a source.

    Args:
        entry: the source in a manifest: `repo`, `licence` and `path`; and `files`, or without them
            all files of the archive whose names start with one of `PREFIXES`.
        names: names of all files in the archive.
    """
    repository, licence = entry["repo"], entry["licence"]
    # Authors and licences that the manifest lacks: by file name without suffix, "*" for all.
    credits = tomllib.loads(CREDITS.read_text(encoding="utf-8")).get(repository, {})
    default_author = credits.get("*", {}).get("author", "")
    if "files" not in entry:
        prefix = PREFIXES[repository, entry["path"]]
        for name in names:
            if name.startswith(prefix):
                yield Photo(name, "", default_author, licence)
        return
    for file in entry["files"]:
        path = file["path"]
        credit = credits.get(Path(path).stem, {})
        author = file.get("author") or credit.get("author") or author_in(path) or default_author
        photo_licence = credit.get("licence") or file.get("licence", licence)
        yield Photo(file["name"], path, author, photo_licence)


def author_in(path: str) -> str:
    """Return the author in the file name of a photo; empty if there is none.

    >>> author_in("backdrops/Field_by_Jane_Doe.jpg")
    'Jane Doe'
    """
    found = AUTHOR_IN_NAME.fullmatch(Path(path).stem)
    if not found:
        return ""
    return (found["last"] or found["first"].title()).replace("_", " ")


def needs_attribution(licence: str) -> bool:
    """Return whether a licence is CC BY or CC BY-SA, or mentions one for some of the photos.

    >>> needs_attribution("CC-BY-SA-4.0"), needs_attribution("per file: CC BY 4.0, CC0")
    (True, True)
    """
    return bool(LICENCE.match(licence) or PER_FILE.match(licence))


def short_licence(licence: str) -> str:
    """Return the short name of a photo's licence; "see above" for a statement about several photos.

    >>> short_licence("CC-BY-SA-4.0")
    'CC BY-SA 4.0'
    """
    parts = LICENCE.match(licence)
    if not parts or "per file" in licence:
        return "see above"
    kind, version = parts["kind"], parts["version"]
    return f"CC {kind} {version}" if version else f"CC {kind}, version not stated"


def attribution(sources: Sequence[Source]) -> str:
    """Return the content of weights/ATTRIBUTION.md."""
    # Each source, with the photos that are listed by name.
    named: list[tuple[Source, list[Photo]]] = []
    for source in sources:
        photos = [photo for photo in source.photos if needs_attribution(photo.licence)]
        named.append((source, photos))
    total = sum(len(source.photos) for source in sources)
    lines = INTRO.format(total=total, named=sum(len(photos) for _, photos in named)).splitlines()
    lines += ["", "## Photos under CC BY and CC BY-SA", "", *licence_links(named)]
    for source, photos in named:
        if photos:
            lines += ["", *named_lines(source, photos)]
    lines += ["", "## Other photos", "", "| source | licence as stated | photos |", "|---|---|---|"]
    for source in sources:
        others = [photo for photo in source.photos if not needs_attribution(photo.licence)]
        for licence in sorted({photo.licence for photo in others}):
            count = sum(photo.licence == licence for photo in others)
            lines.append(f"| {source.link} | {licence} | {count} |")
    return "\n".join(lines) + "\n"


def licence_links(named: Sequence[tuple[Source, Sequence[Photo]]]) -> Iterator[str]:
    """Yield a list of the licences of photos, with links; those without a version are omitted."""
    licences: set[tuple[str, str]] = set()  # kind and version
    for _, photos in named:
        for photo in photos:
            licences |= set(LICENCE.findall(photo.licence))
    yield "Licences:"
    for kind, version in sorted(licences):
        if version:
            address = f"https://creativecommons.org/licenses/{kind.lower()}/{version}/"
            yield f"- CC {kind} {version}: <{address}>"


def named_lines(source: Source, photos: Sequence[Photo]) -> Iterator[str]:
    """Yield the section of a source: a table of photos, or a list if only names are known."""
    yield f"### {source.repository}"
    yield ""
    count = f"{len(photos)} photo{'s' if len(photos) > 1 else ''}"
    yield f"{source.link}, {count}. Licence as stated there: {source.licence}."
    yield ""
    if not any(photo.path for photo in photos):
        yield f"{photos[0].author}, {short_licence(photos[0].licence)}:"
        yield from (f"- `{photo.name}`" for photo in photos)
        return
    yield "| photo | author | licence |"
    yield "|---|---|---|"
    for photo in photos:
        author = photo.author or "named in the source, if at all"
        yield f"| `{photo.path}` | {author} | {short_licence(photo.licence)} |"


if __name__ == "__main__":
    sys.exit(main())
