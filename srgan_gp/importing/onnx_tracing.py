"""`convert_to_onnx`: converts an imported network to ONNX with dynamic height and width.

PyTorch has two exporters. The older one, which traces TorchScript, takes seconds and handles
windows, cyclic shifts and padding. The newer one captures the program with torch.export. It is
tried if the older one fails, or if its graph differs from the network, as it may where the network
computes with sizes in Python. Each graph is compared with PyTorch at several sizes.

`network.facts` are properties of a network: sides of its input must be multiples of `size_multiple`
pixels, and at least `size_minimum`.
"""

import io
import os
import warnings
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor

from srgan_gp.errors import ModelRefusedError
from srgan_gp.exporting.onnx_graph import OPSET
from srgan_gp.exporting.parity import TOLERANCE
from srgan_gp.importing.imported_network import ImportedNetwork
from srgan_gp.inference.devices import choose_threads
from srgan_gp.inference.loading.foreign_models import parse_safely
from srgan_gp.inference.ort_engine import create_session
from srgan_gp.inference.runtime_types import run_ort_session
from srgan_gp.inference.tiling.tiles import round_up

INPUT, OUTPUT = "image", "upscaled"
"""Names of the input and the output of the graph."""
EXAMPLE_SIDES = (73, 89)
"""Height and width of the example image, before they are rounded up to `size_multiple`. They are
odd, so that a network that pads by itself (`size_multiple` 1) pads them, and the graph contains the
padding."""
CHECKED_SIDES = ((17, 31), (37, 23), (96, 61), (64, 80))
"""Heights and widths that are compared, smaller and larger than the example. More sizes would take
longer, and find more graphs that are wrong at some sizes only."""


def convert_to_onnx(network: ImportedNetwork, name: str) -> tuple[onnx.ModelProto, float]:
    """Convert a network.

    Args:
        network: the network, in evaluation mode on the CPU.
        name: name of the file, for messages.

    Returns:
        The graph, which maps (1, 3, H, W) to (1, 3, H * scale, W * scale); and its largest
        difference from PyTorch, relative to the largest absolute value, which counts as at least 1.

    Raises:
        ModelRefusedError: no exporter makes a graph that equals the network at every size.
    """
    problem = ""  # of the exporter that was tried last
    for export in (_export_traced, _export_captured):
        try:
            with _silence(), torch.no_grad(), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                data = export(network)
            model = parse_safely(data, name)
            difference = _difference(network, data, name)
        except Exception as error:  # exporters raise many kinds; `_difference` raises one too
            lines = str(error).splitlines() or [type(error).__name__]
            problem = lines[0][:160].strip(". ")  # the rest may be many lines of a graph
            continue
        if difference <= TOLERANCE:  # False for NaN
            return _remove_notes(model), difference
        problem = f"its results differ from PyTorch by {difference:.1e}"
    raise ModelRefusedError(
        f"The {network.facts.architecture} network of {name} cannot be exported to ONNX with a "
        f"dynamic size: {problem}."
    )


def _export_traced(network: ImportedNetwork) -> bytes:
    """Return the ONNX file of the older exporter, which traces TorchScript."""
    file: Any = io.BytesIO()  # PyTorch's annotation names paths only
    axes = {INPUT: {2: "H", 3: "W"}, OUTPUT: {2: "enlarged_H", 3: "enlarged_W"}}
    torch.onnx.export(
        network, (_example(network),), file, dynamo=False, opset_version=OPSET,
        input_names=[INPUT], output_names=[OUTPUT], dynamic_axes=axes,
    )  # fmt: skip
    return file.getvalue()


