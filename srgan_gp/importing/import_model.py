"""`import_model`: installs a model of another project, for `srgan-gp import`.

The weights or the graph are converted to ONNX, the properties are measured, and a card is written.
All files are written, or none.
"""

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
    describe_machine,
    has_float16,
    measure_seconds_per_megapixel,
    measure_tiling,
    metadata_of,
)
from srgan_gp.importing.source_file import SourceFile, origin_of, read_graph, read_source
from srgan_gp.inference.loading.model_info import ModelInfo
from srgan_gp.inference.runtime_types import first_line
from srgan_gp.models.catalog import model_folders
from srgan_gp.models.import_record import ImportRecord
from srgan_gp.models.new_names import EXIST_ERROR, check_name, require_free_name
from srgan_gp.models.removal import files_of
from srgan_gp.models.written_card import read_written_card
from srgan_gp.system.files import Staged, atomic_write_bytes, commit, remove_staged, write_staged
from srgan_gp.system.write_errors import convert_write_errors

Say = Callable[[str], None]
"""Prints a line about a step."""
MEASURED_SIDE = 192
"""Side in pixels of the image that memory is measured with: half of `memory_measurement.SIDE`,
because transformers need much more memory for a pixel than the networks of this package."""


def import_model(
    path: Path,
    name: str,
    *,
    licence: str | None = None,
    photos: Sequence[str] | None = None,
    say: Say = lambda _: None,
    exist: str = EXIST_ERROR,
) -> Path:
    """Install a model of another project in the user's folder of models.

    Args:
        path: weights of an architecture that the package spandrel knows, in `.pth`, `.pt`, `.ckpt`
            or `.safetensors`; or an `.onnx` file.
        name: name of the new model.
        licence: licence for the card; None for what the file or its entry in OpenModelDB says.
        photos: folders or zip files of photos on which the int8 network is calibrated; None for no
            int8 network.
        say: called with a line about each step.
        exist: what to do if there is a model of that name. `new_names.EXIST_OVERWRITE` replaces it;
            `EXIST_ERROR` replaces it only if its card says that it was imported from the same file.

    Returns:
        Path of the card.

    Raises:
        UsageError: the file is missing or of another kind, the name cannot be used, or `photos` has
            no image.
        ModelRefusedError: the file is damaged, unsafe, not an upscaler, or cannot be converted.
        OutputError: the folder cannot be written.
    """
    folder = model_folders()[-1]
    check_name(name, folder)  # before a path contains it
    source = read_source(path)
    existing = read_written_card(folder / f"{name}.toml").get("imported", {})
    is_same_source = existing.get("sha256") == source.sha256
    # The result is a message if an existing model will be replaced; else "".
    if message := require_free_name(name, exist=exist, is_same_source=is_same_source):
        say(message)
    origin = origin_of(source)
    if licence is not None:
        origin = replace(origin, licence=licence)
    say(f"Reading {source.name}, and converting it to ONNX.")
    model, about, size_needs = _convert(source)
    say("Comparing tiles with the whole image.")
    measured = measure_tiling(model, name, size_needs)
    say("Measuring memory and time.")
    data, info = _add_metadata(model, measured.info)
    int8 = _make_int8(data, photos) if photos is not None else None
    record = _make_record(source, about, measured, data, info)
    files = _file_entries(name, data, int8)
    card = fill_import_card(name, about, origin, record, info.scale, files, int8)
    contents = {f"{name}.onnx": data}
    if int8:
        contents[f"{name}.int8.onnx"] = int8.data
    contents[f"{name}.toml"] = tomli_w.dumps(card, multiline_strings=False).encode()
    write_together(folder, contents)
    for file in files_of(name, folder):
        if file.name not in contents:  # a file of the replaced model, such as its critic
            with convert_write_errors(file):
                file.unlink()
    return folder / f"{name}.toml"


