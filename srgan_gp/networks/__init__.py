"""Generators and critics, built by name: `--generator srresnet` is `generators/srresnet.py`.

Each module in `generators` and `critics` has one class, `Generator` or `Critic`. Importing this
package does not import torch; `build` does. Losses are in `srgan_gp.losses`, training in
`srgan_gp.training`.
"""

import inspect
from importlib import import_module
from typing import TYPE_CHECKING, Literal

from srgan_gp.errors import UsageError
from srgan_gp.models.catalog import names_in
from srgan_gp.networks.signatures import task_of

if TYPE_CHECKING:
    from torch import nn

__all__ = ["Kind", "build", "names", "reject_batch_norm", "task_of"]

Kind = Literal["generators", "critics"]
"""Folder of an architecture."""
_CLASS_OF_KIND: dict[Kind, str] = {"generators": "Generator", "critics": "Critic"}


def names(kind: Kind) -> list[str]:
    """List the architectures of one kind: the modules in the folder of that name."""
    return names_in(f"srgan_gp.networks.{kind}")


def build(kind: Kind, name: str, **arguments: object) -> "nn.Module":
    """Build a network with fresh weights, on the CPU.

    Args:
        kind: folder of the architecture.
        name: module of the architecture, such as `srresnet`.
        **arguments: arguments of its constructor; missing ones have their defaults.

    Raises:
        UsageError: the architecture is unknown, does not take one of `arguments` or its value, or
            is a critic with batch norm.
    """
    if name not in names(kind):
        known = ", ".join(names(kind))
        raise UsageError(f"Unknown architecture {name!r}. Available {kind}: {known}.")
    network_class = getattr(import_module(f"srgan_gp.networks.{kind}.{name}"), _CLASS_OF_KIND[kind])
    unknown = sorted(arguments.keys() - inspect.signature(network_class).parameters.keys())
    if unknown:
        raise UsageError(f"The architecture {name!r} has no argument {', '.join(unknown)}.")
    network = network_class(**arguments)
    if kind == "critics":
        reject_batch_norm(network)
    return network


def reject_batch_norm(critic: "nn.Module") -> None:
    """Check that a critic has no batch norm of any kind.

    Raises:
        UsageError: a module of `critic` is a batch norm.
    """
    from torch.nn.modules.batchnorm import _BatchNorm

    for name, module in critic.named_modules():
        if isinstance(module, _BatchNorm):
            raise UsageError(
                f"A critic must not use batch norm, but {name!r} is {type(module).__name__}: it "
                "couples the images of a batch, and a gradient penalty needs every score to "
                "depend on its own image alone. Remove it or use GroupNorm(1, channels)."
            )
