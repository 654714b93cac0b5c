"""`--name-template`: a text with fields such as {stem}, filled in for each image.

Only the fields in `FIELDS` are valid, without attributes or indexes. `{{` and `}}` are literal
braces.
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
"""Fields of a template, with their meaning."""

_SEPARATORS = "/\\\0"


@dataclass(frozen=True)
class Template:
    """A parsed template: pairs of a text and the field that follows it, or None."""

    parts: tuple[tuple[str, str | None], ...]

    @classmethod
    def parse(cls, text: str) -> "Template":
        """Parse a template.

        Raises:
            UsageError: it is empty or contains an unknown field, a single brace or a folder.

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
        """Replace every field by its value; separators in values become '_'."""
        text = "".join(
            literal + ("" if field is None else values[field]) for literal, field in self.parts
        )
        return "".join("_" if character in _SEPARATORS else character for character in text)


def _as_written(field: str, specification: str | None, conversion: str | None) -> str:
    text = field + (f"!{conversion}" if conversion else "")
    return "{" + text + (f":{specification}" if specification else "") + "}"
