"""Training crops: picture, window and flip are a pure function of (seed, image number).

Nothing here has state that a checkpoint would have to hold: crop number n is the same whether the
run was stopped before it or not, and however many threads read ahead.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from threading import Lock
from typing import TypeVar

import numpy as np
from PIL import Image

from srgan_gp.data.sources import PictureFile
from srgan_gp.data.streams import Stream, generator_of
from srgan_gp.errors import PictureError, UsageError

MOST_DAMAGED = 0.01
"""Share of a set that may turn out to be damaged before a run ends of it."""
MOST_SHRUNK = 2.0
BICUBIC = Image.Resampling.BICUBIC
Key = TypeVar("Key")
Item = TypeVar("Item")


class PictureCache:
    """Decoded pictures, kept in memory up to a limit; beyond it they are decoded at each use.

    Args:
        files: the data set.
        max_bytes: decoded bytes to keep. 500 pictures of 512x512 take 0.4 GB.
        prepare: what becomes of a picture before it is kept: (H, W, 3) uint8 -> the same.
    """

    def __init__(
        self,
        files: Sequence[PictureFile],
        max_bytes: int,
        prepare: Callable[[np.ndarray], np.ndarray] = lambda picture: picture,
    ) -> None:
        self.files = files
        self._prepare = prepare
        self._max_bytes = max_bytes
        self._bytes = 0
        self._pictures: dict[int, np.ndarray] = {}
        self._lock = Lock()

    def __len__(self) -> int:
        """Count the pictures."""
        return len(self.files)

    def __getitem__(self, index: int) -> np.ndarray:
        """Return picture `index`, (H, W, 3) uint8; not to be written to."""
        picture = self._pictures.get(index)
        if picture is None:
            picture = self._prepare(self.files[index].read())
            with self._lock:
                if index not in self._pictures and self._bytes + picture.nbytes <= self._max_bytes:
                    self._pictures[index] = picture
                    self._bytes += picture.nbytes
        return picture


def require_sides(files: Sequence[PictureFile], size: int) -> None:
    """Check before a run that windows of `size` x `size` pixels can be cut from every picture.

    Raises:
        UsageError: some pictures are smaller; the message counts them and names the first.
        PictureError: a picture's header cannot be read.
    """
    small = [file.name for file in files if file.shorter_side() < size]
    if small:
        raise UsageError(
            f"{len(small)} of {len(files)} pictures have a side below {size} pixels, the least "
            f"that these options need; the first is {small[0]}. Leave them out, or use smaller "
            "patches or a smaller scale."
        )


class Shuffled:
    """Pictures in random order: every one once an epoch, in an order drawn from (seed, epoch).

    Where a picture turns out to be damaged the next one of the set stands in for it, with a
    warning: a long run does not end of one file, and goes on in the same way when it is resumed.

    Args:
        pictures: the data set.
        seed: another seed gives another order.

    Raises:
        PictureError: while reading, more than `MOST_DAMAGED` of the pictures are damaged.
    """

    def __init__(self, pictures: PictureCache, seed: int) -> None:
        self.pictures = pictures
        self._seed = seed
        self._epoch = -1
        self._order = np.empty(0, np.int64)
        self._damaged: set[int] = set()

    def indices(self, first_image: int, count: int) -> list[int]:
        """Tell which pictures `count` images from number `first_image` on are made of."""
        return [self._index(n) for n in range(first_image, first_image + count)]

    def _index(self, number: int) -> int:
        epoch, position = divmod(number, len(self.pictures))
        if epoch != self._epoch:
            order = generator_of(self._seed, Stream.ORDER, epoch).permutation(len(self.pictures))
            self._epoch, self._order = epoch, order
        return int(self._order[position])

    def _read(self, index: int) -> np.ndarray:
        while True:
            try:
                return self.pictures[index]
            except PictureError as error:
                self._note_damaged(index, error)
                index = (index + 1) % len(self.pictures)

    def _note_damaged(self, index: int, error: PictureError) -> None:
        if index in self._damaged:
            return
        self._damaged.add(index)
        if len(self._damaged) > len(self.pictures) * MOST_DAMAGED:
            raise error
        warnings.warn(f"{error}. The next picture of the set stands in for it.", stacklevel=2)


class WholePictures(Shuffled):
    """Pictures of one size in random order, mirrored at random.

    A face is never turned, and its place in the picture is kept. Whether image number n is mirrored
    is drawn from (seed, n).
    """

    def batch(self, first_image: int, count: int) -> np.ndarray:
        """Take `count` pictures, all of one size.

        Args:
            first_image: number of the first image since the run began.
            count: images in the batch.

        Returns:
            (count, 3, H, W), uint8 RGB.
        """
        numbers = range(first_image, first_image + count)
        return np.stack([self._picture(n) for n in numbers]).transpose(0, 3, 1, 2)

    def _picture(self, number: int) -> np.ndarray:
        picture = self._read(self._index(number))
        is_mirrored = generator_of(self._seed, Stream.CROP, number).integers(2)
        return picture[:, ::-1] if is_mirrored else picture


class RandomCrops(Shuffled):
    """Random windows of random pictures, flipped and turned at random.

    The window, flips and quarter turns of image number n are drawn from (seed, n).

    Args:
        pictures: the data set.
        seed: another seed gives other windows in another order.
        shrink_share: of the windows that are cut up to `MOST_SHRUNK` times too large and made
            smaller, by Pillow's antialiased bicubic. Such a window shows more of a picture, more
            sharply than the picture is.
    """

    def __init__(self, pictures: PictureCache, seed: int, shrink_share: float = 0.0) -> None:
        super().__init__(pictures, seed)
        self._shrink_share = shrink_share

    def batch(self, first_image: int, count: int, size: int) -> np.ndarray:
        """Cut `count` windows.

        Args:
            first_image: number of the first image since the run began.
            count: images in the batch.
            size: side of the windows in pixels; see `require_sides`.

        Returns:
            (count, 3, size, size), uint8 RGB.
        """
        numbers = range(first_image, first_image + count)
        return np.stack([self._crop(n, self._index(n), size) for n in numbers])

    def _crop(self, number: int, index: int, size: int) -> np.ndarray:
        rng = generator_of(self._seed, Stream.CROP, number)
        picture = self._read(index)
        height, width, _ = picture.shape
        side = min(round(size * self._shrinking(number)), height, width)
        top = rng.integers(height - side + 1)
        left = rng.integers(width - side + 1)
        window = picture[top : top + side, left : left + side]
        if side > size:
            window = np.asarray(Image.fromarray(window).resize((size, size), BICUBIC))
        window = np.rot90(window, k=int(rng.integers(4)))
        if rng.integers(2):
            window = window[:, ::-1]
        return window.transpose(2, 0, 1)

    def _shrinking(self, number: int) -> float:
        """Draw how many times too large a window is cut, evenly; 1: not at all."""
        chosen, factor = generator_of(self._seed, Stream.SHRINK, number).random(2)
        return 1 + (MOST_SHRUNK - 1) * factor if chosen < self._shrink_share else 1.0


def read_ahead(
    function: Callable[[Key], Item], keys: Iterator[Key], *, depth: int = 4
) -> Iterator[Item]:
    """Yield `function(key)` in the order of `keys`, computing `depth` of them ahead in a thread.

    One thread keeps the order of the calls; decoding and copying release the interpreter's lock.
    """
    with ThreadPoolExecutor(max_workers=1) as pool:
        waiting = [pool.submit(function, key) for key in islice(keys, depth)]
        while waiting:
            yield waiting.pop(0).result()
            waiting += [pool.submit(function, key) for key in islice(keys, 1)]
