"""Names in a registry, read from its source file: choices of an option without importing torch."""

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

    Raises:
        ValueError: the module has no such constant.
    """
    spec = find_spec(module)
    assert spec and spec.origin  # a module of this package, which has a source file
    for node in ast.parse(Path(spec.origin).read_text(encoding="utf-8")).body:
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
            ) if name == table:
                if isinstance(value, ast.Dict):
                    return tuple(ast.literal_eval(key) for key in value.keys if key)
                return ast.literal_eval(value)
    raise ValueError(f"{module} has no table {table}")
