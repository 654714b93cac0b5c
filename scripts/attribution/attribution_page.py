"""Content of weights/ATTRIBUTION.md: photos under CC BY and CC BY-SA by name, others counted."""

import re
from collections.abc import Iterator, Sequence

from attribution.photo_sources import Photo, Source

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


def needs_attribution(licence: str) -> bool:
    """Return whether a licence is CC BY or CC BY-SA, or mentions one for some of the photos.

    >>> needs_attribution("CC-BY-SA-4.0"), needs_attribution("per file: CC BY 4.0, CC0")
    (True, True)
    """
    return bool(LICENCE.match(licence) or PER_FILE.match(licence))


def short_licence(licence: str) -> str:
    """Return the short name of a photo's licence.

    For a statement about several photos the result is "see above": the section of the source quotes
    the statement above the photos.

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
        # Without paths, all photos have the author and the licence of the source.
        yield f"{photos[0].author}, {short_licence(photos[0].licence)}:"
        yield from (f"- `{photo.name}`" for photo in photos)
        return
    yield "| photo | author | licence |"
    yield "|---|---|---|"
    for photo in photos:
        author = photo.author or "named in the source, if at all"
        yield f"| `{photo.path}` | {author} | {short_licence(photo.licence)} |"
