"""`make_int8_network`: the int8 network of a model, for `--precision int8` on a CPU.

The int8 network computes its body convolutions, those between two other convolutions, with integers
of 8 bits. The ranges of their activations are calibrated on crops of photos. The difference from
the float32 network is measured on other crops.
"""

import math
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from PIL import Image

from srgan_gp.data.image_sources import ImageFile, list_all_images
from srgan_gp.errors import PictureError, UsageError
from srgan_gp.exporting.int8_graph import Range, body_convolutions, observed_tensors, quantise
from srgan_gp.inference.devices import choose_threads
from srgan_gp.inference.loading.model_info import FLOAT32_SHA256
from srgan_gp.models.cards import Int8Record
from srgan_gp.training.run_data import read_data_places

Floats = NDArray[np.float32]
Crop = NDArray[np.uint8]
"""(H, W, 3), uint8 RGB."""

SIDE = 128
"""Longest side of a crop in pixels; larger crops take longer, smaller ones show less of a photo."""
CALIBRATION_CROPS = 32
"""Number of crops on which the ranges of activations are measured. More take longer; with fewer the
ranges miss more of the values of other images, which are then clipped."""
COMPARED_CROPS = 16
"""Number of other crops on which the networks are compared. More take longer; with fewer the
recorded difference depends more on the choice of the photos."""
_EQUAL_PSNR = 100.0  # dB, recorded for equal results, because cards have finite numbers only


@dataclass(frozen=True)
class Int8Network:
    """An int8 network."""

    data: bytes
    """Bytes of its ONNX file."""
    record: Int8Record
    """Its difference from the float32 network, for the card."""


def int8_of_run(
    model: bytes, sha256: str, run_dir: Path, photos: Sequence[str] | None
) -> Int8Network | None:
    """Make the int8 network of an exported run, or warn why there is none.

    Args:
        model: bytes of the float32 ONNX file of the run.
        sha256: SHA-256 of `model` in hex.
        run_dir: folder of the training run.
        photos: folders or zip files of photos; None for the training images of the run.

    Returns:
        The network. None after a warning; or None without a warning, if the model has no
        convolution between two others.

    Raises:
        UsageError: a place of `photos` has no image.
    """
    if not body_convolutions(onnx.load_model_from_string(model)):
        return None
    try:
        images = list_all_images(read_data_places(run_dir) if photos is None else photos)
        return make_int8_network(model, sha256, images)
    except (UsageError, ValueError) as error:
        # UsageError: a place has no image, or is missing. If the user named it, it is a mistake.
        if photos is not None and isinstance(error, UsageError):
            raise
        reason = str(error).rstrip(".")
        warnings.warn(f"The model has no int8 network: {reason}.", stacklevel=3)
        return None


def make_int8_network(model: bytes, sha256: str, photos: Sequence[ImageFile]) -> Int8Network:
    """Quantise a model: convert its body convolutions to int8.

    The difference from float32 is measured on photos that were not used for the calibration, if
    there are more than `CALIBRATION_CROPS`.

    Args:
        model: bytes of the float32 ONNX file of an upscaler with a scale in its metadata.
        sha256: SHA-256 of `model` in hex, stored in the metadata of the result.
        photos: images like those of the training. Up to `CALIBRATION_CROPS` plus `COMPARED_CROPS`
            of them, always the same, are read; those that cannot be decoded are skipped.

    Returns:
        The int8 network, with the metadata of the model.

    Raises:
        ValueError: the network has no convolution between two others, no photo can be decoded, or
            the range of a tensor is not finite.
    """
    parsed = onnx.load_model_from_string(model)
    metadata = {entry.key: entry.value for entry in parsed.metadata_props}
    crops = list(_crops(photos, int(metadata["scale"])))
    if not crops:
        raise ValueError("there is no photo to calibrate it on")
    calibrated = crops[:CALIBRATION_CROPS]
    network = quantise(parsed, _ranges(parsed, calibrated))
    onnx.helper.set_model_props(network, metadata | {FLOAT32_SHA256: sha256})
    data = network.SerializeToString(deterministic=True)
    compared = crops[CALIBRATION_CROPS:] or calibrated
    return Int8Network(data, _compare(model, data, compared))


