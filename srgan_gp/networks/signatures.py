"""Task and constructor arguments of a generator, read from its source without importing torch.

The class attribute `Generator.task` is the task. The signature of `Generator.__init__` defines the
arguments, their types (int, float, str or bool) and their defaults. The option `--generator-args`
uses these functions; `srgan_gp.networks` exports `task_of` too. Importing torch, which takes
seconds, would delay `srgan-gp train --help`.
"""

import ast
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from srgan_gp.errors import UsageError

Value = int | float | str | bool
"""Value of an argument."""
# Types by their name in an annotation, and their descriptions in messages.
_TYPES: dict[str, type[Value]] = {"int": int, "float": float, "str": str, "bool": bool}
_DESCRIPTIONS = {int: "a whole number", float: "a number", str: "a string", bool: "true or false"}


@dataclass(frozen=True)
class Argument:
    """One argument of a constructor.

    Attributes:
        name: name in the signature.
        kind: int, float, str or bool.
        default: its default, of that type.
    """

    name: str
    kind: type[Value]
    default: Value

    def __str__(self) -> str:
        """Return NAME=DEFAULT."""
        return assignment(self.name, self.default)

    def read(self, text: str) -> Value:
        """Parse a value that a user has written.

        Raises:
            ValueError: `text` is not a value of this type.
        """
        if self.kind is bool:
            if text.lower() not in ("true", "false"):
                raise ValueError(text)
            return text.lower() == "true"
        return self.kind(text)

    @property
    def expected(self) -> str:
        """Description of the type for messages, such as "a whole number"."""
        return _DESCRIPTIONS[self.kind]


def assignment(name: str, value: Value) -> str:
    """Format NAME=VALUE such that `Argument.read` reads the value.

    >>> assignment("residual", True)
    'residual=true'
    """
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return f"{name}={text}"


def arguments_of(generator: str) -> dict[str, Argument]:
    """Return the arguments of a generator by name, in the order of the signature.

    Raises:
        UsageError: as for `task_of`.
    """
    _, arguments = _read_source(_path_of(generator))
    return arguments


def task_of(generator: str) -> str:
    """Return the task of a generator, the value of `Generator.task`, such as "super-resolution".

    Raises:
        UsageError: the architecture is unknown; or its source has no class `Generator`, no `task`,
            or an argument without a supported type or default.
    """
    task, _ = _read_source(_path_of(generator))
    return task


def _path_of(generator: str) -> Path:
    """Return the source file of a generator.

    Raises:
        UsageError: the architecture is unknown.
    """
    name = f"srgan_gp.networks.generators.{generator}"
    spec = find_spec(name) if generator.isidentifier() else None
    if spec is None or spec.origin is None:
        from srgan_gp.networks import names  # at the top it would be a circular import

        known = ", ".join(names("generators"))
        raise UsageError(f"Unknown architecture {generator!r}. Available generators: {known}.")
    return Path(spec.origin)


@cache
def _read_source(path: Path) -> tuple[str, dict[str, Argument]]:
    """Read the task and the arguments, by name, of the class `Generator` in a file.

    Raises:
        UsageError: as for `task_of`; the architecture is known.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"))
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    generators = [node for node in classes if node.name == "Generator"]
    if not generators:
        raise UsageError(f"{path} defines no class Generator.")
    body = generators[0].body
    task = _assigned_values(body).get("task")
    if not isinstance(task, ast.Constant):
        raise UsageError(f"{path}: the class Generator has no attribute task, a string.")
    functions = [node for node in body if isinstance(node, ast.FunctionDef)]
    constructors = [node for node in functions if node.name == "__init__"]
    if not constructors:
        return str(task.value), {}
    constants = _assigned_values(tree.body)
    return str(task.value), _read_signature(constructors[0].args, constants, path)


def _assigned_values(body: list[ast.stmt]) -> dict[str, ast.expr]:
    """Return the values of all statements NAME = VALUE of a module or class, by name."""
    values: dict[str, ast.expr] = {}
    for node in body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                values[name] = value
    return values


def _read_signature(
    signature: ast.arguments, constants: dict[str, ast.expr], path: Path
) -> dict[str, Argument]:
    """Read the arguments of a constructor.

    Args:
        signature: of `Generator.__init__`.
        constants: values of the module's constants, which may be defaults, by name.
        path: source file, for the message.

    Raises:
        UsageError: an argument lacks a type or a default that `Argument` supports.
    """
    positional = signature.args[1:]  # without self
    # `signature.defaults` are those of the last positional arguments.
    missing: list[ast.expr | None] = [None] * (len(positional) - len(signature.defaults))
    defaults = [*missing, *signature.defaults, *signature.kw_defaults]
    arguments: dict[str, Argument] = {}
    for argument, default in zip([*positional, *signature.kwonlyargs], defaults, strict=True):
        name = argument.arg
        kind = _TYPES.get(ast.unparse(argument.annotation)) if argument.annotation else None
        if isinstance(default, ast.Name):
            default = constants.get(default.id)
        try:
            value = ast.literal_eval(default) if default is not None else None
        except ValueError:  # not a literal
            value = None
        if kind is float and isinstance(value, int):  # a float may have the default `1`
            value = float(value)
        if kind is None or not isinstance(value, kind):
            raise UsageError(
                f"{path}: the argument {name} of Generator needs an annotated type "
                f"({', '.join(_TYPES)}) and a default of that type."
            )
        arguments[name] = Argument(name, kind, kind(value))
    return arguments
