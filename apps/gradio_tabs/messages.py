"""Messages of the page as HTML: progress, errors, and the report of a run.

The tabs show them in their status below the buttons. `static/access.js` announces them to screen
readers: messages with a progress bar at most every 15 s, other messages at once.
"""

import html
import math
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from gradio_tabs.results.tab_run import Progress

NO_MESSAGE = ""
"""Status of a tab before its first run, and after a change of the input."""


def waiting(text: str = "Starting ...") -> str:
    """Return a text with an animated bar that shows no percentage: the progress is unknown."""
    return _block(f'<progress aria-label="Progress"></progress>{escaped(text)}')


def progress(done: int, total: int, text: str) -> str:
    """Return a progress bar with its text.

    Args:
        done: finished steps.
        total: number of steps.
        text: name of the steps, in the plural; more text may follow it.

    >>> progress(3, 12, "images")
    '<div class="message"><progress aria-label="Progress" value="3" max="12"></progress>3 of 12 \
images</div>'
    """
    return bar(done, total, f"{done} of {total} {text}")


def bar(done: float, total: float, text: str) -> str:
    """Return a progress bar with a text.

    Args:
        done: finished steps.
        total: number of steps.
        text: text below the bar, not yet escaped for HTML.
    """
    progress_bar = f'<progress aria-label="Progress" value="{done}" max="{total}"></progress>'
    return _block(f"{progress_bar}{escaped(text)}")


def model_link(name: str) -> str:
    """Return a link that downloads the files of a trained model.

    >>> model_link("mine")
    '<p><a class="job-download" href="/api/models/mine/files" download>Download mine.zip</a></p>'
    """
    address = f"/api/models/{quote(name)}/files"
    text = f"Download {escaped(name)}.zip"
    return f'<p><a class="job-download" href="{address}" download>{text}</a></p>'


def job(job_progress: Progress, verb: str) -> str:
    """Return a line about a job: its place in the queue, or a bar, percent and time left.

    Args:
        job_progress: progress of the job.
        verb: text for the stage in which the network runs, such as `Upscaling`.

    >>> job(Progress("running", 25.5, seconds_left=80), "Upscaling")
    '<div class="message"><progress aria-label="Progress" value="25.5" max="100"></progress>\
Upscaling: 25 %, about 2 min left</div>'
    """
    if job_progress.stage == "queued":
        ahead = f" ({job_progress.ahead} ahead of you)" if job_progress.ahead else ""
        return waiting(f"In queue{ahead}")
    if job_progress.stage == "reading":
        return waiting("Reading the image ...")
    left = f", {duration(job_progress.seconds_left)} left" if job_progress.seconds_left else ""
    if job_progress.stage == "encoding":
        verb = "Writing the file"
    if job_progress.percent is None:
        return waiting(f"{verb} ...")
    return bar(job_progress.percent, 100, f"{verb}: {int(job_progress.percent)} %{left}")


def duration(seconds: float) -> str:
    """Return a rough duration in words: rounded to 5 s from 10 s on, then to minutes, then hours.

    >>> [duration(seconds) for seconds in (3, 44, 80, 7300)]
    ['about 3 s', 'about 45 s', 'about 2 min', 'about 2 h']
    """
    if seconds < 10:
        return f"about {max(round(seconds), 1)} s"
    if seconds < 55:  # not 60: from 57.5 s on the result would be "60 s"
        return f"about {5 * round(seconds / 5)} s"
    if seconds < 3600:
        return f"about {math.ceil(seconds / 60)} min"
    return f"about {round(seconds / 3600)} h"


def job_links(ids: Sequence[str]) -> str:
    """Return links to the jobs whose results `static/app.js` shows.

    They are the value of a hidden widget, from which the script reads the ids.

    Args:
        ids: ids of the jobs: 32 hexadecimal digits each.

    >>> job_links(["0f"])
    '<p><a href="/api/jobs/0f">0f</a></p>'
    """
    links = [f'<a href="/api/jobs/{job_id}">{job_id}</a>' for job_id in ids]
    return f"<p>{' '.join(links)}</p>"