def _crops(photos: Sequence[ImageFile], scale: int) -> Iterator[Crop]:
    """Yield a crop from the middle of each photo; every second one is downscaled by `scale` first.

    The reason is that users upscale both sharp photos and small copies of photos.
    """
    count = CALIBRATION_CROPS + COMPARED_CROPS
    order = np.random.default_rng(0).permutation(len(photos))
    for number, index in enumerate(order[:count]):
        photo = photos[index]
        try:
            pixels = photo.read()
        except PictureError:
            continue
        if number % 2 == 1:
            image = Image.fromarray(pixels)
            width, height = (max(side // scale, 1) for side in image.size)
            pixels = np.asarray(image.resize((width, height), Image.Resampling.BICUBIC))
        top, left = (max(side - SIDE, 0) // 2 for side in pixels.shape[:2])
        yield np.ascontiguousarray(pixels[top : top + SIDE, left : left + SIDE])


def _ranges(model: onnx.ModelProto, crops: Sequence[Crop]) -> dict[str, Range]:
    """Return the (smallest, largest) value of each tensor that `quantise` needs, over all crops."""
    names = observed_tensors(body_convolutions(model))
    if not names:
        raise ValueError("it has no convolution between two others")
    # A copy of the model that returns these tensors too.
    observed = onnx.ModelProto()
    observed.CopyFrom(model)
    for name in names:
        output = onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)
        observed.graph.output.append(output)
    session = _session(observed.SerializeToString())
    low, high = dict.fromkeys(names, math.inf), dict.fromkeys(names, -math.inf)
    for crop in crops:
        values = _run(session, crop, names)
        for name, value in zip(names, values, strict=True):
            low[name] = min(low[name], float(value.min()))
            high[name] = max(high[name], float(value.max()))
    return {name: (low[name], high[name]) for name in names}


def _run(
    session: onnxruntime.InferenceSession, crop: Crop, names: Sequence[str] | None = None
) -> list[Floats]:
    """Run a model on a crop; return the tensors `names`, or all outputs for None."""
    inputs = {session.get_inputs()[0].name: _planes(crop)}
    return cast("list[Floats]", session.run(names, inputs))


def _compare(model: bytes, int8: bytes, crops: Sequence[Crop]) -> Int8Record:
    """Compare the 8-bit results of the float32 network and the int8 network.

    Args:
        model: bytes of the float32 ONNX file.
        int8: bytes of the int8 ONNX file.
        crops: one or more.

    Returns:
        Largest and mean absolute difference in levels of 255, and the PSNR in dB.
    """
    float32_session, int8_session = _session(model), _session(int8)
    largest, total, squares, count = 0.0, 0.0, 0.0, 0
    for crop in crops:
        expected = np.rint(np.clip(_run(float32_session, crop)[0], 0, 1) * 255)
        found = np.rint(np.clip(_run(int8_session, crop)[0], 0, 1) * 255)
        difference = np.abs(expected - found, dtype=np.float64)
        largest = max(largest, float(difference.max()))
        total += float(difference.sum())
        squares += float((difference**2).sum())
        count += difference.size
    psnr = 10 * math.log10(255**2 * count / squares) if squares else _EQUAL_PSNR
    return Int8Record(
        largest_difference=largest,
        mean_difference=round(total / count, 4),
        psnr=round(psnr, 2),
        measured_on=f"{len(crops)} crops of photos",
    )


def _session(model: bytes) -> onnxruntime.InferenceSession:
    """Open an ONNX file on the CPU."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # fatal: errors are raised, and need not be printed
    options.intra_op_num_threads = choose_threads(None)
    # Threads do not spin while they wait, as in `inference.ort_engine`.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _planes(crop: Crop) -> NDArray[np.float32]:
    """Convert a crop to the input of a network, (1, 3, H, W), float32 in [0, 1]."""
    return (crop.transpose(2, 0, 1)[np.newaxis] / np.float32(255)).astype(np.float32)