def write_together(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write files by name: all of them or none; files of these names are replaced.

    Raises:
        OutputError: the folder cannot be made, or a file cannot be written.
    """
    with convert_write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    # The callbacks of `undo` run if an exception ends the block; at the end they are discarded.
    with ExitStack() as undo:
        staged_files = list[Staged]()
        # Each file is complete under a hidden name before `commit` gives the first its final name.
        for name, data in contents.items():
            staged, _ = write_staged(folder / name, lambda file, data=data: file.write(data))
            undo.callback(remove_staged, staged)
            staged_files.append(staged)
        for staged in staged_files:
            target = staged.target
            if target.exists():
                undo.callback(atomic_write_bytes, target, target.read_bytes())
            else:
                undo.callback(target.unlink, missing_ok=True)
            commit(staged)
        undo.pop_all()


def _convert(source: SourceFile) -> tuple[onnx.ModelProto, ImportedFile, SizeNeeds]:
    """Return the ONNX graph, a description of file and network, and the sizes the network takes."""
    if source.is_onnx:
        graph = read_graph(source)
        # `SizeNeeds()`: images of any size, as far as is known before the measurement.
        return graph, ImportedFile(source.name, "ONNX graph", ()), SizeNeeds()
    # PyTorch is imported here only, because an ONNX file does not need it.
    from srgan_gp.importing.imported_network import load_network
    from srgan_gp.importing.onnx_tracing import convert_to_onnx
    from srgan_gp.importing.weight_files import read_weights

    weights = read_weights(source.data, source.name, source.path.suffix.lower())
    network = load_network(weights, source.name)
    graph, difference = convert_to_onnx(network, source.name)
    facts = network.facts
    about = ImportedFile(source.name, facts.architecture, facts.tags, difference)
    return graph, about, SizeNeeds(facts.size_minimum, facts.size_multiple, network.window_sides())


def _add_metadata(model: onnx.ModelProto, info: ModelInfo) -> tuple[bytes, ModelInfo]:
    """Add the metadata to a graph, with the memory that it needs, which is measured here.

    The measurement opens a file with metadata, so the metadata is set before the measurement, and
    again with its result.

    Returns:
        Bytes of the ONNX file, and `info` with the measured memory.
    """
    onnx.helper.set_model_props(model, metadata_of(info))
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"{info.name}.onnx"
        atomic_write_bytes(path, model.SerializeToString(deterministic=True))
        measured_bytes = measure_bytes_per_pixel(path, MEASURED_SIDE)
    if measured_bytes:  # otherwise the estimate remains
        info = replace(info, bytes_per_pixel=measured_bytes)
        onnx.helper.set_model_props(model, metadata_of(info))
    return model.SerializeToString(deterministic=True), info


def _make_int8(data: bytes, photos: Sequence[str]) -> Int8Network | None:
    """Make the int8 network of a model, or warn why there is none and return None.

    Args:
        data: bytes of the ONNX file with its metadata.
        photos: folders or zip files of photos.

    Raises:
        UsageError: `photos` has no image.
    """
    from srgan_gp.data.image_sources import list_all_images

    images = list_all_images(photos)
    try:
        return make_int8_network(data, hashlib.sha256(data).hexdigest(), images)
    except Exception as error:  # the graph may have any operators and shapes
        warnings.warn(f"The model has no int8 network: {first_line(error)}.", stacklevel=3)
        return None


def _make_record(
    source: SourceFile, about: ImportedFile, measured: Measured, data: bytes, info: ModelInfo
) -> ImportRecord:
    """Return the record for the card, for which time and float16 are measured here.

    The numbers in the record are rounded.
    """
    torch_difference = about.torch_difference
    if torch_difference is not None:
        torch_difference = float(f"{torch_difference:.2g}")
    return ImportRecord(
        file=about.file,
        sha256=source.sha256,
        tiling=measured.tiling,
        tiling_difference=float(f"{measured.tiling_difference:.3g}"),
        seconds_per_megapixel=float(f"{measure_seconds_per_megapixel(data, info):.3g}"),
        measured_on=describe_machine(),
        has_float16=has_float16(data, info),
        size_multiple=info.size_multiple,
        torch_difference=torch_difference,
    )


def _file_entries(name: str, data: bytes, int8: Int8Network | None) -> dict[str, dict[str, Any]]:
    """Return name, SHA-256 and size of each file for the card, by its kind: `onnx` and `int8`."""
    contents = {"onnx": (f"{name}.onnx", data)}
    if int8:
        contents["int8"] = (f"{name}.int8.onnx", int8.data)
    files: dict[str, dict[str, Any]] = {}
    for kind, (file, content) in contents.items():
        sha256 = hashlib.sha256(content).hexdigest()
        files[kind] = {"name": file, "sha256": sha256, "bytes": len(content)}
    return files