def error(text: str) -> str:
    """Return an error message, which a screen reader reads at once.

    >>> error("x < y")
    '<div role="alert" class="error-message">x &lt; y</div>'
    """
    return f'<div role="alert" class="error-message">{escaped(text)}</div>'


def note(text: str) -> str:
    """Return a message that is neither an error nor progress, such as "Stopped."."""
    return _block(escaped(text))


def outcome(report: Mapping[str, Any]) -> str:
    """Return a message about a finished upscaling: sizes, time and warnings.

    Args:
        report: `report` of the `Result` of a job. These keys are used: `size` and `result_size`,
            (width, height) in pixels; `seconds`; `warnings`, a list of texts; and `faces`, a text
            with the numbers of faces, which only a job that enhanced faces has.
    """
    sizes = f"{_size(report['size'])} → {_size(report['result_size'])} pixels"
    lines = [f"<strong>Done</strong> in {report['seconds']:.1f} s: {escaped(sizes)}."]
    if "faces" in report:
        lines.append(f"<br>Faces: {escaped(report['faces'])}.")
    lines += [f"<br>Note: {escaped(str(warning))}" for warning in report["warnings"]]
    return _block("".join(lines))


def preview(model: str, region: tuple[int, int, int, int]) -> str:
    """Return a message about the finished preview of a region.

    Args:
        model: label of the model.
        region: left, top, width and height in pixels of the input.
    """
    left, top, _width, _height = region
    return _block(
        f"<strong>Preview</strong> of the region at {left}, {top}, by "
        f"{escaped(model)}. Press Upscale for the whole image."
    )


def curve(metric: str, points: Sequence[tuple[int, float]]) -> str:
    """Return a chart of a score during training, with its first and last value as text.

    Args:
        metric: name of the score.
        points: (number of images trained on, score), in the order of measurement.

    Returns:
        HTML with an SVG. One point gives a text without a chart, no point an empty string.

    >>> curve("PSNR", [(8, 30.0)])
    '<p>PSNR: 30.000 after 8 images.</p>'
    """
    if not points:
        return ""
    first_images, first_score = points[0]
    last_images, last_score = points[-1]
    text = f"{escaped(metric)}: {last_score:.3f} after {last_images} images"
    if len(points) == 1:
        return f"<p>{text}.</p>"
    scores = [score for _images, score in points]
    lowest = min(scores)
    # The two ranges are divisors, which must not be 0.
    image_range = max(last_images - first_images, 1)
    score_range = (max(scores) - lowest) or 1.0
    coordinates: list[str] = []
    for images, score in points:
        # The SVG is 300 pixels wide and 100 high (`.curve` in `gradio_tabs.appearance`), with a
        # margin of 5 pixels below and above; y points down.
        x = 300 * (images - first_images) / image_range
        y = 95 - 90 * (score - lowest) / score_range
        coordinates.append(f"{x:.1f},{y:.1f}")
    return (
        f'<div><svg class="curve"><polyline points="{" ".join(coordinates)}"></polyline></svg>'
        f"<p>{text}, {first_score:.3f} at first.</p></div>"
    )


def escaped(text: str) -> str:
    r"""Escape a text for HTML, and join its lines into one.

    Gradio renders messages as Markdown, in which an empty line would end the HTML.

    >>> escaped("a\n<b>")
    'a &lt;b&gt;'
    """
    return html.escape(" ".join(text.split()))


def _block(inside: str) -> str:
    """Return a `div` of the class that `static/access.js` announces to screen readers."""
    return f'<div class="message">{inside}</div>'


def _size(size: tuple[int, int]) -> str:
    """Return (width, height) as text."""
    return f"{size[0]} x {size[1]}"
