"""`self_ensemble`: a network that averages its results for all flips and rotations of an image.

Upscalers call this test-time augmentation (TTA). It takes eight times the time. `onnx` is imported
inside functions, because only this option needs it.
"""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import onnx

_ROWS, _COLUMNS = 2, 3  # axes of (N, C, H, W)
_PREFIX = "tta"  # of the names of all values that are added
_TO_THE_START = np.iinfo(np.int64).min  # the end of a Slice with a negative step: the first element


def self_ensemble(model: "onnx.ModelProto") -> bytes:
    """Build a network that runs another one on eight versions of its input and averages.

    The versions are the input, flipped along one or both axes, and the same with rows and columns
    exchanged. Each result is turned back before it is added. The eight copies of the network share
    their weights, and run one after the other.

    Args:
        model: a network from (N, C, H, W) to images; not changed. Like the arguments of
            `fidelity_mixing.mix`, it is the result of `foreign_models.parse_safely`.

    Returns:
        Bytes of an ONNX file with the same input, output and metadata, but for the estimate of the
        memory; the same argument gives the same bytes.

    Raises:
        ValueError: the network has a fixed input that is not square, or parts that are run
            conditionally or in loops; the message says so, but does not name the model.

    Source:
        Timofte et al. 2016, "Seven Ways to Improve Example-Based Single Image Super Resolution",
        section 3.7, "enhanced prediction"; Lim et al. 2017 (EDSR), arXiv:1707.02921, section 3.3,
        "geometric self-ensemble".
    """
    import onnx

    _require_turnable(model.graph)
    [source], [result] = model.graph.input, model.graph.output
    ensemble = onnx.ModelProto()
    ensemble.CopyFrom(model)
    graph = ensemble.graph
    del graph.node[:]
    del graph.value_info[:]  # the sides of the exchanged versions differ
    total = ""
    for number, (is_exchanged, axes) in enumerate(_versions()):
        prefix = f"{_PREFIX}{number}/"
        image = _turn(graph, source.name, f"{prefix}input", axes, exchange_first=is_exchanged)
        names = _copy_nodes(graph, model.graph, {source.name: image}, prefix)
        # Undone in reverse: first the flips, then the exchange.
        back = _turn(graph, names[result.name], f"{prefix}output", axes, exchange_last=is_exchanged)
        if total:
            _add_node(graph, "Add", [total, back], f"{prefix}sum")
        total = f"{prefix}sum" if total else back
    share = onnx.numpy_helper.from_array(np.array(1 / 8, np.float32), f"{_PREFIX}/share")
    graph.initializer.append(share)
    _add_node(graph, "Mul", [total, share.name], result.name)
    _raise_memory_estimate(ensemble)
    return ensemble.SerializeToString(deterministic=True)


def _versions() -> list[tuple[bool, tuple[int, ...]]]:
    """List for each version whether rows and columns are exchanged, and the flipped axes."""
    flips: list[tuple[int, ...]] = [(), (_ROWS,), (_COLUMNS,), (_ROWS, _COLUMNS)]
    return [(is_exchanged, axes) for is_exchanged in (False, True) for axes in flips]


def _turn(
    graph: "onnx.GraphProto",
    image: str,
    name: str,
    axes: tuple[int, ...],
    *,
    exchange_first: bool = False,
    exchange_last: bool = False,
) -> str:
    """Add the operations that turn an image; return the name of the result.

    Args:
        graph: the graph that they are added to.
        image: name of the image.
        name: start of the names of the new values.
        axes: axes to flip.
        exchange_first: exchange rows and columns before the flips.
        exchange_last: exchange them after the flips.
    """
    import onnx

    exchange = (0, 1, _COLUMNS, _ROWS)
    if exchange_first:
        image = _add_node(graph, "Transpose", [image], f"{name}/exchanged", exchange)
    if axes:
        count = len(axes)
        numbers = {
            "starts": [-1] * count,
            "ends": [_TO_THE_START] * count,
            "axes": axes,
            "steps": [-1] * count,
        }
        constants = [
            onnx.numpy_helper.from_array(np.array(values, np.int64), f"{name}/{key}")
            for key, values in numbers.items()
        ]
        graph.initializer.extend(constants)
        inputs = [image, *(constant.name for constant in constants)]
        image = _add_node(graph, "Slice", inputs, f"{name}/flipped")
    if exchange_last:
        image = _add_node(graph, "Transpose", [image], f"{name}/back", exchange)
    return image


def _copy_nodes(
    graph: "onnx.GraphProto", network: "onnx.GraphProto", names: dict[str, str], prefix: str
) -> dict[str, str]:
    """Add a copy of a network's operations, whose results have names of their own.

    Args:
        graph: the graph that they are added to.
        network: the network; it shares its weights with the copy.
        names: name in the copy for each value that has another one there: the input.
        prefix: start of the new names.

    Returns:
        `names`, and the names of all results in the copy.
    """
    renamed = dict(names)
    for node in network.node:
        copy = graph.node.add()
        copy.CopyFrom(node)
        copy.name = node.name and prefix + node.name  # a name may be empty, and is then no name
        copy.input[:] = [renamed.get(name, name) for name in node.input]
        renamed |= {name: prefix + name for name in node.output if name}
        copy.output[:] = [renamed.get(name, name) for name in node.output]
    return renamed


def _add_node(
    graph: "onnx.GraphProto",
    operation: str,
    inputs: list[str],
    output: str,
    perm: tuple[int, ...] | None = None,
) -> str:
    """Add an operation with one result; return the name of that result.

    Args:
        graph: the graph that it is added to.
        operation: ONNX's name of the operation.
        inputs: names of its inputs.
        output: name of its result.
        perm: order of the axes after a Transpose.
    """
    import onnx

    node = onnx.helper.make_node(operation, inputs, [output], output)
    if perm is not None:
        node.attribute.append(onnx.helper.make_attribute("perm", perm))
    graph.node.append(node)
    return output


def _raise_memory_estimate(ensemble: "onnx.ModelProto") -> None:
    """Add the memory of the images that wait for the sum to the metadata, if it has an estimate.

    ONNX Runtime computes the eight results before it adds them. Two more are being turned.
    """
    entries = {entry.key: entry for entry in ensemble.metadata_props}
    if "bytes_per_pixel" in entries and "scale" in entries:
        channels, bytes_of_a_float = 3, 4
        pixels = int(entries["scale"].value) ** 2 + 1  # of a result and of a turned input
        waiting = (8 + 2) * pixels * channels * bytes_of_a_float
        own = int(entries["bytes_per_pixel"].value)
        entries["bytes_per_pixel"].value = str(own + waiting)


def _require_turnable(graph: "onnx.GraphProto") -> None:
    """Raise a ValueError if the network cannot run on an image with rows and columns exchanged."""
    import onnx

    [source] = graph.input
    rows, columns = source.type.tensor_type.shape.dim[_ROWS : _COLUMNS + 1]
    if rows.dim_value != columns.dim_value:  # 0 for a side that varies
        raise ValueError("its input has a fixed size that is not square")
    kinds = (onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS)
    if any(attribute.type in kinds for node in graph.node for attribute in node.attribute):
        raise ValueError("it has parts that are run conditionally or in loops")
