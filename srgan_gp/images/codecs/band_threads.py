"""`map_bands`: apply a function to the bands (blocks of rows) of an image in several threads."""

import itertools
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Band = TypeVar("Band")
Result = TypeVar("Result")

MAX_THREADS = 16
"""Limit of the threads for one image. Each needs about 4 MB, so 16 need 64 MB; fewer would leave
cores of a large machine unused."""

_FEWEST_BANDS = 3  # smallest number of bands for which threads are worth their start


def map_bands(function: Callable[[Band], Result], bands: Iterable[Band]) -> Iterator[Result]:
    """Apply a function to each band in threads, one for each CPU this process may use.

    At most one band more than there are threads is in progress, so that memory stays bounded. One
    or two bands, as those of a small image, are processed without threads.

    Args:
        function: called in any thread; it should release the GIL, as numpy and zlib do.
        bands: taken one by one in the calling thread.

    Yields:
        The results in the order of the bands.

    Raises:
        BaseException: the first exception of `function` or `bands`.
    """
    iterator = iter(bands)
    first_bands = list(itertools.islice(iterator, _FEWEST_BANDS))
    all_bands = itertools.chain(first_bands, iterator)
    threads = min(_cpus(), MAX_THREADS)
    if len(first_bands) < _FEWEST_BANDS or threads == 1:
        yield from map(function, all_bands)
        return
    from concurrent.futures import Future, ThreadPoolExecutor  # only large images need it

    pool = ThreadPoolExecutor(threads, "encode")
    try:
        pending = deque[Future[Result]]()  # in the order of the bands
        for band in all_bands:
            pending.append(pool.submit(function, band))
            if len(pending) > threads:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def _cpus() -> int:
    """Return the number of CPUs that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
