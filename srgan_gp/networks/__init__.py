"""Networks by name: the file `generators/srresnet.py` is what `--generator srresnet` builds.

Importing this package imports no torch; `build` does.
"""

import inspect
from importlib import import_module
from typing import TYPE_CHECKING, Literal

from srgan_gp.catalog import names_in
from srgan_gp.errors import UsageError

if TYPE_CHECKING:
    from torch import nn

Kind = Literal["generators"]
_CLASS_OF_KIND = {"generators": "Generator"}


def names(kind: Kind) -> list[str]:
    """List the architectures of one kind; each is a module of the folder of that name."""
    return names_in(f"srgan_gp.networks.{kind}")


def build(kind: Kind, name: str, **arguments: object) -> "nn.Module":
    """Build the architecture `name` with its own plain arguments.

    Raises:
        UsageError: there is no such architecture, or it does not take one of `arguments`.
    """
    if name not in names(kind):
        known = ", ".join(names(kind))
        raise UsageError(f"There is no architecture {name!r} among the {kind}; known: {known}.")
    network_class = getattr(import_module(f"srgan_gp.networks.{kind}.{name}"), _CLASS_OF_KIND[kind])
    unknown = sorted(arguments.keys() - inspect.signature(network_class).parameters.keys())
    if unknown:
        raise UsageError(f"The architecture {name!r} takes no argument {', '.join(unknown)}.")
    return network_class(**arguments)
