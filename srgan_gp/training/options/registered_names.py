"""Names in a registry, read from its source file: choices of an option without importing torch."""

import ast
from functools import cache
from importlib.util import find_spec
from pathlib import Path


@cache
def registered_names(module: str, table: str) -> tuple[str, ...]:
    """List the names in a table at the top level of a module, in their order.

    The module is not imported.

    Args:
        module: dotted name.
        table: name of a constant: a literal dict whose keys are the names, or a literal tuple.

    Raises:
        ValueError: the module has no such constant.
    """
    spec = find_spec(module)
    assert spec and spec.origin
    for node in ast.parse(Path(spec.origin).read_text(encoding="utf-8")).body:
        targets = node.targets if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.AnnAssign):
            targets = [node.target]
        if any(isinstance(target, ast.Name) and target.id == table for target in targets):
            value = node.value  # type: ignore[union-attr]
            names = value.keys if isinstance(value, ast.Dict) else value.elts  # type: ignore[union-attr]
            return tuple(str(ast.literal_eval(name)) for name in names if name is not None)
    raise ValueError(f"{module} has no table {table}")
