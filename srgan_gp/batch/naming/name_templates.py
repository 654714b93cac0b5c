"""`--name-template`: a text with fields such as {stem}, filled in for each image.

Only the fields in `FIELDS` are valid, without the attributes, indexes and format specifications
that `str.format` allows. `{{` and `}}` are literal braces.
"""

import string
from collections.abc import Mapping
from dataclasses import dataclass

from srgan_gp.errors import UsageError

FIELDS = {
    "stem": "the image's name without its extension",
    "name": "the image's whole name",
    "extension": "the image's extension, without the dot",
    "parent": "the name of the image's folder",
    "model": "the model's name",
    "scale": "the enlargement, such as 4",
    "suffix": "the text of --suffix",
}
"""Fields of a template, with their meaning for the help text."""

_SEPARATORS = "/\\\0"
"""Characters that a file name cannot have on some system: separators of folders, and the null
character."""


@dataclass(frozen=True)
class Template:
    """A parsed template."""

    parts: tuple[tuple[str, str | None], ...]
    """Pairs of literal text and the name of the field that follows it; None: no field follows."""

    @classmethod
    def parse(cls, text: str) -> "Template":
        """Parse the value of `--name-template`.

        Raises:
            UsageError: the text is empty, or contains an unknown field, a single brace or one of
                `_SEPARATORS`.

        >>> Template.parse("{stem}_{scale}x").fill({"stem": "a", "scale": "4"})
        'a_4x'
        """
        if not text:
            raise UsageError("The name template is empty; try {stem}_x{scale}.")
        if any(separator in text for separator in _SEPARATORS):
            raise UsageError(
                f"The name template {text} names a file, not a folder: remove '/' and '\\'."
            )
        try:
            pieces = list(string.Formatter().parse(text))
        except ValueError as error:
            raise UsageError(
                f"The name template {text} has a single brace; "
                "write {{ and }} for literal braces."
            ) from error
        for _, field, specification, conversion in pieces:
            if field is not None and (field not in FIELDS or specification or conversion):
                raise UsageError(
                    f"The name template {text} has an unknown field "
                    f"{_as_written(field, specification, conversion)}; "
                    f"the fields are {', '.join('{' + name + '}' for name in FIELDS)}."
                )
        return cls(tuple((literal, field) for literal, field, _, _ in pieces))

    def uses(self, field: str) -> bool:
        """Return whether the template contains a field."""
        return any(name == field for _, name in self.parts)

    def fill(self, values: Mapping[str, str]) -> str:
        """Replace every field by its value, and then all `_SEPARATORS`, also in values, by '_'.

        Args:
            values: value of each field of `FIELDS`.
        """
        name = ""
        for literal, field in self.parts:
            name += literal if field is None else literal + values[field]
        for separator in _SEPARATORS:
            name = name.replace(separator, "_")
        return name


def _as_written(field: str, specification: str | None, conversion: str | None) -> str:
    """Return a field as the user wrote it, such as `{stem!r:>9}`."""
    text = field
    if conversion:
        text += f"!{conversion}"
    if specification:
        text += f":{specification}"
    return "{" + text + "}"
