"""Limits of the number of files and fields of a form, checked while its bytes are received.

The app behind this guard parses the form later, and stores its files.
"""

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from srgan_gp.errors import UsageError
from srgan_gp.serving.error_responses import Refusal

NEEDS_FILE = "picture: a file is required. With curl, send it as a form: -F picture=@FILE."
"""Message about an image that was not sent as a file of a form; `body_limits` and `http.forms` send
it."""
MAX_FIELDS = 100
"""Maximum number of non-file fields in one form; the API has fewer than ten. A form of very many
fields would take memory and time of the app, which parses all of them."""


def is_multipart(content_type: str) -> bool:
    """Return whether a content type is a form that may contain files."""
    return content_type.strip().lower().startswith("multipart/")


def is_urlencoded(content_type: str) -> bool:
    """Return whether a content type is a form that cannot contain files."""
    return content_type.strip().lower().startswith("application/x-www-form-urlencoded")


class FormCounter:
    """Counts the files and fields of a multipart form, and refuses it above a limit.

    Args:
        content_type: content type of the request, with the boundary.
        max_files: maximum number of files in the form.

    Raises:
        Refusal: the boundary is missing or invalid, or the charset is not UTF-8. A form may name
            any Python codec, and some of them take minutes for a megabyte.
    """

    def __init__(self, content_type: str, max_files: int) -> None:
        _media_type, options = parse_options_header(content_type)
        if options.get(b"charset", b"utf-8").lower() not in (b"utf-8", b"utf8"):
            raise _malformed("its charset must be UTF-8")
        boundary = options.get(b"boundary")
        if not boundary:
            raise _malformed("it has no boundary")
        self.files = 0
        """Parts of the form so far that have a file name."""
        self.fields = 0
        """Parts of the form so far that have no file name."""
        self._max_files = max_files
        self._header_name, self._header_value = b"", b""  # of the header that is being parsed
        self._is_file = False  # whether the part that is being parsed has a file name
        callbacks = {
            "on_header_field": self._add_to_header_name,
            "on_header_value": self._add_to_header_value,
            "on_header_end": self._end_header,
            "on_headers_finished": self._count_part,
        }
        try:
            self._parser = MultipartParser(boundary, callbacks)  # type: ignore[arg-type]
        except FormParserError as error:
            raise _malformed("its boundary is too long") from error

    def feed(self, chunk: bytes) -> None:
        """Parse the next bytes.

        Raises:
            Refusal: a limit is exceeded, or the form is malformed.
        """
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise _malformed("it is truncated or malformed") from error

    def _add_to_header_name(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _add_to_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _end_header(self) -> None:
        """Record whether the part is a file, which has a file name in its Content-Disposition."""
        if self._header_name.strip().lower() == b"content-disposition":
            _disposition, options = parse_options_header(self._header_value)
            self._is_file = b"filename" in options
        self._header_name, self._header_value = b"", b""

    def _count_part(self) -> None:
        """Count a part whose headers are complete.

        Raises:
            Refusal: a limit is exceeded.
        """
        if self._is_file:
            self.files += 1
        else:
            self.fields += 1
        self._is_file = False
        if self.files > self._max_files:
            raise too_many(self._max_files, "files")
        if self.fields > MAX_FIELDS:
            raise too_many(MAX_FIELDS, "fields")


def too_many(maximum: int, kind: str) -> Refusal:
    """Build the refusal of a request with too many parts.

    Args:
        maximum: the limit.
        kind: `files` or `fields`.
    """
    return Refusal(
        413,
        f"E_TOO_MANY_{kind.upper()}",
        f"A request may have at most {maximum} {kind}. Send fewer at a time.",
    )


def _malformed(reason: str) -> Refusal:
    """Build the refusal of a form that cannot be parsed."""
    return Refusal(400, UsageError.code, f"The form cannot be read: {reason}.")
