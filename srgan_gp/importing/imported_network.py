"""`load_network`: builds the network that imported weights belong to.

The package spandrel recognises the architecture by the names and shapes of the weights. Networks
that are not upscalers of whole images are refused.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from spandrel import MAIN_REGISTRY, ImageModelDescriptor, UnsupportedModelError
from torch import Tensor, nn

from srgan_gp.errors import ModelRefusedError

PURPOSES = ("SR", "Restoration")
"""Purposes, in spandrel's words, of the networks that can be imported."""
_OTHER_PURPOSES = {
    "FaceSR": "restores aligned faces",
    "Inpainting": "fills masked parts of an image",
}
"""What a network for another purpose does, for the message."""


@dataclass(frozen=True)
class NetworkFacts:
    """Properties of a network, as spandrel reads them from the weights."""

    architecture: str
    """Such as `ESRGAN`."""
    purpose: str
    """One of `PURPOSES`."""
    tags: tuple[str, ...]
    """Sizes of the network, such as `64nf` for 64 channels."""
    scale: int
    channels: int
    """3 for RGB, 1 for grey."""
    size_minimum: int
    """Smallest sides of an image in pixels, a multiple of `size_multiple`."""
    size_multiple: int
    """Sides of an image must be multiples of this number of pixels."""


class ImportedNetwork(nn.Module):
    """A network with the interface of an upscaler: (1, 3, h, w) to (1, 3, h * scale, w * scale).

    A grey network computes the three channels one by one.

    Args:
        descriptor: the network, as spandrel loaded it.
    """

    def __init__(self, descriptor: ImageModelDescriptor[nn.Module]) -> None:
        super().__init__()
        self.facts = _facts(descriptor)
        # Not the descriptor's `__call__`: it pads the image, and an ONNX graph traced from it would
        # contain the padding of one size only.
        self._call = descriptor._call_fn
        self.model = descriptor.model.float()
        self.eval().requires_grad_(False)

    def forward(self, image: Tensor) -> Tensor:
        """Upscale an image (1, 3, h, w) whose sides are multiples of `size_multiple`."""
        image = image.clone()  # some networks change their input
        if self.facts.channels == 1:  # The channels become a batch of three grey images.
            return self._call(self.model, image.transpose(0, 1)).transpose(0, 1)
        return self._call(self.model, image)

    def window_sides(self) -> Sequence[int]:
        """Return the sides in pixels of the attention windows of a transformer, in rising order.

        They are found by the names that their attributes have in most transformers. They are
        candidates for the size multiple, because results of tiles may depend on the position of the
        windows. Sides of more than 64 pixels are left out: images are padded to the multiple, and
        small ones would be mostly padding.
        """
        window_sides: set[int] = set()
        for module in self.modules():
            for name in ("window_size", "split_size", "win_size"):
                value = getattr(module, name, None)
                sides = value if isinstance(value, list | tuple) else [value]
                for side in sides:
                    if isinstance(side, int) and 1 < side <= 64:
                        window_sides.add(side)
        return sorted(window_sides)


def load_network(weights: dict[str, Tensor], name: str) -> ImportedNetwork:
    """Build the network that weights belong to.

    Only the architectures of spandrel itself are known, none of `spandrel_extra_arches`, whose
    licences are more restrictive.

    Args:
        weights: tensors by the names of their parameters, from `weight_files.read_weights`.
        name: name of the file, for messages.

    Returns:
        The network on the CPU, float32, in evaluation mode.

    Raises:
        ModelRefusedError: the architecture is unknown or no upscaler, or its channels or sizes are
            not supported.
    """
    try:
        with torch.no_grad():
            descriptor = MAIN_REGISTRY.load(weights)
    except UnsupportedModelError as error:
        raise ModelRefusedError(
            f"{name} holds weights of an architecture that spandrel does not know. Export the "
            "model to ONNX with the code of its own project, and pass the .onnx file."
        ) from error
    except Exception as error:  # such as a failed assertion, a missing key, or no memory
        lines = str(error).splitlines() or [type(error).__name__]
        raise ModelRefusedError(
            f"The weights in {name} do not fit the architecture that they look like: "
            f"{lines[0][:200].rstrip(': .')}."
        ) from error
    if not isinstance(descriptor, ImageModelDescriptor) or descriptor.purpose not in PURPOSES:
        purpose = _OTHER_PURPOSES.get(descriptor.purpose, "is for another purpose")
        raise ModelRefusedError(
            f"{name} is a model that {purpose} ({descriptor.architecture.name}). Only models that "
            "upscale or restore whole images can be imported."
        )
    if any(not torch.isfinite(value).all() for value in descriptor.model.state_dict().values()):
        raise ModelRefusedError(f"{name} holds weights that are not finite.")
    return ImportedNetwork(descriptor)


def _facts(descriptor: ImageModelDescriptor[nn.Module]) -> NetworkFacts:
    """Return the properties of a network; ModelRefusedError for channels or sizes we cannot use."""
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
