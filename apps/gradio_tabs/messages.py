"""Messages of the page as HTML: progress, errors, and the report of a run.

A script of the page announces them to screen readers, progress now and then.
"""

import html
import math
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from gradio_tabs.runs import Progress

READY = ""
"""Message of a tab before its first run, and after a change of the input: none."""


def waiting(text: str = "Starting ...") -> str:
    """Return a bar that moves while the end is unknown, with a text."""
    return _block(f'<progress aria-label="Progress"></progress>{escaped(text)}')


def progress(done: int, total: int, unit: str) -> str:
    """Return a progress bar with its text.

    Args:
        done: finished steps.
        total: number of steps.
        unit: name of the steps.

    >>> progress(3, 12, "images")
    '<div class="message"><progress aria-label="Progress" value="3" max="12"></progress>3 of 12 \
images</div>'
    """
    return bar(done, total, f"{done} of {total} {unit}")


def bar(done: float, total: float, text: str) -> str:
    """Return a progress bar with a text.

    Args:
        done: finished steps.
        total: number of steps.
        text: text below the bar.
    """
    return _block(f"{_bar(done, total)}{escaped(text)}")


def model_link(name: str) -> str:
    """Return a link that downloads the files of a trained model.

    >>> model_link("mine")
    '<p><a class="job-download" href="/api/models/mine/files" download>Download mine.zip</a></p>'
    """
    address = f"/api/models/{quote(name)}/files"
    text = f"Download {escaped(name)}.zip"
    return f'<p><a class="job-download" href="{address}" download>{text}</a></p>'


def job(progress: Progress, verb: str) -> str:
    """Return the state of a job: its place in the queue, its stage, percent and time left.

    Args:
        progress: of the job.
        verb: what the network does, such as `Upscaling`.

    >>> job(Progress("running", 25.5, seconds_left=80), "Upscaling")
    '<div class="message"><progress aria-label="Progress" value="25.5" max="100"></progress>\
Upscaling: 25 %, about 2 min left</div>'
    """
    if progress.stage == "queued":
        ahead = f" ({progress.ahead} ahead of you)" if progress.ahead else ""
        return waiting(f"In queue{ahead}")
    if progress.stage == "reading":
        return waiting("Reading the image ...")
    left = f", {duration(progress.seconds_left)} left" if progress.seconds_left else ""
    if progress.stage == "encoding":
        verb = "Writing the file"
    if progress.percent is None:
        return waiting(f"{verb} ...")
    return bar(progress.percent, 100, f"{verb}: {int(progress.percent)} %{left}")


def duration(seconds: float) -> str:
    """Return a rough duration in words.

    >>> [duration(seconds) for seconds in (3, 44, 80, 7300)]
    ['about 3 s', 'about 45 s', 'about 2 min', 'about 2 h']
    """
    if seconds < 10:
        return f"about {max(round(seconds), 1)} s"
    if seconds < 55:
        return f"about {5 * max(round(seconds / 5), 2)} s"
    if seconds < 3600:
        return f"about {max(math.ceil(seconds / 60), 1)} min"
    return f"about {round(seconds / 3600)} h"


def shown(ids: Sequence[str]) -> str:
    """Return links to the jobs that the viewer shows; a script of the page reads them.

    >>> shown(["0f"])
    '<p><a href="/api/jobs/0f">0f</a></p>'
    """
    return "<p>" + " ".join(f'<a href="/api/jobs/{id}">{id}</a>' for id in ids) + "</p>"


def error(text: str) -> str:
    """Return an error message, which a screen reader reads at once.

    >>> error("x < y")
    '<div role="alert" class="error-message">x &lt; y</div>'
    """
    return f'<div role="alert" class="error-message">{escaped(text)}</div>'


def note(text: str) -> str:
    """Return a message."""
    return _block(escaped(text))


def outcome(report: Mapping[str, Any]) -> str:
    """Return the report of an upscaling: sizes, time and warnings.

    Args:
        report: of a `serving.jobs.job_requests.Result`: `size` and `result_size`, (width, height),
            `seconds`, `warnings` and, where faces were sought, `faces`, a text.
    """
    sizes = f"{_size(report['size'])} → {_size(report['result_size'])} pixels"
    lines = [f"<strong>Done</strong> in {report['seconds']:.1f} s: {escaped(sizes)}."]
    if "faces" in report:
        lines.append(f"<br>Faces: {escaped(report['faces'])}.")
    lines += [f"<br>Note: {escaped(str(warning))}" for warning in report["warnings"]]
    return _block("".join(lines))


def preview(report: Mapping[str, Any], region: tuple[int, int, int, int]) -> str:
    """Return the report of a preview of a region.

    Args:
        report: as in `outcome`; its `model` is used.
        region: left, top, width and height, in pixels.
    """
    left, top, *_ = region
    return _block(
        f"<strong>Preview</strong> of the region at {left}, {top}, by "
        f"{escaped(str(report['model']))}. Press Upscale for the whole image."
    )


def curve(metric: str, points: Sequence[tuple[int, float]]) -> str:
    """Return a chart of how a score changed in training, with its first and last value as text.

    Args:
        metric: name of the score.
        points: (number of images trained on, score), in order.

    >>> curve("PSNR", [(8, 30.0)])
    '<p>PSNR: 30.000 after 8 images.</p>'
    """
    if not points:
        return ""
    (first_seen, first), (seen, last) = points[0], points[-1]
    text = f"{escaped(metric)}: {last:.3f} after {seen} images"
    if len(points) == 1:
        return f"<p>{text}.</p>"
    low, high = min(score for _, score in points), max(score for _, score in points)
    width, height = max(seen - first_seen, 1), (high - low) or 1.0
    # Coordinates of the SVG: 300 wide, 100 high (`.curve` in `gradio_tabs.appearance`), with a
    # margin of 5 below and above; y points down.
    path = " ".join(
        f"{300 * (images - first_seen) / width:.1f},{95 - 90 * (score - low) / height:.1f}"
        for images, score in points
    )
    return (
        '<div><svg class="curve">'
        f'<polyline points="{path}"></polyline></svg><p>{text}, {first:.3f} at first.</p></div>'
    )


def escaped(text: str) -> str:
    r"""Escape a text for HTML, and join its lines: Markdown would apply after an empty line.

    >>> escaped("a\n<b>")
    'a &lt;b&gt;'
    """
    return html.escape(" ".join(text.split()))


def _block(inside: str) -> str:
    """Return HTML that a script of the page reads to screen readers."""
    return f'<div class="message">{inside}</div>'


def _bar(done: float, total: float) -> str:
    return f'<progress aria-label="Progress" value="{done}" max="{total}"></progress>'


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]}"
