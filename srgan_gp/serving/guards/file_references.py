"""File references in the JSON of a request to Gradio: a check that they name uploads only.

In the JSON of Gradio a file is an object with the keys `path` and, optionally, `url`, at any depth.
Gradio would fetch a file named by a URL, decode an image in a `data:` URL without any limit, and
serve files of the server. So `body_limits` refuses a request with such a reference.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import cast
from urllib.parse import unquote, urlsplit

# A scheme has at least two characters, so that C: is the drive of a Windows path.
_URL = re.compile(r"\s*[a-z][a-z0-9+.-]+:|\s*//|\s*\\\\", re.IGNORECASE)
_UPLOADS_PATH = "/gradio_api/file="
_MAX_PATH_LENGTH = 1024  # each directory in a path costs a system call; upload paths have few


def is_url(text: str) -> bool:
    r"""Return whether a text is a URL, or becomes one when it is percent-decoded once or twice.

    A text that starts with // or \\ counts as one, because it names a host.

    >>> [is_url(text) for text in ("http://a", "data%3Aimage/png", "//a/b", "/tmp/a b.png")]
    [True, True, True, False]
    """
    for _decodings in range(3):  # undecoded, decoded once, and twice
        if _URL.match(text):
            return True
        text = unquote(text)
    return False


def outside_reference(value: object, host: str, uploads: Path | None) -> str | None:
    """Return the first reference in a request's JSON to anything but an uploaded file.

    Args:
        value: a request body as `json.loads` returns it.
        host: Host header of the request. A URL of this host is valid for the files that the server
            serves: the page sends it along with the path.
        uploads: directory of all uploaded and generated files; None: no file may be named.

    Returns:
        The path or URL; None: all references are uploaded files.
    """
    folder = None if uploads is None else uploads.resolve()
    for key, text in _texts_of_objects(value):
        if key == "path" and (is_url(text) or not _is_below(text, folder)):
            return text
        # Gradio ignores a `url` that is no URL, and uses `path`.
        if key == "url" and is_url(text) and not _is_served_here(text, host):
            return text
    return None


def count_files(value: object) -> int:
    """Count the file references in a request's JSON.

    >>> count_files({"data": [{"path": "/a"}, [{"path": "/a", "url": None}], "path"]})
    2
    """
    return sum(key == "path" for key, _text in _texts_of_objects(value))


def _is_below(path: str, folder: Path | None) -> bool:
    """Return whether a path, with its links resolved, is in a folder; False without a folder."""
    if folder is None or len(path) > _MAX_PATH_LENGTH:
        return False
    try:
        return Path(path).resolve().is_relative_to(folder)
    except (OSError, ValueError):  # too long, or contains a NUL
        return False


def _is_served_here(url: str, host: str) -> bool:
    """Return whether a URL is below the path of uploads on this server.

    The rest of the path is not checked: Gradio itself refuses files that are no uploads.
    """
    try:
        parts = urlsplit(url.strip())
    except ValueError:  # such as an unclosed bracket
        return False
    is_this_host = parts.scheme in ("http", "https") and parts.netloc.lower() == host.lower()
    return is_this_host and parts.path.startswith(_UPLOADS_PATH)


def _texts_of_objects(value: object) -> Iterator[tuple[str, str]]:
    """Yield (key, text) for each text that is a value of a JSON object, at any depth.

    Texts that are items of a list have no key and are not yielded.
    """
    stack = [value]  # no recursion: the JSON may be nested deeply
    while stack:
        item = stack.pop()
        # The casts only tell the type checker that the items and values are of any type.
        if isinstance(item, list):
            stack += cast(list[object], item)
        elif isinstance(item, dict):
            for key, inner in cast(dict[str, object], item).items():
                if isinstance(inner, str):
                    yield key, inner
                else:
                    stack.append(inner)
