"""Table of the errors that users can cause, from their classes in `srgan_gp.errors`."""

from collections.abc import Iterator

from srgan_gp.errors import PictureError, SrganGpError


def error_rows() -> Iterator[str]:
    """Yield a table of the classes: exit code, code in reports, and meaning.

    `PictureError` has several codes, which another table of the same page, exit-codes.md, lists.
    """
    yield "| class | exit code | code | meaning |"
    yield "|---|---|---|---|"
    for error_class in _subclasses(SrganGpError):
        has_codes = issubclass(error_class, PictureError)
        code = "see below" if has_codes else f"`{error_class.code}`"
        meaning = (error_class.__doc__ or "").partition("\n")[0]
        yield f"| `{error_class.__name__}` | {error_class.exit_code} | {code} | {meaning} |"


def _subclasses(error_class: type[SrganGpError]) -> Iterator[type[SrganGpError]]:
    """Yield all direct and indirect subclasses that `srgan_gp.errors` defines."""
    for child in error_class.__subclasses__():
        # Subclasses in other modules exist only if these were imported.
        if child.__module__ == error_class.__module__:
            yield child
            yield from _subclasses(child)
