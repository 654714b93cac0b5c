"""Calls of the public API with the types of their results; pyright checks this module.

It is listed in `include` of `tool.pyright` in `pyproject.toml`, and is not run.
"""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, assert_type

from numpy.typing import NDArray
from PIL import Image

from srgan_gp import Picture, Upscaler

Array = NDArray[Any]


def single_images(upscaler: Upscaler, array: Array, image: Image.Image, picture: Picture) -> None:
    """One image or path."""
    assert_type(upscaler.upscale("a.jpg"), Picture)
    assert_type(upscaler.upscale(Path("a.jpg")), Picture)
    assert_type(upscaler.upscale(b"GIF89a"), Picture)
    assert_type(upscaler.upscale(io.BytesIO()), Picture)
    with Path("a.jpg").open("rb") as file:
        assert_type(upscaler.upscale(file), Picture)
    assert_type(upscaler.upscale([b"GIF89a", memoryview(b"GIF89a")]), list[Picture])
    assert_type(upscaler.upscale(array), Array)
    assert_type(upscaler.upscale(image), Image.Image)
    assert_type(upscaler.upscale(picture), Picture)


def lists_of_one_kind(upscaler: Upscaler, arrays: list[Array], folder: Iterator[Path]) -> None:
    """Several images of one type, or several paths."""
    assert_type(upscaler.upscale(["a.jpg", "b.jpg"]), list[Picture])
    assert_type(upscaler.upscale(("a.jpg", "b.jpg")), list[Picture])
    assert_type(upscaler.upscale(sorted(folder)), list[Picture])
    assert_type(upscaler.upscale(folder), list[Picture])
    assert_type(upscaler.upscale(arrays), list[Array])


def lists_of_paths_of_both_types(upscaler: Upscaler, paths: list[str | Path]) -> None:
    """Several paths, as text and as `Path`."""
    assert_type(upscaler.upscale(["a.jpg", Path("b.jpg")]), list[Picture])
    assert_type(upscaler.upscale(paths), list[Picture])


def lists_of_mixed_kinds(
    upscaler: Upscaler, array: Array, image: Image.Image, picture: Picture, some: list[Any]
) -> None:
    """Several images of different types."""
    assert_type(upscaler.upscale(["a.jpg", picture]), list[Any])
    assert_type(upscaler.upscale((array, image, Path("a.jpg"))), list[Any])
    mixed: list[Picture | str] = [picture, "a.jpg"]
    assert_type(upscaler.upscale(mixed), list[Any])
    upscaler.upscale(some, scale=2)
