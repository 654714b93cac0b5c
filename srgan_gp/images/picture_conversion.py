"""Conversion of arrays and Pillow images to `Picture`, and of results back to their type."""

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from PIL import Image

from srgan_gp.errors import PictureError
from srgan_gp.images import mapped_arrays
from srgan_gp.images.colour import FULL_VALUE, split_channels
from srgan_gp.images.metadata import (
    apply_orientation,
    matching_profile,
    read_dpi,
    read_exif,
    read_orientation,
    read_xmp,
)
from srgan_gp.images.picture import Array, Picture, dtype_hint, layout_hint, range_message
from srgan_gp.images.reading import is_image_file

_KEPT_INFO = ("dpi", "exif", "icc_profile", "xmp")  # keys of `Image.info` that a result keeps


def to_picture(image: object) -> Picture:
    """Convert an array or a Pillow image to a picture; a picture is returned as it is.

    Args:
        image: array (H, W) or (H, W, 1) grey, (H, W, 2) grey and alpha, (H, W, 3) RGB or (H, W, 4)
            RGBA, of uint8, uint16, or float32 in [0, 1]; or a Pillow image of any mode.

    Returns:
        A picture that may share memory with `image`. A Pillow image is not rotated by its EXIF
        orientation, and its metadata is not read; `notes` of the picture name properties that are
        lost in another way.

    Raises:
        TypeError: `image` is something else.
        ValueError: shape, dtype or range of the array is not supported; or a Pillow image has no
            pixels, is closed, or is 16-bit grey with transparency.
        PictureError: values of a Pillow image are out of range, or its file is damaged.
    """
    if isinstance(image, Picture):
        return image
    if isinstance(image, np.ndarray):
        return _from_array(cast("Array", image))
    if isinstance(image, Image.Image):
        return _from_pillow(image)
    raise TypeError(
        f"an image is a numpy array, a Pillow image or a Picture, not {describe_type(image)}"
    )


def to_file_picture(image: object) -> Picture:
    """Convert an image to a picture that is to be written to a file.

    Argument, result and errors are those of `to_picture`, except for a Pillow image: its EXIF
    orientation is applied, and its ICC profile, EXIF, XMP and resolution are kept.
    """
    picture = to_picture(image)
    if not isinstance(image, Image.Image):
        return picture
    orientation, alpha = read_orientation(image), picture.alpha
    embedded_profile: bytes | None = image.info.get("icc_profile")
    profile = matching_profile(embedded_profile, picture.pixels.shape[2])
    notes = picture.notes
    # No note for CMYK: the conversion to sRGB has used its profile.
    if embedded_profile is not None and profile is None and image.mode != "CMYK":
        notes += ("its ICC profile does not fit its pixels and is not used",)
    return replace(
        picture,
        pixels=apply_orientation(picture.pixels, orientation),
        alpha=None if alpha is None else apply_orientation(alpha, orientation),
        icc_profile=profile,
        exif=read_exif(image),
        xmp=read_xmp(image),
        dpi=read_dpi(image),
        notes=notes,
    )


def to_kind_of(image: object, picture: Picture, folder: Path | None = None) -> Any:  # noqa: ANN401
    """Convert a result to the type of the image it was computed from.

    Args:
        image: the original: an array, a Pillow image, or a picture, as for `to_picture`.
        picture: the result. It has alpha if and only if the original has.
        folder: folder of the temporary file of a large array (`mapped_arrays.empty`).

    Returns:
        An array with as many axes and channels as `image`; or a Pillow image with the metadata and
        mode of `image`, or the mode to which `to_picture` converted it; or `picture` itself.
    """
    if isinstance(image, Picture):
        return picture
    channels = to_array(picture, folder)
    if isinstance(image, np.ndarray):
        return channels[..., 0] if image.ndim == 2 else channels
    assert isinstance(image, Image.Image)
    if channels.shape[2] == 1:  # Pillow expects (H, W) for grey.
        channels = channels[..., 0]
    if image.mode == "I":  # `Image.fromarray` makes this mode of int32
        channels = channels.astype(np.int32)
    result = Image.fromarray(channels)
    # The result of these modes is RGB, so the profile of the original mode does not fit it.
    converts_colours = image.mode in ("CMYK", "LAB", "HSV", "YCbCr")
    for key in _KEPT_INFO:
        if key in image.info and not (converts_colours and key == "icc_profile"):
            result.info[key] = image.info[key]
    return result


def to_array(picture: Picture, folder: Path | None = None) -> Array:
    """Join pixels and alpha.

    Args:
        picture: the image.
        folder: folder of the temporary file of a large array (`mapped_arrays.empty`).

    Returns:
        (H, W, C), dtype of the pixels, with alpha as the last channel; without alpha, the pixels
        themselves, not a copy.
    """
    if picture.alpha is None:
        return picture.pixels
    shape = (*picture.pixels.shape[:2], picture.channels)
    channels = mapped_arrays.empty(shape, picture.pixels.dtype, folder)
    channels[..., :-1], channels[..., -1] = picture.pixels, picture.alpha
    return channels


