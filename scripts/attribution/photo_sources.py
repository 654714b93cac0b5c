"""Sources of the training photos, from the manifests of their archives and `photo_credits.toml`."""

import json
import re
import tomllib
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from srgan_gp.errors import UsageError

CREDITS = Path(__file__).resolve().parents[1] / "photo_credits.toml"
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
AUTHOR_IN_NAME = re.compile(r".+_by_(?P<at_end>.+)|(?P<at_start>.+?)__.+__4k")
"""Matches `Field_by_Jane_Doe` and `jane_doe__field__4k`: the author is at the end or the start."""


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
    """As stated in `photo_credits.toml`, or else in the manifest for this photo or its source."""


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


def read_sources(folder: Path) -> list[Source]:
    """Read the manifests of all archives, and the names of the files in the archives.

    Returns:
        The sources, sorted; a source of several archives is listed once.

    Raises:
        UsageError: there are no manifests, a manifest or its archive cannot be read, or a manifest
            does not list the sources of all photos.
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
    # By file name without suffix: authors that the manifest lacks, and licences that replace those
    # of the manifest. "*" has the author of all other photos.
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
    return (found["at_end"] or found["at_start"].title()).replace("_", " ")
