"""Points at which a run can kill itself: `(owner, name, function that may kill)`."""

import os
import signal
from io import BytesIO

from srgan_gp.batch import one_image, plan_runner
from srgan_gp.batch.results.journal import Journal
from srgan_gp.system import files


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
    """Make an encoder kill this process when half of the bytes are written."""
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
    "before a file is opened": point(one_image, "write_staged"),
    "in the middle of a file": lambda countdown: (
        one_image,
        "encode_image",
        dying_half_way(one_image.encode_image, countdown),
    ),
    "before an fsync": point(os, "fsync"),
    "after a file is staged": point(one_image, "write_staged", dies_after=True),
    "before its row": point(Journal, "record"),
    "between row and rename": point(plan_runner, "commit"),
    "before the fsync of the folder": point(files, "_flush_folder"),
    "after the rename": point(plan_runner, "commit", dies_after=True),
}
