"""References to uploaded files in a request; any other path is refused.

The page's framework would fetch a file named by an address, read a picture out of a `data:` address
past every limit, and hand out files of the server, so such a request never reaches it.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import cast
from urllib.parse import unquote, urlsplit

_SCHEME = re.compile(r"\s*[a-z][a-z0-9+.-]+:|\s*//|\s*\\\\", re.IGNORECASE)
_OWN_FILES = "/gradio_api/file="
_LONGEST_PATH = 1024  # each folder in it is looked at; those of the page have ten


def has_scheme(text: str) -> bool:
    """Say whether a text is an address rather than a path, however often it was quoted.

    >>> [has_scheme(text) for text in ("http://a", "data%3Aimage/png", "//a/b", "/tmp/a b.png")]
    [True, True, True, False]
    """
    for _ in range(3):
        if _SCHEME.match(text):
            return True
        text = unquote(text)
    return False


def outside_reference(value: object, host: str, uploads: Path | None) -> str | None:
    """Find the first file in a request's JSON that is named by something but an uploaded path.

    Args:
        value: what `json.loads` gave.
        host: this server's own name and port, as the request states them; the page writes
            addresses of its own files beside their paths.
        uploads: the folder of everything that was uploaded or made for a visitor; None: no file
            may be named at all.

    Returns:
        The offending text; None: there is none.
    """
    folder = None if uploads is None else uploads.resolve()
    for key, text in _texts(value):
        if key == "path" and (has_scheme(text) or not _is_below(text, folder)):
            return text
        if key == "url" and has_scheme(text) and not _is_own(text, host):
            return text
    return None


def count_files(value: object) -> int:
    """Count the files that a request's JSON names.

    >>> count_files({"data": [{"path": "/a"}, [{"path": "/a", "url": None}], "path"]})
    2
    """
    return sum(key == "path" for key, _ in _texts(value))


def _is_below(path: str, folder: Path | None) -> bool:
    if folder is None or len(path) > _LONGEST_PATH:
        return False
    try:
        return Path(path).resolve().is_relative_to(folder)
    except (OSError, ValueError):  # too long, or with a NUL in it
        return False


def _is_own(address: str, host: str) -> bool:
    try:
        parts = urlsplit(address.strip())
    except ValueError:  # such as an open bracket
        return False
    is_here = parts.scheme in ("http", "https") and parts.netloc.lower() == host.lower()
    return is_here and parts.path.startswith(_OWN_FILES)


def _texts(value: object) -> Iterator[tuple[str, str]]:
    """Give each text in nested objects with the key that it stands under."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, list):
            waiting += cast(list[object], item)
        elif isinstance(item, dict):
            for key, inner in cast(dict[str, object], item).items():
                if isinstance(inner, str):
                    yield key, inner
                else:
                    waiting.append(inner)
