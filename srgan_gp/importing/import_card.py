"""Card of an imported model, from what its file says and what was measured."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from srgan_gp.exporting.int8_network import Int8Network
from srgan_gp.importing.database_entry import UNKNOWN, Origin, one_line
from srgan_gp.models.cards import UPSCALING
from srgan_gp.models.import_record import APPROXIMATE, ImportRecord


@dataclass(frozen=True)
class ImportedFile:
    """A file and its network."""

    file: str
    """Name of the file."""
    architecture: str
    """Such as `ESRGAN`; `ONNX graph` for an ONNX file."""
    tags: tuple[str, ...]
    """Sizes of the network, such as `64nf`."""
    torch_difference: float | None = None
    """Largest difference of the graph from PyTorch; None for an ONNX file."""


def fill_import_card(
    name: str,
    about: ImportedFile,
    origin: Origin,
    record: ImportRecord,
    scale: int,
    files: Mapping[str, object],
    int8: Int8Network | None,
) -> dict[str, Any]:
    """Fill a card.

    Args:
        name: of the model.
        about: the file and its network.
        origin: what the file or its database entry says.
        record: what was measured.
        scale: of the model.
        files: a table for each file, as `cards.FileRecord`.
        int8: the int8 network, if there is one.
    """
    kind = f"enlarges {scale} times" if scale > 1 else "restores images of the same size"
    network = " ".join(part for part in (about.architecture, _sizes(about.tags)) if part)
    summary = f"{network} of another project that {kind}."
    if origin.description:
        summary += f" {origin.description}"
    file = one_line(about.file)
    card: dict[str, Any] = {
        "name": name,
        "task": UPSCALING,
        "summary": summary,
        "version": origin.version,
        "licence": one_line(origin.licence) or UNKNOWN,
        "architecture": about.architecture,
        "recipe": f"srgan-gp import {file}",
        "limits": _limits(record),
        "scale": scale,
        "files": files,
        "data": [
            {"what": origin.data, "licence": UNKNOWN, "attribution": f"model by {origin.author}"}
        ],
        "scores": [],
        "imported": {
            key: value for key, value in asdict(record).items() if value is not None
        } | {"file": file},
    }  # fmt: skip
    if int8:
        card["int8"] = vars(int8.record)
    return card


def _sizes(tags: tuple[str, ...]) -> str:
    return f"({', '.join(tags)})" if tags else ""


def _limits(record: ImportRecord) -> list[str]:
    limits = ["Its quality was not measured here."]
    if record.tiling == APPROXIMATE:
        limits.append("It depends on the whole image, so tiles of a large image are approximate.")
    return limits
