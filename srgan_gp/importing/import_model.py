"""Import of a file: weights or graph to ONNX, measurements, card; all files or none are written."""

import hashlib
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import onnx
import tomli_w

from srgan_gp.exporting.int8_network import Int8Network, make_int8_network
from srgan_gp.exporting.memory_measurement import measure_bytes_per_pixel
from srgan_gp.importing.import_card import ImportedFile, fill_import_card
from srgan_gp.importing.measurements import (
    Measured,
    SizeNeeds,
    has_float16,
    machine,
    measure_tiling,
    metadata_of,
    seconds_per_megapixel,
)
from srgan_gp.importing.source_file import SourceFile, origin_of, read_graph, read_source
from srgan_gp.inference.loading.model_info import ModelInfo
from srgan_gp.models.catalog import model_folders
from srgan_gp.models.import_record import ImportRecord
from srgan_gp.models.new_names import require_free_name
from srgan_gp.system.files import atomic_write_bytes, commit, drop, write_staged
from srgan_gp.system.write_errors import errors_about

Say = Callable[[str], None]
MEASURED_SIDE = 192
"""Side in pixels of the image that memory is measured with; transformers need much more of it."""


def import_model(
    path: Path,
    name: str,
    *,
    licence: str | None = None,
    photos: Sequence[str] | None = None,
    say: Say = lambda _: None,
) -> Path:
    """Install a model of another project in the user's folder of models.

    Args:
        path: `.pth`, `.pt`, `.ckpt` or `.safetensors` that spandrel knows, or `.onnx`.
        name: name of the new model.
        licence: for the card; None: what the file or its database entry says.
        photos: folders or zip files of photos for the int8 network; None: the model has none.
        say: called with a line about each step.

    Returns:
        Path of the card.

    Raises:
        UsageError: the file is missing or of another kind, the name cannot be used, or `photos` has
            no image.
        ModelRefusedError: the file is damaged, unsafe, not an upscaler, or cannot be converted.
        OutputError: the folder cannot be written.
    """
    require_free_name(name)
    source = read_source(path)
    origin = origin_of(source)
    if licence is not None:
        origin = replace(origin, licence=licence)
    say(f"Reading {source.name}, and converting it to ONNX.")
    model, about, needs = _convert(source)
    say("Comparing tiles with the whole image.")
    measured = measure_tiling(model, name, needs)
    say("Measuring memory and time.")
    data, info = _described(model, replace(measured.info, name=name))
    int8 = _int8(data, photos) if photos is not None else None
    record = _record(source, about, measured, data, info)
    card = fill_import_card(name, about, origin, record, info.scale, _files(name, data, int8), int8)
    contents = {f"{name}.onnx": data}
    if int8:
        contents[f"{name}.int8.onnx"] = int8.data
    contents[f"{name}.toml"] = tomli_w.dumps(card, multiline_strings=False).encode()
    write_together(model_folders()[-1], contents)
    return model_folders()[-1] / f"{name}.toml"


def write_together(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write files by name: all of them or none.

    Raises:
        OutputError: the folder cannot be made, or a file cannot be written.
    """
    with errors_about(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as undo:
        staged = list[Any]()
        for name, data in contents.items():
            part, _ = write_staged(folder / name, lambda file, data=data: file.write(data))
            undo.callback(drop, part)
            staged.append(part)
        for part in staged:
            undo.callback(part.target.unlink, missing_ok=True)
            commit(part)
        undo.pop_all()


def _convert(source: SourceFile) -> tuple[onnx.ModelProto, ImportedFile, SizeNeeds]:
    """Return the graph, what is known about the network, and the sizes that it takes."""
    if source.is_onnx:
        graph = read_graph(source)
        return graph, ImportedFile(source.name, "ONNX graph", ()), SizeNeeds()
    # Imported here: an ONNX file is imported without PyTorch.
    from srgan_gp.importing.imported_network import load_network
    from srgan_gp.importing.onnx_tracing import as_onnx
    from srgan_gp.importing.weight_files import read_weights

    weights = read_weights(source.data, source.name, source.path.suffix.lower())
    network = load_network(weights, source.name)
    graph, difference = as_onnx(network, source.name)
    facts = network.facts
    about = ImportedFile(source.name, facts.architecture, facts.tags, difference)
    return graph, about, SizeNeeds(facts.size_minimum, facts.size_multiple, network.windows())


def _described(model: onnx.ModelProto, info: ModelInfo) -> tuple[bytes, ModelInfo]:
    """Add the metadata to a graph; the memory is measured with the rest of it."""
    onnx.helper.set_model_props(model, metadata_of(info, info.name))
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"{info.name}.onnx"
        atomic_write_bytes(path, model.SerializeToString(deterministic=True))
        found = measure_bytes_per_pixel(path, MEASURED_SIDE)
    if found:
        info = replace(info, bytes_per_pixel=found)
        onnx.helper.set_model_props(model, metadata_of(info, info.name))
    return model.SerializeToString(deterministic=True), info


def _int8(data: bytes, photos: Sequence[str]) -> Int8Network | None:
    """Make the int8 network, or warn why there is none.

    Raises:
        UsageError: `photos` has no image.
    """
    from srgan_gp.data.image_sources import list_all_images

    images = list_all_images(photos)
    try:
        return make_int8_network(data, hashlib.sha256(data).hexdigest(), images)
    except Exception as error:  # the graph may have any operators and shapes
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200].rstrip(".")
        warnings.warn(f"The model has no int8 network: {reason}.", stacklevel=3)
        return None


def _record(
    source: SourceFile, about: ImportedFile, measured: Measured, data: bytes, info: ModelInfo
) -> ImportRecord:
    return ImportRecord(
        file=about.file,
        sha256=source.sha256,
        tiling=measured.tiling,
        tiling_difference=float(f"{measured.tiling_difference:.3g}"),
        seconds_per_megapixel=float(f"{seconds_per_megapixel(data, info):.3g}"),
        measured_on=machine(),
        has_float16=has_float16(data, info),
        size_multiple=info.size_multiple,
        torch_difference=(
            None if about.torch_difference is None else float(f"{about.torch_difference:.2g}")
        ),
    )


def _files(name: str, data: bytes, int8: Int8Network | None) -> dict[str, dict[str, Any]]:
    files = {"onnx": (f"{name}.onnx", data)}
    if int8:
        files["int8"] = (f"{name}.int8.onnx", int8.data)
    return {
        kind: {
            "name": file, "sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content),
        }
        for kind, (file, content) in files.items()
    }  # fmt: skip
