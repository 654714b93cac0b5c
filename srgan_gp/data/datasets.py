"""Data sets of training images: crops (`RandomCrops`) and whole images (`WholeImages`).

The image number counts the training images since the start of a run. Which file, window and flip a
number stands for is a pure function of (seed, image number). A checkpoint therefore needs no state
of the data set: image number n is the same in a resumed run.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from threading import Lock
from typing import TypeVar

import numpy as np
from PIL import Image

from srgan_gp.data.image_sources import ImageFile
from srgan_gp.data.streams import Stream, generator_of
from srgan_gp.errors import PictureError, UsageError

MAX_DAMAGED_SHARE = 0.01
"""Largest share of images that cannot be decoded; with more a run stops, since the set itself may
be broken. With a lower share, fewer bad files stop a run. In a set of fewer than 100 images, one
damaged image stops it."""
MAX_SHRINK_FACTOR = 2.0
"""Largest factor by which a window of `RandomCrops` is downscaled. A larger one shows more of an
image, but needs images with longer sides: `side` in `_crop` is limited to the image."""
BICUBIC = Image.Resampling.BICUBIC
Key = TypeVar("Key")
Item = TypeVar("Item")


class ImageCache:
    """Decoded images of a data set, cached up to a limit; the others are decoded at each use.

    Several threads may read from a cache.

    Args:
        files: the data set.
        max_bytes: size of the cache in bytes of pixels. 500 images of 512x512 take 0.4 GB.
        prepare: applied to an image before it is cached: (image (H, W, 3) uint8, its name for
            messages) -> (h, w, 3) uint8.
    """

    def __init__(
        self,
        files: Sequence[ImageFile],
        max_bytes: int,
        prepare: Callable[[np.ndarray, str], np.ndarray] = lambda image, _name: image,
    ) -> None:
        self.files = files
        self._prepare = prepare
        self._max_bytes = max_bytes
        self._bytes = 0
        self._images: dict[int, np.ndarray] = {}
        self._lock = Lock()

    def __len__(self) -> int:
        """Return the number of images in the data set, cached or not."""
        return len(self.files)

    def __getitem__(self, index: int) -> np.ndarray:
        """Return image `index`, (H, W, 3), uint8 RGB; callers must not modify it.

        Raises:
            PictureError: the image cannot be decoded.
        """
        image = self._images.get(index)
        if image is None:
            file = self.files[index]
            image = self._prepare(file.read(), file.name)
            with self._lock:
                if index not in self._images and self._bytes + image.nbytes <= self._max_bytes:
                    self._images[index] = image
                    self._bytes += image.nbytes
        return image


def require_sides(files: Sequence[ImageFile], size: int) -> None:
    """Check that windows of `size` x `size` pixels can be cut from every image.

    Raises:
        UsageError: some images are smaller; the message states their number and the first name.
        PictureError: the header of an image cannot be read.
    """
    small = [file.name for file in files if file.shorter_side() < size]
    if small:
        raise UsageError(
            f"{len(small)} of {len(files)} images have a side below {size} pixels, the minimum for "
            f"these options; the first is {small[0]}. Remove them, or use smaller patches or a "
            "smaller scale."
        )


class Shuffled:
    """Images in random order: each once per epoch, in an order drawn from (seed, epoch).

    It is the base of `WholeImages` and `RandomCrops`, which add the reading of batches. An image
    that cannot be decoded is replaced by the next one of the set, with a warning, so that one file
    does not stop a long run. A resumed run uses the same replacements.

    Args:
        images: images of the data set.
        seed: seed of the order.

    Raises:
        PictureError: by the methods that read, if more than `MAX_DAMAGED_SHARE` of the images are
            damaged.
    """

    def __init__(self, images: ImageCache, seed: int) -> None:
        self.images = images
        self._seed = seed
        self._epoch = -1  # epoch of `_order`; -1: no order was drawn yet
        self._order = np.empty(0, np.int64)
        self._damaged: set[int] = set()  # indices of images that could not be decoded

    def indices(self, first_image: int, count: int) -> list[int]:
        """Return the indices in the data set of `count` images from number `first_image` on."""
        return [self._index(n) for n in range(first_image, first_image + count)]

    def _index(self, number: int) -> int:
        """Return the index, in the data set, of image number `number`."""
        epoch, position = divmod(number, len(self.images))
        if epoch != self._epoch:
            order = generator_of(self._seed, Stream.ORDER, epoch).permutation(len(self.images))
            self._epoch, self._order = epoch, order
        return int(self._order[position])

    def _read(self, index: int) -> np.ndarray:
        """Return image `index`, or the first image after it that can be decoded."""
        while True:  # ends, because `_warn_of_damaged` raises if too many images are damaged
            try:
                return self.images[index]
            except PictureError as error:
                self._warn_of_damaged(index, error)
                index = (index + 1) % len(self.images)

    def _warn_of_damaged(self, index: int, error: PictureError) -> None:
        """Warn once about a damaged image.

        Raises:
            PictureError: `error`, if there are too many damaged images.
        """
        if index in self._damaged:
            return
        self._damaged.add(index)
        if len(self._damaged) > len(self.images) * MAX_DAMAGED_SHARE:
            raise error
        warnings.warn(f"{error}. The next image of the set is used instead.", stacklevel=2)


class WholeImages(Shuffled):
    """Whole images of one size in random order, mirrored left to right at random.

    Training of face generators reads aligned faces with this class. Whether image number n is
    mirrored is drawn from (seed, n).
    """

    def batch(self, first_image: int, count: int) -> np.ndarray:
        """Return `count` images, all of one size.

        Args:
            first_image: number of the first image since the start of the run.
            count: images in the batch.

        Returns:
            (count, 3, H, W), uint8 RGB.
        """
        numbers = range(first_image, first_image + count)
        return np.stack([self._image(n) for n in numbers]).transpose(0, 3, 1, 2)

    def _image(self, number: int) -> np.ndarray:
        """Return image number `number`, (H, W, 3), mirrored or not."""
        image = self._read(self._index(number))
        is_mirrored = generator_of(self._seed, Stream.CROP, number).integers(2)
        return image[:, ::-1] if is_mirrored else image


class RandomCrops(Shuffled):
    """Random windows of random images, flipped and rotated at random.

    The window, flip and quarter turns of image number n are drawn from (seed, n).

    Args:
        images: images of the data set.
        seed: seed of the order and the windows.
        shrink_share: share of the windows that are cut up to `MAX_SHRINK_FACTOR` times larger and
            then downscaled by Pillow's antialiased bicubic. Such a window covers more of the image
            and is sharper.
    """

    def __init__(self, images: ImageCache, seed: int, shrink_share: float = 0.0) -> None:
        super().__init__(images, seed)
        self._shrink_share = shrink_share

    def batch(self, first_image: int, count: int, size: int) -> np.ndarray:
        """Cut `count` windows.

        Args:
            first_image: number of the first image since the start of the run.
            count: images in the batch.
            size: side of the windows in pixels; see `require_sides`.

        Returns:
            (count, 3, size, size), uint8 RGB.
        """
        numbers = range(first_image, first_image + count)
        return np.stack([self._crop(n, self._index(n), size) for n in numbers])

    def _crop(self, number: int, index: int, size: int) -> np.ndarray:
        """Cut the window of image number `number` out of image `index`: (3, size, size)."""
        # The order of the draws must not change: the crops of a seed would change.
        rng = generator_of(self._seed, Stream.CROP, number)
        image = self._read(index)
        height, width, _ = image.shape
        side = min(round(size * self._draw_factor(number)), height, width)
        top = rng.integers(height - side + 1)
        left = rng.integers(width - side + 1)
        window = image[top : top + side, left : left + side]
        if side > size:
            window = np.asarray(Image.fromarray(window).resize((size, size), BICUBIC))
        window = np.rot90(window, k=int(rng.integers(4)))
        if rng.integers(2):
            window = window[:, ::-1]
        return window.transpose(2, 0, 1)

    def _draw_factor(self, number: int) -> float:
        """Draw the factor by which a window is downscaled, uniformly; 1: not downscaled."""
        selection, position = generator_of(self._seed, Stream.SHRINK, number).random(2)
        if selection >= self._shrink_share:
            return 1.0
        return 1 + (MAX_SHRINK_FACTOR - 1) * position


def read_ahead(
    function: Callable[[Key], Item], keys: Iterator[Key], *, depth: int = 4
) -> Iterator[Item]:
    """Yield `function(key)` in the order of `keys`, prefetching up to `depth` results.

    A larger `depth` bridges the time of slower results, and takes more memory. One background
    thread computes them, so that the calls keep their order. Decoding and copying release Python's
    global lock, so that the caller is not slowed down.
    """
    with ThreadPoolExecutor(max_workers=1) as pool:
        pending = [pool.submit(function, key) for key in islice(keys, depth)]
        while pending:
            yield pending.pop(0).result()
            pending += [pool.submit(function, key) for key in islice(keys, 1)]  # none at the end
