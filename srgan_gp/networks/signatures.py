"""Task and constructor arguments of a generator, read from its source without importing torch.

The signature of `Generator.__init__` defines the arguments, their types (int, float, str or bool)
and their defaults.
"""

import ast
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from srgan_gp.errors import UsageError

Value = int | float | str | bool
_TYPES: dict[str, type[Value]] = {"int": int, "float": float, "str": str, "bool": bool}
_EXPECTED = {int: "a whole number", float: "a number", str: "a string", bool: "true or false"}


@dataclass(frozen=True)
class Argument:
    """One argument of a constructor.

    Attributes:
        name: name in the signature.
        kind: type of its values.
        default: value if it is not given.
    """

    name: str
    kind: type[Value]
    default: Value

    def __str__(self) -> str:
        return assignment(self.name, self.default)

    def read(self, text: str) -> Value:
        """Parse a value.

        Raises:
            ValueError: `text` is not of this type.
        """
        if self.kind is bool:
            if text.lower() not in ("true", "false"):
                raise ValueError(text)
            return text.lower() == "true"
        return self.kind(text)

    @property
    def expected(self) -> str:
        """Description of its type for messages."""
        return _EXPECTED[self.kind]


def assignment(name: str, value: Value) -> str:
    """Format NAME=VALUE such that `Argument.read` reads the value.

    >>> assignment("residual", True)
    'residual=true'
    """
    return f"{name}={str(value).lower() if isinstance(value, bool) else value}"


def arguments_of(generator: str) -> dict[str, Argument]:
    """Return the arguments of a generator by name, in the order of the signature.

    Raises:
        UsageError: the architecture is unknown, or an argument has no supported type or default.
    """
    return _read_source(_path_of(generator))[1]


def task_named_by(generator: str) -> str:
    """Return the task of a generator, the value of `Generator.task`.

    Raises:
        UsageError: the architecture is unknown, or its source does not declare what it should.
    """
    return _read_source(_path_of(generator))[0]


def _path_of(generator: str) -> Path:
    name = f"srgan_gp.networks.generators.{generator}"
    spec = find_spec(name) if generator.isidentifier() else None
    if spec is None or spec.origin is None:
        from srgan_gp.networks import names

        known = ", ".join(names("generators"))
        raise UsageError(f"Unknown architecture {generator!r}. Available generators: {known}.")
    return Path(spec.origin)


@cache
def _read_source(path: Path) -> tuple[str, dict[str, Argument]]:
    """Read the task and the arguments of the class `Generator` in a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = [n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == "Generator"]
    if not found:
        raise UsageError(f"{path} defines no class Generator.")
    body = found[0].body
    task = next(
        (
            node.value
            for node in body
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "task"
        ),
        None,
    )
    if not isinstance(task, ast.Constant):
        raise UsageError(f"{path}: the class Generator has no attribute task, a string.")
    constants = {
        node.targets[0].id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    init = [n for n in body if isinstance(n, ast.FunctionDef) and n.name == "__init__"]
    arguments = _read_signature(init[0].args, constants, path) if init else {}
    return str(task.value), arguments


def _read_signature(
    signature: ast.arguments, constants: dict[str, ast.expr], path: Path
) -> dict[str, Argument]:
    """Read names, types and defaults; a default may be a constant of the same module."""
    positional = signature.args[1:]  # without self
    missing: list[ast.expr | None] = [None] * (len(positional) - len(signature.defaults))
    defaults = [*missing, *signature.defaults, *signature.kw_defaults]
    found: dict[str, Argument] = {}
    for argument, default in zip([*positional, *signature.kwonlyargs], defaults, strict=True):
        kind = _TYPES.get(ast.unparse(argument.annotation) if argument.annotation else "")
        if isinstance(default, ast.Name):
            default = constants.get(default.id)
        try:
            value = ast.literal_eval(default) if default is not None else None
        except ValueError:
            value = None
        if kind is None or not isinstance(value, (int, float) if kind is float else kind):
            raise UsageError(
                f"{path}: the argument {argument.arg} of Generator needs an annotated type "
                f"({', '.join(_TYPES)}) and a default of that type."
            )
        found[argument.arg] = Argument(argument.arg, kind, kind(value))
    return found
