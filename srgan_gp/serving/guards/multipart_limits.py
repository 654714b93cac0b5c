"""Limits of files and fields of a form, counted before it is parsed."""

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from srgan_gp.errors import UsageError
from srgan_gp.serving.error_responses import Refusal

MOST_FIELDS = 100
"""Fields that are no files, of one form: the API has a tenth of them."""


def is_form(content_type: str) -> bool:
    """Say whether a body of this type holds files."""
    return content_type.strip().lower().startswith("multipart/")


def has_fields_alone(content_type: str) -> bool:
    """Say whether a body of this type is a form that cannot hold files."""
    return content_type.strip().lower().startswith("application/x-www-form-urlencoded")


class FormCounter:
    """Refuses a form as soon as it has more files or fields than are allowed.

    Args:
        content_type: of the request, with the boundary.
        most_files: that one form may have.

    Raises:
        Refusal: there is no boundary that can be used, or the text is not in UTF-8. A form may name
            any codec of Python's, and some of them take minutes for a megabyte.
    """

    def __init__(self, content_type: str, most_files: int) -> None:
        options = parse_options_header(content_type)[1]
        if options.get(b"charset", b"utf-8").lower() not in (b"utf-8", b"utf8"):
            raise _malformed("its text must be in UTF-8")
        boundary = options.get(b"boundary")
        if not boundary:
            raise _malformed("it has no boundary")
        self.files = self.fields = 0
        self._most_files = most_files
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

    def feed(self, piece: bytes) -> None:
        """Look at the next bytes.

        Raises:
            Refusal: they hold one file or field too many, or are no form.
        """
        try:
            self._parser.write(piece)
        except FormParserError as error:
            raise _malformed("it is cut off or malformed") from error

    def _add_to_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _add_to_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        if self._name.strip().lower() == b"content-disposition":
            self._is_file = b"filename" in parse_options_header(self._value)[1]
        self._name, self._value = b"", b""

    def _count(self) -> None:
        self.files += self._is_file
        self.fields += not self._is_file
        self._is_file = False
        for count, most, things in (
            (self.files, self._most_files, "files"),
            (self.fields, MOST_FIELDS, "fields"),
        ):
            if count > most:
                raise too_many(most, things)


def too_many(most: int, things: str) -> Refusal:
    """Refuse a request with more files or fields than it may have."""
    return Refusal(
        413,
        f"E_TOO_MANY_{things.upper()}",
        f"One request may bring {most} {things} at most; send fewer at a time.",
    )


def _malformed(reason: str) -> Refusal:
    return Refusal(400, UsageError.code, f"The form cannot be read: {reason}.")