def _export_captured(network: ImportedNetwork) -> bytes:
    """Return the ONNX file of the newer exporter, which captures the program by torch.export."""
    multiple = network.facts.size_multiple
    # Only torch.export needs the limits, not the graph. 2: torch.export treats sizes of 0 and 1
    # separately. 4096: any number above the sizes of `CHECKED_SIDES`.
    height = torch.export.Dim("h", min=2, max=4096)
    width = torch.export.Dim("w", min=2, max=4096)
    shapes = {2: multiple * height, 3: multiple * width} if multiple > 1 else {2: height, 3: width}
    # Where Python code branches by the size, such as `if h % 8`, the condition of the branch taken
    # becomes an assertion in the program. Otherwise the export would fail if some size violates the
    # condition. `convert_to_onnx` finds graphs that are wrong for other sizes.
    program = torch.export.export(
        network, (_example(network),), dynamic_shapes=(shapes,), strict=False,
        prefer_deferred_runtime_asserts_over_guards=True,
    )  # fmt: skip
    exported = torch.onnx.export(
        program, (), dynamo=True, opset_version=OPSET, input_names=[INPUT], output_names=[OUTPUT],
        optimize=True, verbose=False,
    )  # fmt: skip
    assert exported is not None
    return exported.model_proto.SerializeToString()


def _example(network: ImportedNetwork) -> Tensor:
    """Return the image for the exporters: noise (1, 3, h, w) in [0, 1]."""
    facts = network.facts
    sides = [_round_side(side, facts.size_multiple, facts.size_minimum) for side in EXAMPLE_SIDES]
    return torch.rand(1, 3, *sides, generator=torch.Generator().manual_seed(0))


def comparison_images(network: ImportedNetwork) -> Iterator[Tensor]:
    """Yield the images on which a graph is compared with PyTorch.

    They are noise (1, 3, h, w) in [0, 1], with the sides `CHECKED_SIDES`, rounded up to sides that
    the network takes.
    """
    facts, random = network.facts, torch.Generator().manual_seed(1)
    for sides in CHECKED_SIDES:
        rounded = [_round_side(side, facts.size_multiple, facts.size_minimum) for side in sides]
        yield torch.rand(1, 3, *rounded, generator=random)


def _round_side(side: int, multiple: int, minimum: int) -> int:
    """Round a side up to a multiple, and at least to the minimum, which is a multiple itself."""
    return max(round_up(side, multiple), minimum)


def _difference(network: ImportedNetwork, data: bytes, name: str) -> float:
    """Measure how much ONNX Runtime differs from PyTorch on `comparison_images`.

    Args:
        network: the network in PyTorch.
        data: bytes of its ONNX file.
        name: name of the model, for messages.

    Returns:
        The largest relative difference, as for `convert_to_onnx`; NaN if a result contains NaN.

    Raises:
        ModelRefusedError: ONNX Runtime fails, or a result has another size.
    """
    engine = create_session(data, choose_threads(None))
    scale, largest = network.facts.scale, 0.0
    for image in comparison_images(network):
        with torch.no_grad():
            expected = network(image).numpy()
        found = run_ort_session(engine, image.numpy(), name)
        size = (1, 3, image.shape[2] * scale, image.shape[3] * scale)
        if found.shape != size or expected.shape != size:
            raise ModelRefusedError(f"images of {size} are {found.shape} instead")
        magnitude = max(1.0, float(np.abs(expected).max()))
        difference = np.abs(found - expected).max() / magnitude
        largest = float(np.maximum(largest, difference))  # keeps a NaN, as `max` does not
    return largest


def _remove_notes(model: onnx.ModelProto) -> onnx.ModelProto:
    """Remove the names and notes that the exporters add, in place; return the model."""
    model.graph.name, model.graph.doc_string = "imported", ""
    for part in (*model.graph.node, *model.graph.input, *model.graph.output):
        part.doc_string = ""
        del part.metadata_props[:]
    return model


@contextmanager
def _silence() -> Generator[None]:
    """Discard what the process prints, because the exporters print graphs when they fail.

    Their native code writes to the descriptors of stdout (1) and stderr (2), so these are
    redirected to the null device during the block.
    """
    saved_copies = {descriptor: os.dup(descriptor) for descriptor in (1, 2)}
    null_device = os.open(os.devnull, os.O_WRONLY)
    try:
        for descriptor in saved_copies:
            os.dup2(null_device, descriptor)
        yield
    finally:
        for descriptor, saved_copy in saved_copies.items():
            os.dup2(saved_copy, descriptor)
            os.close(saved_copy)
        os.close(null_device)
