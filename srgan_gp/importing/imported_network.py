"""`ImportedNetwork`: a network that spandrel recognised by its weights, checked for its use."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from spandrel import MAIN_REGISTRY, ImageModelDescriptor, UnsupportedModelError
from torch import Tensor, nn

from srgan_gp.errors import ModelRefusedError

PURPOSES = ("SR", "Restoration")
_OTHER_PURPOSES = {
    "FaceSR": "restores aligned faces",
    "Inpainting": "fills masked parts of an image",
}


@dataclass(frozen=True)
class NetworkFacts:
    """What spandrel knows about a network."""

    architecture: str
    """Such as `ESRGAN`."""
    purpose: str
    """One of `PURPOSES`."""
    tags: tuple[str, ...]
    """Such as `64nf`, from the shapes of the weights."""
    scale: int
    channels: int
    """3 for RGB, 1 for grey."""
    size_minimum: int
    size_multiple: int


class ImportedNetwork(nn.Module):
    """A network with the interface of an upscaler: (1, 3, h, w) to (1, 3, h * scale, w * scale).

    A grey network computes the three channels one by one.

    Args:
        descriptor: the network, as spandrel loaded it.
    """

    def __init__(self, descriptor: ImageModelDescriptor[nn.Module]) -> None:
        super().__init__()
        self.facts = _facts(descriptor)
        self._call = descriptor._call_fn  # `__call__` pads, which a trace would fix
        self.model = descriptor.model.float()
        self.eval().requires_grad_(False)

    def forward(self, image: Tensor) -> Tensor:
        """Upscale an image of sides that are multiples of `size_multiple`."""
        image = image.clone()  # some networks change their input
        if self.facts.channels == 1:
            return self._call(self.model, image.transpose(0, 1)).transpose(0, 1)
        return self._call(self.model, image)

    def windows(self) -> Sequence[int]:
        """List the sides of the windows that the network works in, found by their usual names."""
        found: set[int] = set()
        for module in self.modules():
            for name in ("window_size", "split_size", "win_size"):
                value = getattr(module, name, None)
                sides = value if isinstance(value, list | tuple) else [value]
                found.update(side for side in sides if isinstance(side, int) and 1 < side <= 64)
        return sorted(found)


def load_network(weights: dict[str, Tensor], name: str) -> ImportedNetwork:
    """Build the network that weights belong to.

    Only the architectures of spandrel itself are known, none of `spandrel_extra_arches`.

    Args:
        weights: result of `read_weights`.
        name: name of the file, for messages.

    Raises:
        ModelRefusedError: the architecture is unknown or no upscaler, or its channels or sizes are
            not supported.
    """
    try:
        with torch.no_grad():
            descriptor = MAIN_REGISTRY.load(weights)
    except UnsupportedModelError as error:
        raise ModelRefusedError(
            f"{name} holds weights of an architecture that spandrel does not know."
        ) from error
    except Exception as error:  # an assertion, a missing key, a wrong shape, no memory
        lines = str(error).splitlines() or [type(error).__name__]
        raise ModelRefusedError(
            f"The weights in {name} do not fit the architecture that they look like: "
            f"{lines[0][:200].rstrip(': .')}."
        ) from error
    if not isinstance(descriptor, ImageModelDescriptor) or descriptor.purpose not in PURPOSES:
        kind = _OTHER_PURPOSES.get(descriptor.purpose, "is for another purpose")
        raise ModelRefusedError(
            f"{name} is a model that {kind} ({descriptor.architecture.name}). Only models that "
            "upscale or restore whole images can be imported."
        )
    if any(not torch.isfinite(value).all() for value in descriptor.model.state_dict().values()):
        raise ModelRefusedError(f"{name} holds weights that are not finite.")
    return ImportedNetwork(descriptor)


def _facts(descriptor: ImageModelDescriptor[nn.Module]) -> NetworkFacts:
    architecture = str(descriptor.architecture.id)
    channels = (descriptor.input_channels, descriptor.output_channels)
    if channels not in ((3, 3), (1, 1)):
        raise ModelRefusedError(
            f"The {architecture} model takes {channels[0]} channels and returns {channels[1]}. "
            "Only models from RGB to RGB or from grey to grey can be imported."
        )
    needs = descriptor.size_requirements
    if needs.square:
        raise ModelRefusedError(f"The {architecture} model takes square images only.")
    multiple = max(needs.multiple_of, 1)
    return NetworkFacts(
        architecture=architecture,
        purpose=descriptor.purpose,
        tags=tuple(descriptor.tags),
        scale=descriptor.scale,
        channels=channels[0],
        size_minimum=max(math.ceil(needs.minimum / multiple) * multiple, 1),
        size_multiple=multiple,
    )
