"""Counts the files of a form while it comes in."""

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header

from srgan_gp.errors import UsageError
from srgan_gp.serving.answers import Refusal


def is_form(content_type: str) -> bool:
    """Say whether a body of this type holds files."""
    return content_type.strip().lower().startswith("multipart/")


class FileCounter:
    """Refuses a form as soon as it has more files than are allowed.

    Args:
        content_type: of the request, with the boundary.
        most_files: that one form may have.

    Raises:
        Refusal: there is no boundary.
    """

    def __init__(self, content_type: str, most_files: int) -> None:
        boundary = parse_options_header(content_type)[1].get(b"boundary")
        if not boundary:
            raise _malformed()
        self.count = 0
        self._most_files = most_files
        self._name, self._value = b"", b""
        callbacks = {
            "on_header_field": self._add_to_name,
            "on_header_value": self._add_to_value,
            "on_header_end": self._end_header,
        }
        self._parser = MultipartParser(boundary, callbacks)  # type: ignore[arg-type]

    def feed(self, piece: bytes) -> None:
        """Look at the next bytes.

        Raises:
            Refusal: they hold one file too many, or are no form.
        """
        try:
            self._parser.write(piece)
        except MultipartParseError as error:
            raise _malformed() from error

    def _add_to_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _add_to_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        name, value = self._name.strip().lower(), self._value
        self._name, self._value = b"", b""
        if name != b"content-disposition" or b"filename" not in parse_options_header(value)[1]:
            return
        self.count += 1
        if self.count > self._most_files:
            raise Refusal(
                413,
                "E_TOO_MANY_FILES",
                f"One request may bring {self._most_files} files at most; send fewer at a time.",
            )


def _malformed() -> Refusal:
    return Refusal(400, UsageError.code, "The form cannot be read: it is cut off or malformed.")
