"""Limits on the number of files and fields of a form, checked before it is parsed."""

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from srgan_gp.errors import UsageError
from srgan_gp.serving.error_responses import Refusal

NEEDS_FILE = "picture: a file is required. With curl, send it as a form: -F picture=@FILE."
"""Message about an image that was not sent as a file of a form."""
MAX_FIELDS = 100
"""Maximum number of non-file fields in one form; the API has fewer than ten."""


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
        options = parse_options_header(content_type)[1]
        if options.get(b"charset", b"utf-8").lower() not in (b"utf-8", b"utf8"):
            raise _malformed("its charset must be UTF-8")
        boundary = options.get(b"boundary")
        if not boundary:
            raise _malformed("it has no boundary")
        self.files = self.fields = 0
        self._max_files = max_files
        self._name, self._value = b"", b""
        self._is_file = False
        callbacks = {
            "on_header_field": self._add_to_name,
            "on_header_value": self._add_to_value,
            "on_header_end": self._end_header,
            "on_headers_finished": self._count,
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

    def _add_to_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _add_to_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        """Note whether the part is a file, which has a file name in its Content-Disposition."""
        if self._name.strip().lower() == b"content-disposition":
            self._is_file = b"filename" in parse_options_header(self._value)[1]
        self._name, self._value = b"", b""

    def _count(self) -> None:
        self.files += self._is_file
        self.fields += not self._is_file
        self._is_file = False
        for count, maximum, kind in (
            (self.files, self._max_files, "files"),
            (self.fields, MAX_FIELDS, "fields"),
        ):
            if count > maximum:
                raise too_many(maximum, kind)


def too_many(maximum: int, kind: str) -> Refusal:
    """Build the refusal of a request with too many files or fields."""
    return Refusal(
        413,
        f"E_TOO_MANY_{kind.upper()}",
        f"A request may have at most {maximum} {kind}. Send fewer at a time.",
    )


def _malformed(reason: str) -> Refusal:
    return Refusal(400, UsageError.code, f"The form cannot be read: {reason}.")
