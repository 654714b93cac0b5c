"""Sheets of face crops: labelled, or blind pairs with a key, and the tally of the readers."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from enhanced_faces.comparing import Pair
from srgan_gp.images import write_image
from srgan_gp.inference.face_enhancement.face_options import ENHANCED
from srgan_gp.system.files import atomic_write_bytes

MARGIN = 8  # pixels between two images of a row
LEAST_SIDE = 240  # pixels: crops with a shorter side are shown at 2:1
GREY = 127  # level of the background


@dataclass(frozen=True)
class Crop:
    """The box of one face in the input and in both results, images of one size, uint8.

    Attributes:
        name: name of the image, and number of the face in it.
        low_res: the input, enlarged by repeating its pixels.
        without_face: the result without the face model.
        with_face: the result with the face model.
    """

    name: str
    low_res: np.ndarray
    without_face: np.ndarray
    with_face: np.ndarray


def crop_faces(name: str, pair: Pair) -> Iterator[Crop]:
    """Yield a crop of every enhanced face."""
    for number, face in enumerate(pair.faces, start=1):
        if face.done != ENHANCED:
            continue
        rows, columns = pair.slices(face)
        left, top, width, height = face.box
        small = pair.low_res[top : top + height, left : left + width]
        scale = (rows.stop - rows.start) // height
        enlarged = small.repeat(scale, axis=0).repeat(scale, axis=1)
        without_face = pair.without_faces[rows, columns]
        with_face = pair.with_faces[rows, columns]
        yield Crop(f"{name} {number}", enlarged, without_face, with_face)


def join_row(images: list[np.ndarray]) -> np.ndarray:
    """Put images of one size beside each other: (H, W, 3), uint8; small ones at 2:1."""
    zoom = 1 if min(images[0].shape[:2]) >= LEAST_SIDE else 2
    height = images[0].shape[0] * zoom
    gap = np.full((height, MARGIN, 3), GREY, np.uint8)
    parts = [gap]
    for image in images:
        large = image.repeat(zoom, axis=0).repeat(zoom, axis=1)
        parts += [np.broadcast_to(large, (*large.shape[:2], 3)), gap]
    return np.concatenate(parts, axis=1)


def write_labelled(crops: list[Crop], folder: Path) -> None:
    """Write one image for each crop: the input, and the results without and with the face model."""
    folder.mkdir(parents=True, exist_ok=True)
    for crop in crops:
        row = join_row([crop.low_res, crop.without_face, crop.with_face])
        write_image(row, folder / f"{crop.name.replace(' ', '-')}.png")


def write_blind(crops: list[Crop], folder: Path, key: Path) -> None:
    """Write one image for each crop, in random order, with input, A and B; and the key.

    Args:
        crops: crops of faces.
        folder: folder of `NN.png`, for the readers.
        key: file of the key, outside `folder`: by the number NN, the name of the crop (`crop`) and
            the letter of the result with the face model (`with`).
    """
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng()  # without a seed: only the key says which result is A
    entries = dict[str, dict[str, str]]()
    for number, index in enumerate(rng.permutation(len(crops)), start=1):
        crop = crops[index]
        if rng.integers(2):
            letter, results = "A", [crop.with_face, crop.without_face]
        else:
            letter, results = "B", [crop.without_face, crop.with_face]
        write_image(join_row([crop.low_res, *results]), folder / f"{number:02d}.png")
        entries[str(number)] = {"crop": crop.name, "with": letter}
    write_json(entries, key)


def write_json(values: Mapping[str, Any], path: Path) -> None:
    """Write a JSON file."""
    atomic_write_bytes(path, json.dumps(values, indent=1).encode())


def tally_lines(key: Mapping[str, Any], readers: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """Yield the share of crops in which each reader prefers the result with the face model.

    Args:
        key: as written by `write_blind`.
        readers: answers by the name of the reader and the number of the crop: "A", "B", or "=" for
            a tie, which counts half.

    Raises:
        ValueError: an answer is missing, or is none of these three texts.
    """
    shares = []
    for name, answers in readers.items():
        points = []
        for number, entry in key.items():
            answer = answers.get(number)
            if answer not in ("A", "B", "="):
                raise ValueError(f"{name}: crop {number} has the answer {answer!r}, not A, B or =")
            points.append(0.5 if answer == "=" else float(answer == entry["with"]))
        shares.append(float(np.mean(points)))
        ties = sum(answers[number] == "=" for number in key)
        yield f"{name}: with {shares[-1]:.1%} of {len(points)} crops ({ties} ties)"
    yield f"all: with {np.mean(shares):.1%}"
