"""Measurements of an imported graph: tiling, time, float16; the metadata that follows from them."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version

import numpy as np
import onnx

from srgan_gp.diagnosis.machine import describe_cpu
from srgan_gp.inference.devices import choose_threads
from srgan_gp.inference.loading.foreign_models import measure
from srgan_gp.inference.loading.model_info import ModelInfo
from srgan_gp.inference.ort_engine import create_session
from srgan_gp.inference.precision.float16_graph import to_float16
from srgan_gp.inference.runtime_types import run_ort_session
from srgan_gp.inference.tiling.network_pass import padded_part
from srgan_gp.inference.tiling.receptive_field import POWERS_OF_TWO, STRIP_WIDTH
from srgan_gp.inference.tiling.tiles import Floats, Network, round_up
from srgan_gp.inference.tiling.tiling_check import compare_tiles, uneven_image
from srgan_gp.models.cards import UPSCALING
from srgan_gp.models.import_record import ALIGNED, APPROXIMATE, EXACT

APPROXIMATE_OVERLAP = 32
"""Overlap of tiles, in pixels, of a network that depends on the whole image."""
TIMED_SIDES = (128, 256)
"""Sides of the timed image; the second one where the first takes less than `QUICK` seconds."""
QUICK = 0.25
MAX_FLOAT16_DIFFERENCE = 0.02
"""Largest mean difference of float16 from float32 that is accepted, for values from 0 to 1."""


@dataclass(frozen=True)
class SizeNeeds:
    """Sides that a network takes: at least `minimum`, multiples of `multiple`."""

    minimum: int = 1
    multiple: int = 1
    windows: Sequence[int] = ()
    """Sides of windows that it works in, candidates for the alignment of tiles."""


@dataclass(frozen=True)
class Measured:
    """Properties of a graph."""

    info: ModelInfo
    tiling: str
    """One of `import_record.TILINGS`."""
    tiling_difference: float
    """In levels of 255."""


def measure_tiling(model: onnx.ModelProto, name: str, needs: SizeNeeds) -> Measured:
    """Measure scale, overlap and size multiple, and compare tiles with the whole image.

    Args:
        model: maps (1, 3, H, W) to (1, 3, H * scale, W * scale), float32.
        name: name of the model, for messages.
        needs: sides that the network takes.

    Raises:
        ModelRefusedError: as for `foreign_models.measure`.
    """
    network = _padding_network(model, name, needs)
    candidates = sorted(
        side for side in {*POWERS_OF_TWO, *needs.windows} if side % needs.multiple == 0
    )
    info = measure(network, model, name, "", candidates)
    multiple = info.size_multiple if info.overlap is not None else needs.multiple
    info = replace(
        info, size_multiple=multiple, size_minimum=round_up(needs.minimum, multiple),
        padding="reflect",
    )  # fmt: skip
    width = round_up(STRIP_WIDTH, multiple)
    if info.overlap is not None:
        found = compare_tiles(network, info.scale, info.overlap, multiple=multiple, width=width)
        if found.is_exact:
            return Measured(info, EXACT if multiple == 1 else ALIGNED, found.largest * 255)
    # A measured multiple would only pad whole images further than the network needs.
    multiple = needs.multiple
    overlap, width = round_up(APPROXIMATE_OVERLAP, multiple), round_up(STRIP_WIDTH, multiple)
    found = compare_tiles(network, info.scale, overlap, multiple=multiple, width=width)
    info = replace(
        info, size_multiple=multiple, size_minimum=round_up(needs.minimum, multiple),
        overlap=overlap, has_exact_tiles=False,
    )  # fmt: skip
    return Measured(info, APPROXIMATE, found.largest * 255)


def metadata_of(info: ModelInfo, name: str) -> dict[str, str]:
    """Return the metadata that the runtime reads instead of measuring.

    It names no architecture, because training cannot start from another project's network.
    """
    metadata: dict[str, object] = {
        "srgan_gp_version": version("srgan-gp"),
        "name": name,
        "task": UPSCALING,
        "scale": info.scale,
        "overlap": info.overlap if info.has_exact_tiles else -1,
        "size_multiple": info.size_multiple,
        "size_minimum": info.size_minimum,
        "bytes_per_pixel": info.bytes_per_pixel,
        "padding": info.padding,
        "value_range": "0..1",
    }
    if not info.has_exact_tiles:
        metadata["approximate_overlap"] = info.overlap
    return {key: str(value) for key, value in metadata.items()}


def seconds_per_megapixel(
    data: bytes,
    info: ModelInfo,
    *,
    threads: int | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """Time a network on the CPU; the smaller of two runs, for a megapixel of the input.

    Args:
        data: bytes of the graph.
        info: metadata of the model.
        threads: CPU threads; None: as many as `upscale` uses.
        clock: returns seconds.
    """
    engine = create_session(data, choose_threads(threads))
    seconds = pixels = 0.0
    for side in TIMED_SIDES:
        height, width = info.padded_size(side, side)
        image, times = uneven_image(height, width), list[float]()
        for _ in range(2):
            started = clock()
            run_ort_session(engine, image, info.name)
            times.append(clock() - started)
        seconds, pixels = min(times), height * width
        if seconds >= QUICK:
            break
    return seconds / pixels * 1e6


def machine() -> str:
    """Return the processor and the number of threads of `seconds_per_megapixel`."""
    threads = choose_threads(None)
    return f"{describe_cpu()['name']}, {threads} {'thread' if threads == 1 else 'threads'}"


def has_float16(data: bytes, info: ModelInfo) -> bool:
    """Return whether the graph runs in float16 with nearly the results of float32."""
    image = uneven_image(*info.padded_size(64, 72))
    try:
        half = create_session(to_float16(data, info.name, has_pixels=False), choose_threads(None))
        found = run_ort_session(half, image, info.name)
        expected = run_ort_session(create_session(data, choose_threads(None)), image, info.name)
    except Exception:  # the converter and ONNX Runtime raise many kinds
        return False
    difference = np.abs(np.clip(found, 0, 1) - np.clip(expected, 0, 1)).mean()
    return bool(difference <= MAX_FLOAT16_DIFFERENCE)


def _padding_network(model: onnx.ModelProto, name: str, needs: SizeNeeds) -> Network:
    """Return the network for images of any size, which are padded as the runtime pads them."""
    engine = create_session(model.SerializeToString(), choose_threads(None))

    def run(image: Floats) -> Floats:
        height, width = image.shape[2:]
        rows, columns = (
            (0, max(round_up(side, needs.multiple), needs.minimum)) for side in (height, width)
        )
        padded = padded_part(image[0].transpose(1, 2, 0), rows, columns, "reflect")
        upscaled = run_ort_session(engine, padded.transpose(2, 0, 1)[np.newaxis], name)
        scale = max(upscaled.shape[2] // rows[1], 1)
        return upscaled[:, :, : height * scale, : width * scale]

    return run
