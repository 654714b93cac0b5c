"""`send_file`: response that a client saves as a file, with the file's name in two forms.

One form has all letters. The other is in ASCII, for clients that read no other, such as `curl -OJ`.
`HeldStream` is the response with a file that is written while it is sent, such as a zip.
"""

import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from urllib.parse import quote

from fastapi.responses import FileResponse, StreamingResponse
from starlette.background import BackgroundTask
from starlette.types import Receive, Scope, Send

_REPLACEMENTS = str.maketrans(
    {"ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O",
     "ł": "l", "Ł": "L", "đ": "d", "Đ": "D"}
)  # fmt: skip
"""Replacements of letters that Unicode does not decompose into a letter and an accent."""
_UNSAFE = frozenset('"\\/%')
"""Characters that end or escape the text in quotes, separate folders, or escape others in a URL."""


def send_file(
    path: Path,
    name: str,
    media_type: str,
    headers: Mapping[str, str],
    background: BackgroundTask | None = None,
) -> FileResponse:
    """Build the response with a file.

    Args:
        path: the file.
        name: name under which the client saves it.
        media_type: such as `image/png`.
        headers: further headers.
        background: runs after the file was sent.
    """
    headers = {"Content-Disposition": content_disposition(name), **headers}
    return FileResponse(path, media_type=media_type, headers=headers, background=background)


class HeldStream(StreamingResponse):
    """Response of chunks, sent within a context that ends when the client disconnects too.

    A context within the generator of the chunks would end when Python collects the generator: much
    later, and in any thread, which may hold a lock that the end of the context needs.

    Args:
        chunks: parts of the body.
        context: entered before the response is sent, and left after it.
        media_type: such as `application/zip`.
        headers: further headers.
    """

    def __init__(
        self,
        chunks: Iterator[bytes],
        context: AbstractContextManager[None],
        *,
        media_type: str,
        headers: Mapping[str, str],
    ) -> None:
        super().__init__(chunks, media_type=media_type, headers=headers)
        self._context = context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response."""
        with self._context:
            await super().__call__(scope, receive, send)


def content_disposition(name: str) -> str:
    r"""Return the header that names a file, by RFC 6266.

    >>> content_disposition("a.png")
    'attachment; filename="a.png"'
    >>> content_disposition("Straße.png")
    'attachment; filename="Strasse.png"; filename*=UTF-8\'\'Stra%C3%9Fe.png'
    """
    fallback = _in_ascii(name)
    header = f'attachment; filename="{fallback}"'
    if fallback == name:
        return header
    # RFC 8187: percent-encoded UTF-8, also of "/".
    return f"{header}; filename*=UTF-8''{quote(name, safe='', errors='replace')}"


def _in_ascii(name: str) -> str:
    """Return a name in printable ASCII: without accents, and with `_` for every other character."""
    decomposed = unicodedata.normalize("NFKD", name.translate(_REPLACEMENTS))
    return "".join(
        character if " " <= character <= "~" and character not in _UNSAFE else "_"
        for character in decomposed
        if not unicodedata.combining(character)
    )
