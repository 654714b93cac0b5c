"""Int8 graph: quantises the convolutions of a network's body, for `--precision int8` on a CPU.

The quantised tensors are uint8 activations with one scale each and int8 weights with one scale for
each output channel, written as pairs of QuantizeLinear and DequantizeLinear, which ONNX Runtime
fuses into integer convolutions. The rest, such as the sums of residual blocks, stays float32.
Scales are constants, so that tiling stays exact.

Source:
    Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient
    Integer-Arithmetic-Only Inference", arXiv:1712.05877, section 2.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

Array = NDArray[Any]

WEIGHT_LEVELS = 63
"""Largest int8 weight. AVX2 adds pairs of products of uint8 and int8 in 16 bits: 2 * 255 * 63 fits,
2 * 255 * 127 would saturate, and the result would depend on the CPU."""

FLOAT_SHARE = 0.08
"""Share of the convolutions that stays float32: those with the widest outputs, where 256 levels are
the coarsest. Measured on photo-x4: 2 of 25 take 4 dB of the difference to float32 away."""

Range = tuple[float, float]
"""Smallest and largest value of a tensor."""


@dataclass(frozen=True)
class BodyConvolution:
    """A convolution that is quantised."""

    node: onnx.NodeProto
    relu: onnx.NodeProto | None
    """The ReLU that alone uses the result of the convolution, if there is one."""

    @property
    def output(self) -> str:
        """Name of the result, after the ReLU."""
        return (self.relu or self.node).output[0]


def body_convolutions(model: onnx.ModelProto) -> list[BodyConvolution]:
    """List the convolutions with another one before and another one after them.

    The first convolutions see the image and the last ones write it, where 8 bits would be visible.
    Grouped convolutions, and those whose weights are computed, are not listed either.
    """
    nodes = model.graph.node
    producers = {name: node for node in nodes for name in node.output}
    users: dict[str, list[onnx.NodeProto]] = defaultdict(list)
    for node in nodes:
        for name in node.input:
            users[name].append(node)

    @cache
    def has_before(name: str) -> bool:
        node = producers.get(name)
        return node is not None and (
            node.op_type == "Conv" or any(has_before(source) for source in node.input)
        )

    outputs = {value.name for value in model.graph.output}

    @cache
    def reaches_output(name: str) -> bool:
        """Return whether a result depends on a tensor without another convolution between."""
        return name in outputs or any(
            reaches_output(result)
            for node in users[name]
            if node.op_type != "Conv"
            for result in node.output
        )

    stored = {tensor.name for tensor in model.graph.initializer}
    chosen = [
        node
        for node in nodes
        if node.op_type == "Conv"
        and set(node.input[1:]) <= stored
        and not any(a.name == "group" and a.i != 1 for a in node.attribute)
        and has_before(node.input[0])
        and not reaches_output(node.output[0])
    ]

    def relu_of(node: onnx.NodeProto) -> onnx.NodeProto | None:
        [*others, last] = users[node.output[0]]  # at least one: it is not an output itself
        return last if not others and last.op_type == "Relu" else None

    return [BodyConvolution(node, relu_of(node)) for node in chosen]


def observed_tensors(convolutions: Iterable[BodyConvolution]) -> list[str]:
    """List the inputs and outputs of convolutions, whose ranges `quantise` needs."""
    return sorted({n for part in convolutions for n in (part.node.input[0], part.output)})


def quantise(model: onnx.ModelProto, ranges: Mapping[str, Range]) -> onnx.ModelProto:
    """Return a copy of a model whose body is quantised; metadata and interface are the same.

    Args:
        model: float32.
        ranges: of each of `observed_tensors`.

    Raises:
        ValueError: no convolution can be quantised, or a range is missing or not finite.
    """
    result = onnx.ModelProto()
    result.CopyFrom(model)
    convolutions = body_convolutions(result)
    if not convolutions:
        raise ValueError("it has no convolution between two others")
    for name in observed_tensors(convolutions):
        if name not in ranges or not np.isfinite(ranges[name]).all():
            raise ValueError(f"the range of {name} is not known")
    convolutions.sort(key=lambda part: ranges[part.output][1] - ranges[part.output][0])
    kept = len(convolutions) - round(FLOAT_SHARE * len(convolutions))
    writer = _GraphWriter(result.graph, ranges)
    for part in convolutions[:kept]:
        writer.quantise(part)
    writer.finish()
    onnx.checker.check_model(result, full_check=True)
    return result


class _GraphWriter:
    """Inserts the nodes and constants of quantised convolutions into a graph."""

    def __init__(self, graph: onnx.GraphProto, ranges: Mapping[str, Range]) -> None:
        self._graph, self._ranges = graph, ranges
        self._weights = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
        self._scales: dict[str, np.float32] = {}
        """Scale of each quantised tensor."""
        self._outputs: set[str] = set()
        """Outputs of quantised convolutions."""
        self._after: dict[str, list[onnx.NodeProto]] = defaultdict(list)
        """New nodes by the tensor that they follow."""
        self._before: dict[str, list[onnx.NodeProto]] = defaultdict(list)
        """New nodes by the output of the node that they precede."""

    def quantise(self, part: BodyConvolution) -> None:
        """Quantise input, weights, bias and output of a convolution."""
        node = part.node
        source = node.input[0]
        self._outputs.add(part.output)
        self._quantise_tensor(part.output)
        self._quantise_tensor(source)
        weights = self._weights[node.input[1]].astype(np.float64)
        largest = np.abs(weights).max(axis=(1, 2, 3))
        steps = np.where(largest > 0, largest, 1.0).astype(np.float32) / np.float32(WEIGHT_LEVELS)
        levels = np.rint(weights / steps[:, None, None, None].astype(np.float64))
        names = [_rounded(source), self._store_levels(node.input[1], levels, steps, np.int8)]
        if len(node.input) > 2:
            steps = steps * self._scales[source]
            bias = self._weights[node.input[2]].astype(np.float64) / steps.astype(np.float64)
            names.append(self._store_levels(node.input[2], np.rint(bias), steps, np.int32))
        for name in names[1:]:
            inputs = [f"{name}_levels", f"{name}_scale", f"{name}_zero"]
            dequantise = helper.make_node("DequantizeLinear", inputs, [name], axis=0)
            self._before[node.output[0]].append(dequantise)
        del node.input[:]
        node.input.extend(names)

    def _quantise_tensor(self, name: str) -> None:
        """Add a pair of nodes that rounds a tensor to 256 levels; its users get the rounded one."""
        if name in self._scales:
            return
        low, high = min(self._ranges[name][0], 0.0), max(self._ranges[name][1], 0.0)
        scale = np.float32((high - low) / 255 or 1.0)
        zero = np.uint8(np.clip(np.rint(-low / float(scale)), 0, 255))
        constants = [self._store(f"{name}_scale", scale), self._store(f"{name}_zero", zero)]
        levels, rounded = f"{name}_levels", _rounded(name)
        self._after[name] += [
            helper.make_node("QuantizeLinear", [name, *constants], [levels]),
            helper.make_node("DequantizeLinear", [levels, *constants], [rounded]),
        ]
        self._scales[name] = scale

    def _store_levels(self, name: str, levels: Array, steps: Array, dtype: type) -> str:
        """Store constants of a DequantizeLinear node; return the name of its result."""
        name, most = _rounded(name), np.iinfo(dtype).max
        self._store(f"{name}_levels", levels.clip(-most, most).astype(dtype))
        self._store(f"{name}_scale", steps)
        self._store(f"{name}_zero", np.zeros(len(steps), dtype))
        return name

    def finish(self) -> None:
        """Insert the new nodes in order and remove the float32 weights that they replace."""
        ordered: list[onnx.NodeProto] = []
        for node in self._graph.node:
            added = [new for name in node.output for new in self._after.get(name, [])]
            ordered += [*self._before.get(node.output[0], []), node, *added]
        # Copies, because the deletion below invalidates the nodes and tensors of the graph.
        copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in ordered]
        for node in copies:
            for index, name in enumerate(node.input):
                # Otherwise ONNX Runtime would have to compute that output in float32 as well.
                if name in self._outputs and node.op_type != "QuantizeLinear":
                    node.input[index] = _rounded(name)
        used = {name for node in copies for name in node.input}
        kept = [tensor for tensor in self._graph.initializer if tensor.name in used]
        kept = [onnx.TensorProto.FromString(tensor.SerializeToString()) for tensor in kept]
        del self._graph.node[:], self._graph.initializer[:]
        self._graph.node.extend(copies)
        self._graph.initializer.extend(kept)

    def _store(self, name: str, values: Any) -> str:  # noqa: ANN401 - an array or a numpy scalar
        self._graph.initializer.append(numpy_helper.from_array(np.asarray(values), name))
        return name


def _rounded(name: str) -> str:
    """Return the name of the tensor that has the values of another one, rounded to its levels."""
    return f"{name}_rounded"
