"""Downloads over HTTPS, with a limit of size and a few attempts."""

import http.client
import time
import urllib.error
import urllib.request
from typing import IO, BinaryIO
from urllib.parse import urlsplit

from srgan_gp.errors import UsageError

SCHEMES = ("https",)  # of addresses that may be opened
_ATTEMPTS = 3
"""Number of attempts. More would outlast longer failures of the network, but delay the message."""
_SECONDS_TO_WAIT = 2.0
"""Pause before the second attempt; twice as long before the third. A longer one helps with a server
that restarts, but delays the message if all attempts fail."""
_TIMEOUT = 30.0
"""Seconds without any byte after which an attempt fails. A shorter time would end slow connections,
a longer one delays the message about a server that does not answer."""


def download(url: str, max_bytes: int) -> bytes:
    """Download a file and return its content.

    Args:
        url: address that begins with https://; redirects to other schemes are refused.
        max_bytes: largest size of the content.

    Raises:
        UsageError: the address is not HTTPS, cannot be reached, or has more than `max_bytes` bytes.
    """
    _require_https(url)
    opener = urllib.request.build_opener(_HttpsRedirects)
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            with opener.open(url, timeout=_TIMEOUT) as response:
                content = read_limited(response, max_bytes, url)
                # After `read`, `length` is the number of bytes that the server announced and did
                # not send. `read` raises no error about missing bytes.
                if response.length:
                    raise http.client.IncompleteRead(content, response.length)
                return content
        except (OSError, http.client.HTTPException) as error:  # URLError is an OSError
            # A status below 500, such as 404, would not change at another attempt.
            is_final = isinstance(error, urllib.error.HTTPError) and error.code < 500
            if is_final or attempt == _ATTEMPTS:
                reason = getattr(error, "reason", None) or error
                raise UsageError(f"{url} cannot be downloaded: {reason}.") from error
        time.sleep(_SECONDS_TO_WAIT * attempt)
    raise AssertionError("unreachable")  # the last attempt returns or raises


def read_limited(file: BinaryIO, max_bytes: int, name: str) -> bytes:
    """Read an open file to its end, and return the content.

    Args:
        file: file or HTTP response.
        max_bytes: largest size of the content.
        name: path or address of the file that the caller expects, for the message.

    Raises:
        UsageError: the file has more than `max_bytes` bytes.
        OSError: the file cannot be read.
    """
    content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise UsageError(f"{name} has more than {max_bytes:,} bytes, so it is not that file.")
    return content


class _HttpsRedirects(urllib.request.HTTPRedirectHandler):
    """Refuses redirects to addresses that are not HTTPS."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        """Return the request that follows a redirect, as in the base class."""
        _require_https(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _require_https(url: str) -> None:
    """Raise a UsageError if an address is not HTTPS."""
    if urlsplit(url).scheme not in SCHEMES:
        raise UsageError(f"{url} is not an HTTPS address; files are fetched over HTTPS only.")
