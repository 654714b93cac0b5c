"""A name that a docstring refers to can be found from the module that it stands in.

Readers follow "as for `X`", "as in `X`", "see `X`" and "like `X`". X must be a name of the module,
which it defines or imports, an attribute of such a name, or qualified with a module of the
package: `models.catalog.find_model` or `catalog.find_model`. Only Python names are checked, not
options, files or commands.
"""

import ast
import builtins
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
_REFERENCE = re.compile(
    r"\b(?:as\s+(?:for|in)|see|like)\s+`(?P<name>[a-z_]\w*(?:\.\w+)*)[`(]", re.IGNORECASE
)
_HOLDERS = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_FOLDERS = {name: sorted((ROOT / name).rglob("*.py")) for name in ("srgan_gp", "apps")}
_BUILTINS = frozenset(dir(builtins))


def docstrings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield docstrings of modules, classes, functions and variables, with their first lines."""
    for holder in ast.walk(tree):
        if not isinstance(holder, _HOLDERS):
            continue
        for statement in holder.body:
            match statement:
                case ast.Expr(value=ast.Constant(value=str(text))):
                    yield statement.lineno, text


@cache
def names(path: Path) -> frozenset[str]:
    """Return all names that a module defines or imports: parameters and attributes too."""
    return frozenset(_names(ast.parse(path.read_text(encoding="utf-8"))))


def _names(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.ClassDef(name=name) | ast.arg(arg=name):
                yield name
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name
            case ast.alias(name=name, asname=alias):
                yield alias or name.partition(".")[0]


@cache
def modules() -> dict[str, Path]:
    """Return modules and folders of the package by each qualified name: `batch.run`, `run`."""
    found = {}
    for path in _FOLDERS["srgan_gp"]:
        place = path.parent if path.name == "__init__.py" else path.with_suffix("")
        parts = place.relative_to(ROOT).parts
        found |= {".".join(parts[start:]): path for start in range(len(parts))}
    return found


def is_found(name: str, known: frozenset[str]) -> bool:
    """Say whether a reader of a module with the known names finds a dotted name."""
    first, _, rest = name.partition(".")
    if first in known | _BUILTINS:
        return True
    place, _, last = name.rpartition(".")
    owner, _, attribute = place.rpartition(".")
    return bool(rest) and (
        name in modules()
        or (place in modules() and last in names(modules()[place]))
        or (owner in modules() and {attribute, last} <= names(modules()[owner]))
    )


def lost_references(path: Path) -> list[str]:
    """List references that lead nowhere, as `line: name`."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [
        f"{first + text.count(chr(10), 0, found.start())}: {found['name']}"
        for first, text in docstrings(tree)
        for found in _REFERENCE.finditer(text)
        if not is_found(found["name"], names(path))
    ]


@pytest.mark.parametrize("folder", _FOLDERS)
def test_references_in_docstrings_lead_to_a_name(folder):
    assert _FOLDERS[folder]
    lost = [
        f"{path.relative_to(ROOT)}:{reference}"
        for path in _FOLDERS[folder]
        for reference in lost_references(path)
    ]
    assert not lost, "\n".join(lost)


@pytest.mark.parametrize(
    ("docstring", "lost"),
    [
        ("As for `find_model`.", ["1: find_model"]),
        ("Errors as\n    in `elsewhere`, see `here`.", ["1: elsewhere"]),
        ("One.\n\nSee `catalog.no_such_name` and `other`.", ["3: catalog.no_such_name"]),
        ("See `catalog`.", ["1: catalog"]),
        ("See `catalog.find_model(name)`, like `models.catalog.find_model`.", []),
        ("See `srgan_gp.models.catalog`, as for `models.cards.ModelCard.name`.", []),
        ("See `imported.anything`, like `size`, `field`, as in `list.sort`.", []),
        ("Use `elsewhere`; see `--option` and `file-name.txt`.", []),
    ],
)
def test_references_are_resolved(tmp_path, docstring, lost):
    path = tmp_path / "module.py"
    code = "import imported\ndef here(size):\n    here.field = size\n"
    path.write_text(f'"""{docstring}"""\n{code}')
    assert lost_references(path) == lost


def test_docstrings_of_variables_and_methods_are_searched(tmp_path):
    path = tmp_path / "module.py"
    path.write_text(
        'A = 1\n"""See `x`."""\nclass B:\n    def b(self):\n        """Like `y`."""\n'
        '        return "as for `z`"\n'
    )
    assert sorted(lost_references(path)) == ["2: x", "5: y"]
