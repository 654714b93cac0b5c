"""Names in a registry, read from the source file of its module.

A registry is a constant with the choices of an option: a dict of functions or classes by name, such
as `losses.pixel.PIXEL_LOSSES`, or a tuple of names. `training.options.config` reads the names in
this way, because importing the registries would import torch, which takes seconds.
"""

import ast
from functools import cache
from importlib.util import find_spec
from pathlib import Path


@cache
def registered_names(module: str, table: str) -> tuple[str, ...]:
    """List the names in a registry, without importing its module.

    Args:
        module: dotted name of the module.
        table: name of the registry: a constant at the top level of the module, written as a dict
            with the names as keys, or as a tuple of the names.

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
            # NAME: type = value
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
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
