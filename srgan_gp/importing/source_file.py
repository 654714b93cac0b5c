"""`SourceFile`: the file that is imported, read once.

The file contains weights only, or is an ONNX file of another project. `origin_of` reads its author,
licence and data; `read_graph` parses and checks an ONNX file.
"""

import hashlib
import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import onnx

from srgan_gp.errors import ModelRefusedError, UsageError
from srgan_gp.importing.database_entry import Origin, origin_of_metadata, read_entry
from srgan_gp.inference.loading.foreign_models import parse_safely
from srgan_gp.inference.loading.model_files import WEIGHT_SUFFIXES
from srgan_gp.inference.loading.model_info import check_inputs_and_outputs
from srgan_gp.inference.ort_engine import create_session
from srgan_gp.inference.runtime_types import first_line
from srgan_gp.models.cards import FACES
from srgan_gp.system.paths import is_file

ONNX_SUFFIX = ".onnx"
MAX_BYTES = 1 << 30
"""Largest file in bytes, 1 GiB; the largest upscalers of OpenModelDB have some hundred MB. The file
is read into memory, and a limit keeps a wrong file from filling it."""


@dataclass(frozen=True)
class SourceFile:
    """Content of a file that is imported."""

    path: Path
    data: bytes
    sha256: str
    """SHA-256 of `data`, in hex."""

    @property
    def name(self) -> str:
        """Name of the file without its folder."""
        return self.path.name

    @property
    def is_onnx(self) -> bool:
        """Whether it contains a graph and not only weights."""
        return self.path.suffix.lower() == ONNX_SUFFIX


def read_source(path: Path) -> SourceFile:
    """Read a file of at most `MAX_BYTES`.

    Raises:
        UsageError: the file is missing, has another suffix, or is too large.
    """
    suffixes = (*WEIGHT_SUFFIXES, ONNX_SUFFIX)
    if path.suffix.lower() not in suffixes:
        raise UsageError(f"{path} cannot be imported: its suffix is none of {', '.join(suffixes)}.")
    if not is_file(path):
        raise UsageError(f"There is no file {path}.")
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise UsageError(f"{path} has {size:,} bytes, more than {MAX_BYTES:,}.")
        data = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from error
    return SourceFile(path, data, hashlib.sha256(data).hexdigest())


def origin_of(source: SourceFile) -> Origin:
    """Return author, licence and data of a model, as far as they are known.

    They are read from a JSON file beside it, its entry in the database OpenModelDB; without one,
    from the metadata in the file.
    """
    entry = read_entry(source.path, source.sha256)
    if entry is not None:
        return entry
    if source.is_onnx:
        return origin_of_metadata(_onnx_metadata(source))
    if source.path.suffix.lower() == ".safetensors":
        return origin_of_metadata(_safetensors_metadata(source.data))
    return Origin()


def read_graph(source: SourceFile) -> onnx.ModelProto:
    """Parse an ONNX file, and check that it is an upscaler for images of any size.

    Returns:
        The model with a graph of batch size 1, and without metadata.

    Raises:
        ModelRefusedError: the file is damaged, refers to other files, has custom operators or
            control flow, is a face generator, or has other inputs or outputs.
    """
    model = parse_safely(source.data, source.name)
    if any(entry.key == "task" and entry.value == FACES for entry in model.metadata_props):
        raise ModelRefusedError(f"{source.name} generates faces; only upscalers can be imported.")
    try:
        engine = create_session(source.data, threads=1)
    except Exception as error:  # ONNX Runtime's exceptions have no common base class
        raise ModelRefusedError(f"{source.name} cannot be loaded: {first_line(error)}.") from error
    check_inputs_and_outputs(engine.get_inputs(), engine.get_outputs(), source.name)
    # Fixed, because inference passes models of other projects one image at a time.
    batch_dimension = model.graph.input[0].type.tensor_type.shape.dim[0]
    batch_dimension.dim_value = 1
    del model.metadata_props[:]
    return model


def _onnx_metadata(source: SourceFile) -> dict[str, str]:
    """Return the `metadata_props` of an ONNX file."""
    model = parse_safely(source.data, source.name)
    return {entry.key: entry.value for entry in model.metadata_props}


def _safetensors_metadata(data: bytes) -> dict[str, str]:
    """Read the table `__metadata__` of a safetensors file; empty if it has none or is damaged.

    The file starts with the length of its header (8 bytes) and the header in JSON.
    """
    try:
        [length] = struct.unpack("<Q", data[:8])
        header: Any = json.loads(data[8 : 8 + length])
        metadata = cast("dict[Any, Any]", header["__metadata__"])
        return {str(key): str(value) for key, value in metadata.items()}
    except (struct.error, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}
