"""Names in a registry, read from the source file of its module.

A registry is a table of functions or classes by name, such as `losses.pixel.PIXEL_LOSSES`. `config`
reads the choices of options in this way: importing the registries would import torch, which takes
seconds.
"""

import ast
from functools import cache
from importlib.util import find_spec
from pathlib import Path


@cache
def registered_names(module: str, table: str) -> tuple[str, ...]:
    """List the names in a table at the top level of a module, without importing the module.

    Args:
        module: dotted name.
        table: name of a constant: a dict display whose keys are the names, or a literal tuple.

    Returns:
        The names, in the order of the source.

    Raises:
        ValueError: the module has no such constant.
    """
    spec = find_spec(module)
    assert spec and spec.origin  # a module of this package, which has a source file
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):  # NAME = value
                pass
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):  # NAME: type =
                pass
            case _:
                continue
        if name != table:
            continue
        if isinstance(value, ast.Dict):
            # The key of `**other` is None; the names in `other` are not listed.
            return tuple(ast.literal_eval(key) for key in value.keys if key)
        return ast.literal_eval(value)
    raise ValueError(f"{module} has no table {table}")
