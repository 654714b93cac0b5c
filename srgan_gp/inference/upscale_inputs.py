"""`UpscaleInputs`: converts the argument of `Upscaler.upscale` to pictures, and results back.

The argument may be one image or several, of any accepted type; the results have the same type. The
types below tell type checkers which result each kind of argument has, in the overloads of
`Upscaler.upscale`.
"""

from collections.abc import Iterator, Sequence
from numbers import Real
from pathlib import Path
from typing import Any, Literal, TypedDict, TypeVar, cast

import numpy as np
from numpy.typing import NDArray
from PIL.Image import Image as PillowImage

from srgan_gp.errors import PictureError, UsageError
from srgan_gp.images import ImageFile, Picture, read_image
from srgan_gp.images.picture import layout_hint
from srgan_gp.images.picture_conversion import describe_type, to_kind_of, to_picture
from srgan_gp.images.reading import is_image_file, message_start
from srgan_gp.inference.session_interface import SessionInterface
from srgan_gp.inference.tiling.tiles import Progress, check_progress
from srgan_gp.inference.tiling.window_choice import choose_batch
from srgan_gp.models.cards import MAX_SCALE, scale_message
from srgan_gp.system.paths import is_folder

Image = TypeVar("Image", NDArray[Any], PillowImage, Picture)
"""Type of an image that is not a file; the result has the same type."""
Item = TypeVar("Item")
Many = list[Item] | tuple[Item, ...] | Iterator[Item]
"""Several images or files."""
File = TypeVar("File", bound=ImageFile)
"""Type of a file: a path, bytes or an open file."""
AnyImage = NDArray[Any] | PillowImage | Picture
"""An image that is not a file."""
Mixed = TypeVar("Mixed", bound=AnyImage | ImageFile)
"""Type of an image or a file, for several of different kinds."""


class CallOptions(TypedDict, total=False):
    """Keyword arguments of `Upscaler.upscale`, for type checkers; the method describes them."""

    scale: float | None
    tile: int | Literal["auto"] | None
    on_progress: Progress | None
    scratch_folder: Path | None


def _check_scale(scale: float | None) -> None:
    """Check the range of a scale factor; `UpscaleCall` refuses other types later.

    Raises:
        ValueError: `scale` is not above 0, or more than `MAX_SCALE`.
    """
    # The casts hide the declared type from the type checker, which would report the check of the
    # type as needless. Callers may pass any object.
    if isinstance(cast("object", scale), Real) and not 0 < cast("float", scale) <= MAX_SCALE:
        raise ValueError(scale_message(f"{scale:g}"))


class UpscaleInputs:
    """Images of one call. All are read and checked before the first is upscaled.

    Args:
        image: an array, a Pillow image, a `Picture`, or a file as a path, bytes or a binary file
            object; or a list, a tuple, an iterator or an array (N, H, W, C) of them.
        scale: scale factor of the call, which is checked before a file is read; None if not given.
        folder: folder of temporary files, which is checked too; None if not given.
        on_progress: function of the caller, which is checked too; None if not given.

    Raises:
        UsageError: `folder` is not a folder.
        TypeError: `image` or one of several images has another type, or `on_progress` is not a
            function.
        ValueError: shape, dtype or range of an array, or the scale, is not supported.
        PictureError: a file or Pillow image cannot be read, or its values are out of range.
    """

    pictures: list[Picture]
    """The images, in the order of the argument."""
    has_many: bool
    """Whether the argument was a list or a similar object, perhaps of length 1."""
    notes: tuple[str, ...]
    """Messages about contents of files or Pillow images that the pictures do not keep, such as
    further frames."""

    def __init__(
        self,
        image: object,
        scale: float | None = None,
        folder: Path | None = None,
        on_progress: object = None,
    ) -> None:
        _check_scale(scale)
        if folder is not None and not is_folder(folder):
            raise UsageError(f"scratch_folder: {folder} is not a folder; create it first")
        check_progress(on_progress)
        items = _items(image)
        self._is_array = isinstance(image, np.ndarray)
        self.has_many = items is not None
        if items is None:
            self._items, self.pictures = [image], [_read(image)]
            self.notes = self.pictures[0].notes
            return
        self._items, self.pictures = items, list[Picture]()
        for number, item in enumerate(items, 1):
            try:
                self.pictures.append(_read(item))
            except (PictureError, TypeError, ValueError) as error:
                # `args` holds the message alone; the code of a PictureError is an attribute.
                error.args = (f"image {number} of {len(items)}: {error}",)
                raise
        self.notes = tuple(note for picture in self.pictures for note in picture.notes)

    def batches(self, session: SessionInterface) -> Iterator[list[int]]:
        """Yield the indices of pictures of one size that the model computes together."""
        indices_by_size: dict[tuple[int, ...], list[int]] = {}
        for index, picture in enumerate(self.pictures):
            indices_by_size.setdefault(picture.pixels.shape[:2], []).append(index)
        for (height, width), indices in indices_by_size.items():
            batch_size = 1
            if session.takes_batches:
                on_gpu = session.device != "cpu"
                batch_size = choose_batch(session.info, height, width, on_gpu=on_gpu)
            for start in range(0, len(indices), batch_size):
                yield indices[start : start + batch_size]

    def convert_back(self, pictures: Sequence[Picture], folder: Path | None) -> Any:  # noqa: ANN401
        """Convert results to the type of the argument; results of files stay pictures.

        Args:
            pictures: result of each picture.
            folder: folder of the temporary file of a large array.

        Returns:
            What `Upscaler.upscale` returns: one image, a list, or an array (N, H, W, C).
        """
        results: list[Any] = [
            picture if is_image_file(item) else to_kind_of(item, picture, folder)
            for item, picture in zip(self._items, pictures, strict=True)
        ]
        if not self.has_many:
            return results[0]
        return np.stack(results) if self._is_array else results

    def name_file_in(self, error: PictureError) -> PictureError:
        """If the argument is one file, put its path, or what it is, before the error's message.

        Returns:
            `error` itself.
        """
        item = None if self.has_many else self._items[0]
        if is_image_file(item):
            error.args = (f"{message_start(cast('str', item))}{error}",)
        return error


def _items(image: object) -> list[Any] | None:
    """Return the images of an argument that holds several; None if it is a single one.

    Raises:
        ValueError: a four-dimensional array is empty or not (N, H, W, C).
    """
    if isinstance(image, np.ndarray):
        images = cast("NDArray[Any]", image)
        if images.ndim != 4:
            return None
        if images.shape[3] not in (1, 2, 3, 4) or len(images) == 0:
            hint = layout_hint(images.shape)
            raise ValueError(f"need images of shape (N, H, W, C), got {images.shape}{hint}")
        return list(images)
    is_file = hasattr(image, "read")  # an open file is an iterator too, of its lines
    if isinstance(image, list | tuple | Iterator) and not is_file:
        return list(cast("Iterator[Any]", image))
    return None


def _read(image: object) -> Picture:
    """Read a file, or convert another kind of image to a picture."""
    if is_image_file(image):
        return read_image(cast("str", image))  # or another type of `ImageFile`
    try:
        return to_picture(image)
    except TypeError:
        raise TypeError(
            "upscale takes an array, a Pillow image, a Picture, a path, the bytes of a file, or a "
            f"list of them, not {describe_type(image)}"
        ) from None
