"""Import of small networks of spandrel's architectures: difference, tiling and time of each.

`srgan-gp import` converts networks of other projects to ONNX. Spandrel is the package that loads
them. Only small networks with random weights are tried here.
"""

import io
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.photo import processor
from benchmarks.small_networks import SMALL, build_small
from srgan_gp.errors import ModelRefusedError
from srgan_gp.importing.import_model import import_model
from srgan_gp.importing.measurements import measure_seconds_per_megapixel
from srgan_gp.inference.session import Session
from srgan_gp.models.cards import read_card
from srgan_gp.system.files import atomic_write_bytes


def benchmark_imports(architectures: Sequence[str], threads: int) -> dict[str, Any]:
    """Import a network of each architecture, with random weights, into a temporary folder.

    Args:
        architectures: keys of `small_networks.SMALL`; empty: all.
        threads: CPU threads of the timed runs.

    Returns:
        The processor and, for each architecture, its largest difference from PyTorch, how it is
        tiled, the number of which the sides of a tile are multiples, the largest difference of
        tiles from the whole image in levels of 255, CPU seconds for a megapixel of the input, and
        whether float16 works; or why it was refused.
    """
    values: dict[str, Any] = {"machine": processor(), "threads": threads}
    models_before = os.environ.get("SRGAN_GP_MODELS")  # the folder that imports write to
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        os.environ["SRGAN_GP_MODELS"] = folder
        try:
            for number, kind in enumerate(architectures or SMALL):
                print(kind, file=sys.stderr)
                path = Path(folder) / f"{number}.pth"
                for quantity, value in _import(kind, path, threads):
                    values[f"{kind}: {quantity}"] = value
        finally:
            del os.environ["SRGAN_GP_MODELS"]
            if models_before is not None:
                os.environ["SRGAN_GP_MODELS"] = models_before
    return values


def _import(kind: str, path: Path, threads: int) -> Iterator[tuple[str, Any]]:
    """Write the weights of a network of `SMALL` to `path` and import them; yield measured values.

    Each value comes with its name: "difference from PyTorch", "tiling" and so on, or "refused".
    """
    weights = io.BytesIO()
    torch.save(build_small(kind).state_dict(), weights)
    atomic_write_bytes(path, weights.getvalue())
    name = f"imported-{path.stem}"
    try:
        card = read_card(import_model(path, name))
    except ModelRefusedError as error:
        yield "refused", str(error).replace(path.name, "the file")  # which is temporary
        return
    assert card.imported is not None
    yield "difference from PyTorch", card.imported.torch_difference
    yield "tiling", card.imported.tiling
    yield "multiple", card.imported.size_multiple
    yield "difference of tiles", card.imported.tiling_difference
    data = path.with_name(card.files["onnx"].name).read_bytes()
    info = Session.open(name, device="cpu").info
    seconds = measure_seconds_per_megapixel(data, info, threads=threads, clock=time.process_time)
    yield "CPU seconds per megapixel", seconds
    yield "float16", card.imported.has_float16
