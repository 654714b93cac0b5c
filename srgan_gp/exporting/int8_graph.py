"""`quantise`: quantises the convolutions of a network's body, for `--precision int8` on a CPU.

The body is the convolutions between the first and the last ones; see `body_convolutions`.
A quantised tensor consists of integers (levels), a scale and a zero point: its values are about
scale * (level - zero point). Activations are uint8 with one scale each; weights are int8 with one
scale for each output channel. Pairs of QuantizeLinear and DequantizeLinear are inserted, which
round a float tensor to its levels; ONNX Runtime fuses them with the convolutions to integer
convolutions. The rest, such as the sums of residual blocks, stays float32. Scales are constants
that do not depend on the image, so a tile is upscaled exactly as in the whole image.

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
"""Largest level of a weight. AVX2 adds pairs of products of uint8 and int8 in 16 bits: 2 * 255 * 63
fits, but 2 * 255 * 127 would saturate, and the result would depend on the CPU."""

FLOAT_SHARE = 0.08
"""Share of the convolutions that stays float32: those with the widest outputs, where 256 levels are
the coarsest. Measured on photo-x4: with 2 of 25 in float32, the PSNR relative to the results of the
float32 network is 4 dB higher."""

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
    """List the convolutions that have another convolution before and another after them.

    The first convolutions see the image and the last ones write it, where 8 bits would be visible.
    Grouped convolutions, and those whose weights are not constants, are not listed either.
    """
    producers = {name: node for node in model.graph.node for name in node.output}
    users: dict[str, list[onnx.NodeProto]] = defaultdict(list)
    for node in model.graph.node:
        for name in node.input:
            users[name].append(node)
    outputs = {value.name for value in model.graph.output}

    @cache
    def depends_on_convolution(name: str) -> bool:
        """Return whether a tensor is computed from the result of a convolution."""
        node = producers.get(name)
        if node is None:  # an input of the graph, or a constant
            return False
        return node.op_type == "Conv" or any(depends_on_convolution(each) for each in node.input)

    @cache
    def reaches_output(name: str) -> bool:
        """Return whether a path without a convolution leads from a tensor to an output."""
        if name in outputs:
            return True
        others = [user for user in users[name] if user.op_type != "Conv"]
        return any(reaches_output(output) for user in others for output in user.output)

    stored = {tensor.name for tensor in model.graph.initializer}
    convolutions: list[BodyConvolution] = []
    for node in model.graph.node:
        if node.op_type != "Conv":
            continue
        is_grouped = any(item.name == "group" and item.i != 1 for item in node.attribute)
        has_stored_weights = stored.issuperset(node.input[1:])
        is_between = depends_on_convolution(node.input[0]) and not reaches_output(node.output[0])
        if has_stored_weights and not is_grouped and is_between:
            users_of_result = users[node.output[0]]
            is_before_relu = [user.op_type for user in users_of_result] == ["Relu"]
            relu = users_of_result[0] if is_before_relu else None
            convolutions.append(BodyConvolution(node, relu))
    return convolutions


def observed_tensors(convolutions: Iterable[BodyConvolution]) -> list[str]:
    """List the names of the inputs and outputs of convolutions, whose ranges `quantise` needs."""
    names: set[str] = set()
    for convolution in convolutions:
        names |= {convolution.node.input[0], convolution.output}
    return sorted(names)


def quantise(model: onnx.ModelProto, ranges: Mapping[str, Range]) -> onnx.ModelProto:
    """Return a copy of a model whose body is quantised; metadata and interface are the same.

    Args:
        model: a float32 model; not changed.
        ranges: (smallest, largest) value of each tensor in `observed_tensors`, by name.

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
    float_count = round(FLOAT_SHARE * len(convolutions))  # the last ones, with the widest outputs
    writer = _GraphWriter(result.graph, ranges)
    for convolution in convolutions[: len(convolutions) - float_count]:
        writer.quantise(convolution)
    writer.finish()
    onnx.checker.check_model(result, full_check=True)
    return result


