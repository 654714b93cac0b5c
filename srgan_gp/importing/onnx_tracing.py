"""Conversion of an imported network to ONNX with dynamic height and width, checked at odd sizes.

PyTorch has two exporters. That which traces TorchScript takes seconds and handles windows, cyclic
shifts and padding. Where its graph differs from the network, because the network computes with
sizes in Python, the newer exporter is tried.
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
from torch import Tensor, nn

from srgan_gp.errors import ModelRefusedError
from srgan_gp.exporting.onnx_graph import OPSET
from srgan_gp.exporting.parity import TOLERANCE
from srgan_gp.importing.imported_network import ImportedNetwork
from srgan_gp.inference.devices import choose_threads
from srgan_gp.inference.loading.foreign_models import parse_safely
from srgan_gp.inference.ort_engine import create_session
from srgan_gp.inference.runtime_types import run_ort_session

INPUT, OUTPUT = "image", "upscaled"
EXAMPLE_SIDES = (73, 89)
"""Height and width of the traced image, before `size_multiple`. Odd, so that padding is traced."""
CHECKED_SIDES = ((17, 31), (37, 23), (96, 61), (64, 80))
"""Heights and widths that are compared, of which the largest is longer than the example."""


def as_onnx(network: ImportedNetwork, name: str) -> tuple[onnx.ModelProto, float]:
    """Convert a network; its graph maps (1, 3, H, W) to (1, 3, H * scale, W * scale).

    Returns:
        The graph, and its largest difference from PyTorch, relative to the largest value but at
        least to 1.

    Raises:
        ModelRefusedError: no exporter makes a graph that equals the network at every size.
    """
    problems: list[str] = []
    for export in (_export_traced, _export_captured):
        try:
            with _silence(), torch.no_grad(), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                data = export(network)
            model = parse_safely(data, name)
            difference = _difference(network, data, name)
        except Exception as error:  # exporters raise many kinds
            lines = str(error).splitlines() or [type(error).__name__]
            problems.append(lines[0][:160].strip(". "))
            continue
        if difference <= TOLERANCE:
            return _cleaned(model), difference
        problems.append(f"its results differ from PyTorch by {difference:.1e}")
    raise ModelRefusedError(
        f"The {network.facts.architecture} network of {name} cannot be exported to ONNX with a "
        f"dynamic size: {problems[-1]}."
    )


def _export_traced(network: ImportedNetwork) -> bytes:
    file: Any = io.BytesIO()  # PyTorch's annotation names paths only
    names: Any = {"input_names": [INPUT], "output_names": [OUTPUT]}
    axes = {INPUT: {2: "H", 3: "W"}, OUTPUT: {2: "enlarged_H", 3: "enlarged_W"}}
    torch.onnx.export(
        network, (_example(network),), file, dynamo=False, opset_version=OPSET, dynamic_axes=axes,
        **names,
    )  # fmt: skip
    return file.getvalue()


def _export_captured(network: ImportedNetwork) -> bytes:
    multiple = network.facts.size_multiple
    height, width = (torch.export.Dim(name, min=2, max=4096) for name in ("h", "w"))
    shapes = {2: multiple * height, 3: multiple * width} if multiple > 1 else {2: height, 3: width}
    program = torch.export.export(
        _Plain(network), (_example(network),), dynamic_shapes=(shapes,), strict=False,
        prefer_deferred_runtime_asserts_over_guards=True,
    )  # fmt: skip
    exported = torch.onnx.export(
        program, (), dynamo=True, opset_version=OPSET, input_names=[INPUT], output_names=[OUTPUT],
        optimize=True, verbose=False,
    )  # fmt: skip
    assert exported is not None
    return exported.model_proto.SerializeToString()


class _Plain(nn.Module):
    """A network whose signature has one argument, `image`."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.eval()

    def forward(self, image: Tensor) -> Tensor:
        return self.network(image)


def _example(network: ImportedNetwork) -> Tensor:
    facts = network.facts
    sides = [_rounded(side, facts.size_multiple, facts.size_minimum) for side in EXAMPLE_SIDES]
    return torch.rand(1, 3, *sides, generator=torch.Generator().manual_seed(0))


def check_images(network: ImportedNetwork) -> Iterator[Tensor]:
    """Yield the images on which a graph is compared: noise of `CHECKED_SIDES`, rounded up."""
    facts, random = network.facts, torch.Generator().manual_seed(1)
    for sides in CHECKED_SIDES:
        rounded = [_rounded(side, facts.size_multiple, facts.size_minimum) for side in sides]
        yield torch.rand(1, 3, *rounded, generator=random)


def _rounded(side: int, multiple: int, minimum: int) -> int:
    return max(-(-side // multiple) * multiple, minimum)


def _difference(network: ImportedNetwork, data: bytes, name: str) -> float:
    """Compare ONNX Runtime with PyTorch.

    Raises:
        ModelRefusedError: ONNX Runtime fails, or a result has another size.
    """
    engine = create_session(data, choose_threads(None))
    scale, worst = network.facts.scale, 0.0
    for image in check_images(network):
        with torch.no_grad():
            expected = network(image).numpy()
        found = run_ort_session(engine, image.numpy(), name)
        size = (1, 3, image.shape[2] * scale, image.shape[3] * scale)
        if found.shape != size or expected.shape != size:
            raise ModelRefusedError(f"images of {size} are {found.shape} instead")
        magnitude = max(1.0, float(np.abs(expected).max()))
        worst = float(np.maximum(worst, np.abs(found - expected).max() / magnitude))
    return worst


def _cleaned(model: onnx.ModelProto) -> onnx.ModelProto:
    """Remove notes of the exporters about source files."""
    model.graph.name, model.graph.doc_string = "imported", ""
    for part in (*model.graph.node, *model.graph.input, *model.graph.output):
        part.doc_string = ""
        del part.metadata_props[:]
    return model


@contextmanager
def _silence() -> Generator[None]:
    """Send the output of the process to nowhere: the exporters print graphs when they fail."""
    kept = {number: os.dup(number) for number in (1, 2)}
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        for number in kept:
            os.dup2(nowhere, number)
        yield
    finally:
        for number, copy in kept.items():
            os.dup2(copy, number)
            os.close(copy)
        os.close(nowhere)
