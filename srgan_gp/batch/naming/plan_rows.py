"""`Item` and `Row`: one input of a run and the names of its result, as `plan_table` stores them.

Paths and names are bytes, as in the file system. A key is a hash that is equal for paths that some
file systems take for the same: they differ in case, or in the Unicode form of accents
(`result_names.path_key`).
"""

from typing import NamedTuple


class Item(NamedTuple):
    """One input as it was found; the fields are the columns of the table `items`."""

    path: bytes
    """Path of the input."""
    is_named: bool
    """Whether the user named the file; False: it was found in a folder."""
    identity: bytes
    """Hash of the exact real path, without links: finds that two paths lead to the same file."""
    source_key: bytes
    """Key of the same real path: finds that a result would replace an input, perhaps on a file
    system that ignores case."""
    folder: bytes = b""
    """Folder of the result below the output folder; empty for that folder itself."""
    name: bytes | None = None
    """Name of the result before collisions are resolved; None for an input with an error."""
    key: bytes | None = None
    """Key of the path of the result, which is `name` in `folder`."""
    fallback: bytes | None = None
    """Name of the PNG for a result that the format of `name` cannot hold; None: not wanted."""
    fallback_key: bytes | None = None
    """Key of the path of the fallback."""
    code: str | None = None
    """Code of the error of an input that cannot be used."""
    message: str | None = None
    """Message of that error."""


class Row(NamedTuple):
    """One input with the ID of its row.

    Fields as in `Item`, but `name` and `fallback` are the new names if a collision changed them.
    """

    id: int
    path: bytes
    folder: bytes
    name: bytes | None
    fallback: bytes | None
    code: str | None
    message: str | None
