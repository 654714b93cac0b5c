"""The table of the errors that users can cause, from their classes."""

from collections.abc import Iterator

from srgan_gp.errors import PictureError, SrganGpError


def error_rows() -> Iterator[str]:
    """List every class of error with its exit code and its code in reports."""
    yield "| class | exit code | code | meaning |"
    yield "|---|---|---|---|"
    for kind in _family(SrganGpError):
        code = "see below" if issubclass(kind, PictureError) else f"`{kind.code}`"
        meaning = (kind.__doc__ or "").partition("\n")[0]
        yield f"| `{kind.__name__}` | {kind.exit_code} | {code} | {meaning} |"


def _family(kind: type[SrganGpError]) -> Iterator[type[SrganGpError]]:
    for child in kind.__subclasses__():
        if child.__module__ == kind.__module__:  # others exist once their module was imported
            yield child
            yield from _family(child)
