"""`fill_import_card`: the card of an imported model, from its file and from measurements.

A card is the TOML file beside a model: licence, limits, hashes of the files. `models.cards` reads
it.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from srgan_gp.exporting.int8_network import Int8Network
from srgan_gp.importing.database_entry import UNKNOWN, Origin, one_line
from srgan_gp.models.cards import UPSCALING
from srgan_gp.models.import_record import APPROXIMATE, ImportRecord


@dataclass(frozen=True)
class ImportedFile:
    """The imported file and the network in it."""

    file: str
    """Name of the file, without its folder."""
    architecture: str
    """Such as `ESRGAN`; `ONNX graph` for an ONNX file."""
    tags: tuple[str, ...]
    """Sizes of the network as the package spandrel names them, such as `64nf` for 64 channels."""
    torch_difference: float | None = None
    """Largest relative difference of the ONNX graph from PyTorch; None for an ONNX file."""


def fill_import_card(
    name: str,
    about: ImportedFile,
    origin: Origin,
    record: ImportRecord,
    scale: int,
    files: Mapping[str, object],
    int8: Int8Network | None,
) -> dict[str, Any]:
    """Return the content of a card.

    Args:
        name: name of the model.
        about: the file and its network.
        origin: what the file or its entry in the database OpenModelDB says.
        record: what was measured.
        scale: scale factor of the model.
        files: table of each file: its name, SHA-256 and size, as in `cards.FileRecord`. The keys
            are `onnx` and, if there is an int8 network, `int8`.
        int8: the int8 network, if there is one.

    Returns:
        The tables and values of the TOML file, by name.
    """
    purpose = f"enlarges {scale} times" if scale > 1 else "restores images of the same size"
    sizes = f" ({', '.join(about.tags)})" if about.tags else ""
    summary = f"{about.architecture}{sizes} of another project that {purpose}."
    if origin.description:
        summary += f" {origin.description}"
    file = one_line(about.file)  # without line breaks: a file name may have any characters
    measured = {key: value for key, value in asdict(record).items() if value is not None}
    card: dict[str, Any] = {
        "name": name,
        "task": UPSCALING,
        "summary": summary,
        "version": origin.version,
        "licence": one_line(origin.licence) or UNKNOWN,  # so may the value of `--licence`
        "architecture": about.architecture,
        "recipe": f"srgan-gp import {file}",
        "limits": _limits(record),
        "scale": scale,
        "files": files,
        "data": [
            {"what": origin.data, "licence": UNKNOWN, "attribution": f"model by {origin.author}"}
        ],
        "scores": [],
        "imported": measured | {"file": file},
    }  # fmt: skip
    if int8:
        card["int8"] = vars(int8.record)
    return card


def _limits(record: ImportRecord) -> list[str]:
    """Return the limits of the model that users should know, one sentence each."""
    limits = ["Its quality was not measured here."]
    if record.tiling == APPROXIMATE:
        limits.append("It depends on the whole image, so tiles of a large image are approximate.")
    return limits