class _GraphWriter:
    """Inserts the nodes and constants of quantised convolutions into a graph.

    `quantise` is called for each convolution, then `finish`.
    """

    def __init__(self, graph: onnx.GraphProto, ranges: Mapping[str, Range]) -> None:
        self._graph, self._ranges = graph, ranges
        self._weights = {part.name: numpy_helper.to_array(part) for part in graph.initializer}
        self._scales: dict[str, np.float32] = {}
        """Scale of each quantised activation, by its name."""
        self._outputs: set[str] = set()
        """Names of the outputs of quantised convolutions."""
        self._after: dict[str, list[onnx.NodeProto]] = defaultdict(list)
        """New nodes by the tensor that they follow."""
        self._before: dict[str, list[onnx.NodeProto]] = defaultdict(list)
        """New nodes by the output of the node that they precede."""

    def quantise(self, convolution: BodyConvolution) -> None:
        """Quantise input, weights, bias and output of a convolution."""
        node = convolution.node
        input_name = node.input[0]
        self._outputs.add(convolution.output)
        self._quantise_tensor(convolution.output)
        self._quantise_tensor(input_name)  # before the bias, which uses its scale
        weights = self._weights[node.input[1]].astype(np.float64)  # (out, in, height, width)
        largest = np.abs(weights).max(axis=(1, 2, 3))
        # An output channel whose weights are all 0 needs some scale.
        scales = np.where(largest > 0, largest, 1.0).astype(np.float32) / np.float32(WEIGHT_LEVELS)
        levels = np.rint(weights / scales[:, None, None, None].astype(np.float64))
        self._add_constant(node, node.input[1], levels, scales, np.int8)
        rounded_inputs = [_rounded(name) for name in node.input]
        if len(node.input) > 2:  # The bias has the scale of the products, so they can be added.
            bias_scales = scales * self._scales[input_name]
            bias = self._weights[node.input[2]].astype(np.float64) / bias_scales.astype(np.float64)
            self._add_constant(node, node.input[2], np.rint(bias), bias_scales, np.int32)
        del node.input[:]
        node.input.extend(rounded_inputs)

    def _quantise_tensor(self, name: str) -> None:
        """Add a pair of nodes that rounds a tensor to 256 levels, and remember the scale."""
        if name in self._scales:
            return
        smallest, largest = self._ranges[name]
        low, high = min(smallest, 0.0), max(largest, 0.0)  # 0, used for padding, must be a level
        step = (high - low) / 255
        scale = np.float32(step if step > 0 else 1)  # a tensor of zeros needs some scale
        zero = np.uint8(np.clip(np.rint(-low / float(scale)), 0, 255))
        constants = [self._store(f"{name}_scale", scale), self._store(f"{name}_zero", zero)]
        levels, rounded = f"{name}_levels", _rounded(name)
        self._after[name] += [
            helper.make_node("QuantizeLinear", [name, *constants], [levels]),
            helper.make_node("DequantizeLinear", [levels, *constants], [rounded]),
        ]
        self._scales[name] = scale

    def _add_constant(
        self, node: onnx.NodeProto, name: str, levels: Array, scales: Array, dtype: type
    ) -> None:
        """Store weights or a bias as levels, and add a node that makes `_rounded(name)` of them.

        Args:
            node: the convolution.
            name: name of the float32 weights or bias.
            levels: whole numbers, clipped to the range of `dtype`.
            scales: scale of each output channel.
            dtype: int8 or int32.
        """
        rounded, largest = _rounded(name), np.iinfo(dtype).max
        inputs = [
            self._store(f"{rounded}_levels", levels.clip(-largest, largest).astype(dtype)),
            self._store(f"{rounded}_scale", scales),
            self._store(f"{rounded}_zero", np.zeros(len(scales), dtype)),
        ]
        dequantise = helper.make_node("DequantizeLinear", inputs, [rounded], axis=0)
        self._before[node.output[0]].append(dequantise)

    def finish(self) -> None:
        """Insert the new nodes in order, and remove the float32 weights that they replace.

        The users of a quantised output get the rounded tensor as their input.
        """
        ordered: list[onnx.NodeProto] = []
        for node in self._graph.node:
            ordered += [*self._before.get(node.output[0], []), node]
            for name in node.output:
                ordered += self._after.get(name, [])
        # Copies, because the deletion below invalidates the nodes and tensors of the graph.
        copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in ordered]
        for node in copies:
            for index, name in enumerate(node.input):
                # ONNX Runtime fuses a convolution into an integer one only if QuantizeLinear alone
                # reads its output. So all other users read the rounded tensor.
                if name in self._outputs and node.op_type != "QuantizeLinear":
                    node.input[index] = _rounded(name)
        used_names = {name for node in copies for name in node.input}
        tensors: list[onnx.TensorProto] = []
        for tensor in self._graph.initializer:
            if tensor.name in used_names:
                tensors.append(onnx.TensorProto.FromString(tensor.SerializeToString()))
        del self._graph.node[:], self._graph.initializer[:]
        self._graph.node.extend(copies)
        self._graph.initializer.extend(tensors)

    def _store(self, name: str, values: Any) -> str:  # noqa: ANN401 - an array or a numpy scalar
        """Add a constant to the graph, and return its name."""
        self._graph.initializer.append(numpy_helper.from_array(np.asarray(values), name))
        return name


def _rounded(name: str) -> str:
    """Return the name of the tensor that has the values of tensor `name`, rounded to its levels."""
    return f"{name}_rounded"
