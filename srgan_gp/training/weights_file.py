"""Reading a network's parameters and metadata from an `.onnx` or `.safetensors` file.

Both kinds of file hold every parameter under its PyTorch name, such as `stem.weight`. Files that
`srgan-gp export` wrote also have metadata, strings by key: `task`, missing for a critic;
`architecture`, the name of the network's module; `arguments`, the arguments of the network's
constructor as JSON; and `smoothing`, for a face generator with a filter. Imports no torch.
"""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from srgan_gp.errors import UsageError
from srgan_gp.models.cards import ModelCard

ONNX = ".onnx"
"""Suffix of ONNX files; all others are read as safetensors."""
SMOOTHING_KEY = "smoothing"
"""Key of the metadata of a face generator with a filter: `TrainingRecord.smoothing` as text."""
LARGEST_SMOOTHING = 0.25
"""Largest share a: at 0.25 the filter [a, 1 - 2 a, a] removes the highest frequency; above, it
inverts its sign."""


def read_metadata(path: Path) -> dict[str, str]:
    """Read the metadata of a file; empty if it has none.

    Raises:
        UsageError: the file cannot be read.
    """
    if path.suffix == ONNX:
        return {entry.key: entry.value for entry in _read_onnx(path).metadata_props}
    try:
        with safe_open(path, "np") as file:
            return file.metadata() or {}
    except (OSError, SafetensorError) as error:
        raise UsageError(f"{path} cannot be read as safetensors: {error}.") from error


def read_network(path: Path) -> tuple[str, str, dict[str, Any]]:
    """Read which network a file holds.

    Returns:
        Task, such as "super-resolution", "" for a critic; name of the architecture; arguments of
        its constructor by name.

    Raises:
        UsageError: the file cannot be read, or its metadata does not describe the network.
    """
    metadata = read_metadata(path)
    try:
        arguments = json.loads(metadata["arguments"])
        return metadata.get("task", ""), metadata["architecture"], dict(arguments.items())
    except (KeyError, ValueError, AttributeError) as error:  # AttributeError: not a JSON object
        raise UsageError(
            f"{path} does not say which network it holds; only files of `srgan-gp export` do: "
            f"{error!r}."
        ) from error


def read_smoothing(path: Path, card: ModelCard | None) -> float:
    """Return the share of each neighbour in the filter of a face generator; 0: no filter.

    The training record of the card states it. Without such a record the metadata of the file
    counts; files of earlier versions do not have it there.

    Args:
        path: an `.onnx` or `.safetensors` file.
        card: its card; None: it has none.

    Raises:
        UsageError: the file cannot be read, or its metadata has no share in the valid range.
    """
    if card and card.training:
        return card.training.smoothing
    text = read_metadata(path).get(SMOOTHING_KEY, "0")
    try:
        share = float(text)
    except ValueError:
        share = math.nan
    if not 0 <= share <= LARGEST_SMOOTHING:  # also true for NaN
        raise UsageError(
            f"{path}: the smoothing in its metadata is {text!r}, not a number from 0 to "
            f"{LARGEST_SMOOTHING}."
        )
    return share


def read_tensors(path: Path) -> dict[str, NDArray[Any]]:
    """Read the parameters of a network.

    Returns:
        Arrays by name, converted to float32. An ONNX file also has constants of the graph. Those
        that are float32 or float16, such as a scale factor, are included; see `is_constant`. Other
        constants, such as integers, are skipped.

    Raises:
        UsageError: the file cannot be read, or keeps tensors in other files.
    """
    if path.suffix != ONNX:
        try:
            with safe_open(path, "np") as file:
                return {name: _as_floats(file.get_tensor(name)) for name in file.keys()}  # noqa: SIM118
        except (OSError, SafetensorError) as error:
            raise UsageError(f"{path} cannot be read as safetensors: {error}.") from error
    from onnx import TensorProto, numpy_helper

    found: dict[str, NDArray[Any]] = {}
    for tensor in _read_onnx(path).graph.initializer:
        if tensor.data_location == TensorProto.EXTERNAL or tensor.external_data:
            raise UsageError(
                f"{path} keeps tensors in other files; save it as a single file: "
                "onnx.save_model(onnx.load('x.onnx'), 'single.onnx')."
            )
        if tensor.data_type in (TensorProto.FLOAT, TensorProto.FLOAT16):
            found[tensor.name] = _as_floats(numpy_helper.to_array(tensor))
    return found


def is_constant(name: str) -> bool:
    """Return whether a tensor of an ONNX graph is a constant, judged by its name.

    The name of a layer's parameter is LAYER.PARAMETER; the name of a constant has no dot. The name
    of a parameter that belongs to the network itself has no dot either: a caller has to know such
    names.
    """
    return "." not in name


def _as_floats(values: NDArray[Any]) -> NDArray[Any]:
    return np.array(values, np.float32)  # a copy that PyTorch may write to


def _read_onnx(path: Path) -> Any:  # noqa: ANN401 - an onnx.ModelProto; onnx is imported inside
    """Read a graph; a file of any other content is a `UsageError`."""
    import onnx

    try:
        return onnx.load_model_from_string(path.read_bytes())
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    except Exception as error:  # the parser raises errors of many classes
        raise UsageError(f"{path} is not an ONNX model, or is damaged.") from error
