"""Names for many results in one folder, such that no two can ever meet.

Two names meet when a file system that ignores case, or one that composes accents, takes them for
the same. Everything here is pure: no file is looked at.
"""

import hashlib
import os
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

LONGEST_NAME_BYTES = 220
"""Common file systems allow 255; the rest is room for the mark of an unfinished file."""


def name_key(name: str) -> str:
    """Reduce a name to what every common file system distinguishes.

    >>> name_key("A.PNG") == name_key("a.png")
    True
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def result_names(sources: Sequence[Path], extensions: Sequence[str], suffix: str) -> list[str]:
    """Name the result of each source, all different under `name_key`.

    The name is the source's stem, `suffix` and the extension. Sources whose results would share
    a name keep their whole name instead; where that is not enough, they are numbered in the
    order of their paths. The names do not depend on the order of `sources`.

    Args:
        sources: all different.
        extensions: one for each source, with the dot.
        suffix: added to the stem, may be empty.

    >>> result_names([Path("a.jpg"), Path("a.gif"), Path("b.gif")], [".png"] * 3, "")
    ['a.jpg.png', 'a.gif.png', 'b.png']
    """
    pairs = list(zip(sources, extensions, strict=True))
    short = [shortened(source.stem + suffix, extension) for source, extension in pairs]
    whole = [shortened(source.name + suffix, extension) for source, extension in pairs]
    counts = Counter(map(name_key, short))
    names = [s if counts[name_key(s)] == 1 else w for s, w in zip(short, whole, strict=True)]
    # Names that nobody shares come first, so that a whole name cannot push one aside.
    order = sorted(
        range(len(names)), key=lambda i: (counts[name_key(short[i])], os.fsencode(sources[i]))
    )
    taken: set[str] = set()
    for i in order:
        names[i] = free_name(names[i], taken)
        taken.add(name_key(names[i]))
    return names


def free_name(name: str, taken: Iterable[str]) -> str:
    """Number `name` until its key is not among the keys `taken`.

    >>> free_name("a.png", {"a.png", "a-2.png"})
    'a-3.png'
    """
    taken = taken if isinstance(taken, set) else set(taken)
    candidate, number = name, 1
    while name_key(candidate) in taken:
        number += 1
        path = Path(name)
        candidate = f"{path.stem}-{number}{path.suffix}"
    return candidate


def shortened(stem: str, extension: str) -> str:
    """Join stem and extension; cut a stem too long for a file system and end it with its hash."""
    if len(os.fsencode(stem + extension)) <= LONGEST_NAME_BYTES:
        return stem + extension
    mark = "-" + hashlib.sha256(os.fsencode(stem)).hexdigest()[:8]
    room = LONGEST_NAME_BYTES - len(mark) - len(os.fsencode(extension))
    kept = stem
    while len(os.fsencode(kept)) > room:
        kept = kept[:-1]
    return kept + mark + extension
