"""Measurements of an imported graph: tiling, time and float16; and metadata for its ONNX file."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version

import numpy as np
import onnx

from srgan_gp.diagnosis.machine import describe_cpu
from srgan_gp.inference.devices import choose_threads
from srgan_gp.inference.loading.foreign_models import measure_properties
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
"""Overlap of tiles, in pixels, of a network that depends on the whole image. No overlap makes such
tiles exact: a smaller one shows the borders of tiles more, a larger one takes more time."""
TIMED_SIDES = (128, 256)
"""Sides of the timed image in pixels; the second is used if the first takes less than `QUICK`. With
larger ones, the import of a slow model would take long."""
QUICK = 0.25
"""Seconds; a shorter time is too short to be measured well."""
MAX_FLOAT16_DIFFERENCE = 0.02
"""Largest accepted mean difference of float16 from float32, for values from 0 to 1: 5 levels of
255. A smaller limit could refuse deep networks, whose rounding adds up; a larger one could accept a
network whose values overflow in a part of the image."""


@dataclass(frozen=True)
class SizeNeeds:
    """Sides of images that a network takes, in pixels, as its architecture states them."""

    minimum: int = 1
    multiple: int = 1
    """Both sides of an image must be multiples of it. Exact tiles may need a larger multiple, which
    `measure_tiling` finds."""
    window_sides: Sequence[int] = ()
    """Sides of its attention windows: multiples to try for exact tiles."""


@dataclass(frozen=True)
class Measured:
    """Result of `measure_tiling`."""

    info: ModelInfo
    tiling: str
    """One of `import_record.TILINGS`: exact, exact at aligned positions, or approximate."""
    tiling_difference: float
    """Largest difference of tiles from the whole image, in levels of 255."""


def measure_tiling(model: onnx.ModelProto, name: str, needs: SizeNeeds) -> Measured:
    """Measure scale, overlap and size multiple, and compare tiles with the whole image.

    Args:
        model: maps (1, 3, H, W) to (1, 3, H * scale, W * scale), float32.
        name: name of the model, for messages.
        needs: sides that the network takes.

    Returns:
        The properties of the model, and how tiles differ from the whole image.

    Raises:
        ModelRefusedError: as for `foreign_models.measure_properties`.
    """
    network = _padding_network(model, name, needs)
    possible = {*POWERS_OF_TWO, *needs.window_sides}
    candidates = sorted(side for side in possible if side % needs.multiple == 0)
    # The SHA-256 is empty, because the file is written later.
    measured_info = measure_properties(network, model, name, sha256="", candidates=candidates)
    info = replace(measured_info, padding="reflect")  # as `_padding_network` pads
    if info.overlap is not None:  # None: the network depends on the whole image
        multiple = info.size_multiple
        width = round_up(STRIP_WIDTH, multiple)  # of the image that is compared, in pixels
        found = compare_tiles(network, info.scale, info.overlap, multiple=multiple, width=width)
        if found.is_exact:
            info = replace(info, size_minimum=round_up(needs.minimum, multiple))
            return Measured(info, EXACT if multiple == 1 else ALIGNED, found.largest * 255)
    # Tiles are approximate. The measured multiple is not used: it would only pad whole images
    # further than the network needs.
    multiple = needs.multiple
    overlap, width = round_up(APPROXIMATE_OVERLAP, multiple), round_up(STRIP_WIDTH, multiple)
    found = compare_tiles(network, info.scale, overlap, multiple=multiple, width=width)
    info = replace(
        info, size_multiple=multiple, size_minimum=round_up(needs.minimum, multiple),
        overlap=overlap, has_exact_tiles=False,
    )  # fmt: skip
    return Measured(info, APPROXIMATE, found.largest * 255)


def metadata_of(info: ModelInfo) -> dict[str, str]:
    """Return the `metadata_props` of the ONNX file, which inference reads instead of measuring.

    The metadata has no architecture, because training cannot start from another project's network.
    """
    metadata: dict[str, object] = {
        "srgan_gp_version": version("srgan-gp"),
        "name": info.name,
        "task": UPSCALING,
        "scale": info.scale,
        "overlap": info.overlap if info.has_exact_tiles else -1,  # -1: earlier versions do not tile
        "size_multiple": info.size_multiple,
        "size_minimum": info.size_minimum,
        "bytes_per_pixel": info.bytes_per_pixel,
        "padding": info.padding,
        "value_range": "0..1",
    }
    if not info.has_exact_tiles:
        metadata["approximate_overlap"] = info.overlap
    return {key: str(value) for key, value in metadata.items()}


def measure_seconds_per_megapixel(
    data: bytes,
    info: ModelInfo,
    *,
    threads: int | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """Time a network on the CPU: the faster of two runs, for a megapixel of the input.

    Args:
        data: bytes of the ONNX file.
        info: metadata of the model.
        threads: CPU threads; None for as many as `upscale` uses.
        clock: returns seconds; tests pass another clock.
    """
    engine = create_session(data, choose_threads(threads))
    seconds = pixels = 0.0
    for side in TIMED_SIDES:
        height, width = info.padded_size(side, side)
        image = uneven_image(height, width)
        times: list[float] = []
        for _ in range(2):
            started = clock()
            run_ort_session(engine, image, info.name)
            times.append(clock() - started)
        seconds, pixels = min(times), height * width
        if seconds >= QUICK:
            break
    return seconds / pixels * 1e6


def describe_machine() -> str:
    """Describe the processor and the number of threads that the time is measured with."""
    threads = choose_threads(None)
    return f"{describe_cpu()['name']}, {threads} {'thread' if threads == 1 else 'threads'}"


def has_float16(data: bytes, info: ModelInfo) -> bool:
    """Return whether the graph runs in float16 with nearly the results of float32."""
    height, width = info.padded_size(64, 72)  # small, so that it takes little time
    image, threads = uneven_image(height, width), choose_threads(None)
    try:
        float16_data = to_float16(data, info.name, takes_uint8=False)  # `image` is float32
        found = run_ort_session(create_session(float16_data, threads), image, info.name)
        expected = run_ort_session(create_session(data, threads), image, info.name)
    except Exception:  # the converter and ONNX Runtime raise many kinds
        return False
    difference = np.abs(np.clip(found, 0, 1) - np.clip(expected, 0, 1)).mean()
    return bool(difference <= MAX_FLOAT16_DIFFERENCE)


def _padding_network(model: onnx.ModelProto, name: str, needs: SizeNeeds) -> Network:
    """Return the network with padding at the bottom and on the right, for images of any size.

    The result maps (1, 3, h, w) to (1, 3, h * scale, w * scale), float32, on the CPU. If the scale
    is not an integer of 1 or more, `measure_properties` refuses it.
    """
    engine = create_session(model.SerializeToString(), choose_threads(None))

    def run(image: Floats) -> Floats:
        height, width = image.shape[2:]
        padded_height = max(round_up(height, needs.multiple), needs.minimum)
        padded_width = max(round_up(width, needs.multiple), needs.minimum)
        pixels = image[0].transpose(1, 2, 0)
        padded = padded_part(pixels, (0, padded_height), (0, padded_width), "reflect")
        upscaled = run_ort_session(engine, padded.transpose(2, 0, 1)[np.newaxis], name)
        scale = max(upscaled.shape[2] // padded_height, 1)
        return upscaled[:, :, : height * scale, : width * scale]

    return run
