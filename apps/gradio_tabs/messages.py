"""What the page says about a run, as HTML: progress, refusals and what happened."""

import html
from collections.abc import Mapping, Sequence
from typing import Any

READY = ""


def progress(done: int, total: int, what: str = "tiles") -> str:
    """Show how far a run is.

    Args:
        done: steps taken.
        total: steps in all; 0 where that is not known yet.
        what: the name of the steps.

    >>> progress(3, 12)
    '<div role="status"><progress aria-label="Progress" value="3" max="12"></progress>3 of 12 \
tiles</div>'
    """
    if total == 0:
        return _block('<progress aria-label="Progress"></progress>Waiting for its turn ...')
    bar = f'<progress aria-label="Progress" value="{done}" max="{total}"></progress>'
    return _block(f"{bar}{done} of {total} {html.escape(what)}")


def refusal(sentence: object) -> str:
    """Show why something was not done; a screen reader says it at once.

    >>> refusal("x < y")
    '<div role="alert" class="refusal">x &lt; y</div>'
    """
    return f'<div role="alert" class="refusal">{plain(str(sentence))}</div>'


def note(sentence: str) -> str:
    """Show a plain sentence."""
    return _block(plain(sentence))


def outcome(report: Mapping[str, Any]) -> str:
    """Show what really happened in an upscaling: sizes, model, device, tiles, time, warnings.

    Args:
        report: of a `Result`.
    """
    parts = [
        f"{_size(report['size'])} → {_size(report['result_size'])} pixels",
        str(report["model"]),
        f"{report['provider']} on {report['device']}",
        str(report["precision"]),
        "1 tile" if report["tiles"] == 1 else f"{report['tiles']} tiles",
        f"{report['seconds']:.2f} s",
    ]
    lines = ["<strong>Done.</strong> " + plain(" · ".join(parts))]
    lines += [f"<br>Note: {plain(str(warning))}" for warning in report["warnings"]]
    return _block("".join(lines))


def preview(report: Mapping[str, Any], region: tuple[int, int, int, int]) -> str:
    """Show what a preview of a part of the picture is.

    Args:
        report: of a `Result`.
        region: left, top, width and height of the part.
    """
    left, top, *_ = region
    return _block(
        f"<strong>Preview</strong> of the spot you clicked, at {left}, {top}, pixel for pixel; "
        f"{plain(str(report['model']))}, {report['seconds']:.2f} s. "
        "Upscale makes the whole picture."
    )


def curve(metric: str, points: Sequence[tuple[int, float]]) -> str:
    """Draw a score over the images seen, with its first and last value in words.

    Args:
        metric: name of the score.
        points: (images seen, score), in order.

    >>> curve("PSNR", [(8, 30.0)])
    '<p>PSNR: 30.000 after 8 images.</p>'
    """
    if not points:
        return ""
    (first_seen, first), (seen, last) = points[0], points[-1]
    words = f"{plain(metric)}: {last:.3f} after {seen} images"
    if len(points) == 1:
        return f"<p>{words}.</p>"
    low, high = min(score for _, score in points), max(score for _, score in points)
    width, height = max(seen - first_seen, 1), (high - low) or 1.0
    path = " ".join(
        f"{300 * (images - first_seen) / width:.1f},{95 - 90 * (score - low) / height:.1f}"
        for images, score in points
    )
    return (
        '<div><svg class="curve">'
        f'<polyline points="{path}"></polyline></svg><p>{words}, {first:.3f} at first.</p></div>'
    )


def plain(text: str) -> str:
    r"""Make a text that HTML and Markdown show as it is, on one line.

    >>> plain("a\n<b>")
    'a &lt;b&gt;'
    """
    return html.escape(" ".join(text.split()))


def _block(inside: str) -> str:
    return f'<div role="status">{inside}</div>'


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]} x {size[1]}"
