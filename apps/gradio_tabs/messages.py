"""Messages of the page as HTML: progress, errors, and the report of a run."""

import html
from collections.abc import Mapping, Sequence
from typing import Any

READY = ""


def progress(done: int, total: int, unit: str = "tiles") -> str:
    """Return a progress bar with its text.

    Args:
        done: finished steps.
        total: number of steps; 0: the job is in the queue.
        unit: name of the steps.

    >>> progress(3, 12)
    '<div role="status"><progress aria-label="Progress" value="3" max="12"></progress>3 of 12 \
tiles</div>'
    """
    if total == 0:
        return _block('<progress aria-label="Progress"></progress>In queue ...')
    bar = f'<progress aria-label="Progress" value="{done}" max="{total}"></progress>'
    return _block(f"{bar}{done} of {total} {html.escape(unit)}")


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
    """Return the report of an upscaling: sizes, model, device, tiles, time, warnings.

    Args:
        report: report of a `Result`.
    """
    parts = [
        f"{_size(report['size'])} → {_size(report['result_size'])} pixels",
        str(report["model"]),
        f"{report['provider']} on {report['device']}",
        str(report["precision"]),
        "1 tile" if report["tiles"] == 1 else f"{report['tiles']} tiles",
        f"{report['seconds']:.2f} s",
    ]
    lines = ["<strong>Done.</strong> " + escaped(" · ".join(parts))]
    lines += [f"<br>Note: {escaped(str(warning))}" for warning in report["warnings"]]
    return _block("".join(lines))


def preview(report: Mapping[str, Any], region: tuple[int, int, int, int]) -> str:
    """Return the report of a preview of a region.

    Args:
        report: report of a `Result`.
        region: left, top, width and height, in pixels.
    """
    left, top, *_ = region
    return _block(
        f"<strong>Preview</strong> of the region at {left}, {top}, in full resolution; "
        f"{escaped(str(report['model']))}, {report['seconds']:.2f} s. "
        "Press Upscale for the whole image."
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
    # Coordinates of the SVG: 300 wide, 100 high with a margin of 5 below and above; y points down.
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
    return f'<div role="status">{inside}</div>'


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]}"
