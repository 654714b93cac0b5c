"""Where a run can be made to kill itself: each point is `(owner, name, function that may kill)`."""

import os
import signal
from io import BytesIO

from srgan_gp import files
from srgan_gp.batch import runner, work
from srgan_gp.batch.journal import Journal


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def dying(function, countdown, *, dies_after=False):
    """Make a function kill this process, before or after the call that ends the countdown."""
    calls = iter(range(countdown, 0, -1))

    def call(*arguments, **named):
        is_last = next(calls, None) == 1
        if is_last and not dies_after:
            die()
        result = function(*arguments, **named)
        if is_last:
            die()
        return result

    return call


def dying_half_way(encode, countdown):
    """Make an encoder kill this process when half of the bytes are in the file."""
    calls = iter(range(countdown, 0, -1))

    def call(picture, file, **named):
        if next(calls, None) == 1:
            buffer = BytesIO()
            encode(picture, buffer, **named)
            file.write(buffer.getvalue()[: buffer.tell() // 2])
            file.flush()
            die()
        return encode(picture, file, **named)

    return call


def point(owner, name, **when):
    return lambda countdown: (owner, name, dying(getattr(owner, name), countdown, **when))


POINTS = {
    "before a file is opened": point(work, "write_staged"),
    "in the middle of a file": lambda countdown: (
        work,
        "encode_image",
        dying_half_way(work.encode_image, countdown),
    ),
    "before an fsync": point(os, "fsync"),
    "before it is handed over": point(work, "write_staged", dies_after=True),
    "before its row": point(Journal, "record"),
    "between row and rename": point(runner, "commit"),
    "before the fsync of the folder": point(files, "_flush_folder"),
    "after all": point(runner, "commit", dies_after=True),
}
