"""Networks by name: the file `generators/srresnet.py` is what `--generator srresnet` builds.

Importing this package imports no torch; `build` does.
"""

import inspect
from importlib import import_module
from typing import TYPE_CHECKING, Literal

from srgan_gp.catalog import names_in
from srgan_gp.errors import UsageError
from srgan_gp.networks.signatures import task_named_by

if TYPE_CHECKING:
    from torch import nn

Kind = Literal["generators", "critics"]
_CLASS_OF_KIND: dict[Kind, str] = {"generators": "Generator", "critics": "Critic"}


def names(kind: Kind) -> list[str]:
    """List the architectures of one kind; each is a module of the folder of that name."""
    return names_in(f"srgan_gp.networks.{kind}")


def task_of(generator: str) -> str:
    """Name the task that an architecture of generators is for, such as "super-resolution"."""
    return task_named_by(generator)


def build(kind: Kind, name: str, **arguments: object) -> "nn.Module":
    """Build the architecture `name` with its own plain arguments.

    Raises:
        UsageError: there is no such architecture, it does not take one of `arguments`, or it is a
            critic with batch norm.
    """
    if name not in names(kind):
        known = ", ".join(names(kind))
        raise UsageError(f"There is no architecture {name!r} among the {kind}; known: {known}.")
    network_class = getattr(import_module(f"srgan_gp.networks.{kind}.{name}"), _CLASS_OF_KIND[kind])
    unknown = sorted(arguments.keys() - inspect.signature(network_class).parameters.keys())
    if unknown:
        raise UsageError(f"The architecture {name!r} takes no argument {', '.join(unknown)}.")
    network = network_class(**arguments)
    if kind == "critics":
        refuse_batch_norm(network)
    return network


def refuse_batch_norm(critic: "nn.Module") -> None:
    """Let only critics pass that hold no batch norm of any kind.

    Raises:
        UsageError: a module of `critic` is one.
    """
    from torch.nn.modules.batchnorm import _BatchNorm

    for name, module in critic.named_modules():
        if isinstance(module, _BatchNorm):
            raise UsageError(
                f"A critic may not hold batch norm, but {name!r} is {type(module).__name__}: it "
                "couples the pictures of a batch, and a gradient penalty needs every score to "
                "depend on its own picture alone; leave it out or use GroupNorm(1, channels)."
            )
