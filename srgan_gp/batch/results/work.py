"""`Work`: model and options of a run, by which the journal recognises results.

The journal of an output folder (`results.journal`) keeps the `Work` of each result. A result is up
to date if its `work_key`, a hash of model and options, is that of the run, or if the keys differ
only by options that make no difference to this file (`is_same_work`). The module `work_changes`
describes differences for messages.
"""

import hashlib
import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from srgan_gp.errors import PictureError, UsageError
from srgan_gp.images import FORMATS, find_format
from srgan_gp.images.image_header import read_header

_ONLY_FOR_MESSAGES = ("model", "look", "fidelity", "precision", "tta")
"""Options that are kept for messages only; `work_key` does not get them. Where they change a
result, the hash of the model differs too. `fidelity` selects an average of two models, and `look`
is a name for a fidelity. Each model, each such average, each int8 network and each network of
`--tta` has its own hash.
Float16 and float32 share a hash, since their results differ only by rounding."""
_OPTIONS_OF_NAMES = ("format", "suffix", "name_template")
"""Options that determine the path of a result. They affect its content only through the suffix of
that path, which gives the file format."""


def work_key(model_sha256: str, **options: object) -> str:
    """Return a hash of everything that determines a result, apart from the input.

    Args:
        model_sha256: SHA-256 of the model file, in hexadecimal digits.
        options: scale, format, quality and so on, as values that JSON can hold.

    >>> work_key("ab", scale=4, quality=None) == work_key("ab", quality=None, scale=4.0)
    True
    """
    values = dict(options)
    for name, value in options.items():
        if type(value) is int:  # 4 and 4.0 give the same key; `bool` stays as it is
            values[name] = float(value)
    text = json.dumps([model_sha256, values], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Work:
    """Everything that determines a result, apart from the input.

    A row of the table `works` of the journal; the fields have the order of its columns.
    """

    key: str
    """The `work_key`."""
    model: str
    """Name of the model."""
    model_sha256: str
    """SHA-256 of the model file, in hexadecimal digits."""
    options: str
    """A JSON object: the options of the `work_key`, and others that only messages use."""

    @property
    def format(self) -> str | None:
        """The requested format of results; None: it depends on each image."""
        format = json.loads(self.options).get("format")
        return None if format == "auto" else format


def reduce_to_file(source: Path, result: Path, work: Work) -> Work:
    """Return a work whose options are reduced to those that apply to one image and its result.

    The quality of a work can be a number for each format. In the returned work it is one number, or
    None if that is the default of the format, or if the format has no quality, such as PNG. The
    frames are "all" if the image has one frame, since the first is all of them.

    Args:
        source: the image, whose header is read if the work is on the first frame only.
        result: path of a result, whose suffix determines the format.
        work: model and options of a run.
    """
    options = json.loads(work.options)
    if options.get("quality") is not None:
        options["quality"] = _quality_in(options["quality"], result)
    if options.get("frames") == "first" and _has_one_frame(source):
        options["frames"] = "all"
    return replace(work, options=json.dumps(options))


def is_same_work(
    made: Work, now: Work, source: Path, result: Path, *, has_planned_path: bool
) -> bool:
    """Return whether two works give the same file for the same input.

    Args:
        made: work of the run that wrote the file.
        now: work of the run that asks whether the file is up to date.
        source: the image.
        result: path of the file.
        has_planned_path: whether the run of `now` would write to the same path. Then the options
            that determine the path make no difference. A run without `--format` has two possible
            paths: the target and the fallback, a PNG for an image whose result the format of the
            target cannot hold. Both paths count as planned here.
    """
    if made.model_sha256 != now.model_sha256:
        return False
    ignored = _ONLY_FOR_MESSAGES
    if has_planned_path:
        ignored += _OPTIONS_OF_NAMES
    made_options, now_options = (
        {
            name: value
            for name, value in json.loads(reduce_to_file(source, result, work).options).items()
            # None means the default, as if the option were missing.
            if name not in ignored and value is not None
        }
        for work in (made, now)
    )
    return made_options == now_options


def _has_one_frame(source: Path) -> bool:
    """Return whether an image has one frame and one page, by its header."""
    try:
        return read_header(source, max_pixels=sys.maxsize).frames == 1
    except (PictureError, OSError):  # The run reports the error.
        return False


def _quality_in(quality: Any, result: Path) -> Any:  # noqa: ANN401 - a value of JSON
    """Return the quality of a result, None if it is the default or the format has no quality.

    For a suffix of an unknown format the result is `quality` itself.

    Args:
        quality: value of the option, 1 to 100, or such values by names of formats.
        result: path of the result.
    """
    try:
        name = find_format(result.suffix)
    except UsageError:  # The result of a later version of this program may have another format.
        return quality
    row = FORMATS[name]
    if isinstance(quality, dict):
        quality = cast("dict[str, int]", quality).get(name)
    return None if not row.has_quality or quality == row.default_quality else quality