def describe_type(value: object) -> str:
    """Return the type of a value that is not an image, with advice where it is a common mistake.

    >>> describe_type(None)
    'None; cv2.imread returns None for a file that it cannot read'
    """
    name = type(value).__name__
    if value is None:
        return "None; cv2.imread returns None for a file that it cannot read"
    if is_image_file(value):
        return f"{name}; pass read_image of it"
    if isinstance(value, list | tuple):
        # Arrays and Pillow images have a `size`, numbers and nested lists have none.
        if any(hasattr(item, "size") for item in cast("list[object]", value)):
            return f"{name}; pass one of its images at a time"
        return f"{name}; convert nested lists of numbers with np.asarray(image, np.uint8)"
    if hasattr(value, "numpy"):
        shape = tuple(getattr(value, "shape", ()))
        permutation = ""
        channels_first = "transpose" in layout_hint(shape)  # its advice for such a shape
        if channels_first and hasattr(value, "permute"):
            permutation = {3: ".permute(1, 2, 0)", 4: ".permute(0, 2, 3, 1)"}.get(len(shape), "")
        type_name = "a torch tensor" if type(value).__module__.startswith("torch") else name
        return f"{type_name}; call .numpy() on it: image{permutation}{numpy_call_text(value)}"
    if hasattr(value, "__array__"):
        return f"{name}; pass np.asarray(image)"
    return name


def numpy_call_text(tensor: object) -> str:
    """Return the calls that make an array of a tensor: `.numpy()`, and those it needs before."""
    calls = ".detach()" if getattr(tensor, "requires_grad", False) else ""
    # Tensors of other libraries have a `device` too, but need no `cpu`.
    on_cpu = not hasattr(tensor, "cpu") or str(getattr(tensor, "device", "cpu")) == "cpu"
    return f"{calls}{'' if on_cpu else '.cpu()'}.numpy()"


def _check_range(values: Array) -> None:
    """Raise ValueError if a float32 value is below 0, above 1, or NaN; other dtypes always fit."""
    if values.dtype != np.float32:
        return
    low, high = values.min(), values.max()  # both are NaN if any value is
    if np.isnan(low):
        raise ValueError("need float32 in [0, 1], got NaN")
    if low < 0 or high > 1:
        raise ValueError(range_message(low, high))


def _from_array(array: Array) -> Picture:
    """Convert an array to a picture; errors as for `to_picture`."""
    shape, dtype = array.shape, array.dtype
    if array.size == 0:
        raise ValueError(f"the array is empty: its shape is {shape}")
    if dtype not in FULL_VALUE:  # its keys are the supported dtypes
        raise ValueError(f"need uint8, uint16 or float32, got {dtype}{dtype_hint(array)}")
    has_channel_axis = array.ndim == 3
    if array.ndim != 2 and not (has_channel_axis and shape[2] in (1, 2, 3, 4)):
        raise ValueError(
            "need an array of shape (H, W) grey, (H, W, 2) grey with alpha, (H, W, 3) RGB or "
            f"(H, W, 4) RGBA, got {shape}{layout_hint(shape)}"
        )
    _check_range(array)
    if not has_channel_axis:
        return Picture(array[..., np.newaxis])
    if shape[2] in (2, 4):
        return Picture(array[..., :-1], alpha=array[..., -1])
    return Picture(array)


def _from_pillow(image: Image.Image) -> Picture:
    """Convert a Pillow image to a picture without metadata; errors as for `to_picture`."""
    if 0 in image.size:
        raise ValueError(f"the image has no pixels: its size is {image.width} x {image.height}")
    try:
        image.load()
    except (OSError, SyntaxError) as error:
        raise PictureError(
            "E_DAMAGED",
            f"the {image.format} file is damaged or truncated; get a complete copy of it",
        ) from error
    except (ValueError, AssertionError) as error:
        # Pillow's errors of a closed image: AssertionError after a `with` block, else ValueError.
        is_closed = isinstance(error, AssertionError) or "closed" in str(error)
        if not is_closed:
            raise
        raise ValueError(
            "the Pillow image is closed; open it again, or call image.load() before it is closed"
        ) from error
    pixels, alpha = split_channels(image, image.info.get("icc_profile"))
    if alpha is not None and alpha.dtype != np.uint8:
        raise ValueError(
            "Pillow has no mode for 16-bit grey with transparency; pass the path of the file"
        )
    return Picture(pixels, alpha, notes=_pillow_notes(image))


def _pillow_notes(image: Image.Image) -> tuple[str, ...]:
    """Return a sentence for each property of a Pillow image that a picture does not keep."""
    notes: list[str] = []
    # Not HSV and YCbCr: they are other forms of the same RGB colours.
    if image.mode in ("CMYK", "LAB"):
        notes.append(f"its {image.mode} colours were converted to 8-bit sRGB")
    if image.mode == "I" and np.asarray(image).max() <= 255:
        notes.append(
            "its mode I is read as 16 bits, 0 to 65535, and its values are at most 255; "
            'if they are 8 bits, pass image.convert("L")'
        )
    if getattr(image, "is_animated", False):
        notes.append("it has more frames or pages; only the current one is used")
    return tuple(notes)
