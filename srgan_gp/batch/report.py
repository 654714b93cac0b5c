"""What a run tells: one line a picture for people, one object for programs."""

import os
from collections import Counter
from collections.abc import Sequence
from typing import Any

from srgan_gp.batch.runner import Outcome


def outcome_line(outcome: Outcome) -> str:
    """Say in one line what became of a picture."""
    if outcome.status == "failed":
        return f"{outcome.source}: {outcome.code}: {outcome.message}"
    if outcome.status == "skipped":
        return f"{outcome.source}: skipped, {outcome.target} exists"
    tiles = "1 tile" if outcome.tiles == 1 else f"{outcome.tiles} tiles"
    parts = [
        f"{_size(outcome.size)} -> {_size(outcome.result_size)} {outcome.target}",
        f"{outcome.device}",
        f"{outcome.precision}",
        tiles,
        f"{outcome.seconds:.2f} s",
        *outcome.warnings,
    ]
    return f"{outcome.source}: " + "; ".join(parts)


def summary_line(outcomes: Sequence[Outcome], ignored: int, folders_not_entered: int) -> str:
    """Count what happened, in one line."""
    counts = Counter(outcome.status for outcome in outcomes)
    text = f"{counts['done']} done, {counts['skipped']} skipped, {counts['failed']} failed"
    if ignored:
        text += f"; {ignored} other files ignored" if ignored > 1 else "; 1 other file ignored"
    if folders_not_entered:
        text += f"; {folders_not_entered} folders inside not entered"
    return text


def as_object(outcomes: Sequence[Outcome], **about_the_run: object) -> dict[str, Any]:
    """Build what `--json` prints: inputs = done + skipped + failed, then one entry a picture."""
    counts = Counter(outcome.status for outcome in outcomes)
    return {
        "inputs": len(outcomes),
        "done": counts["done"],
        "skipped": counts["skipped"],
        "failed": counts["failed"],
        **about_the_run,
        "pictures": [_entry(outcome) for outcome in outcomes],
    }


def _entry(outcome: Outcome) -> dict[str, Any]:
    values = {**vars(outcome), "source": os.fspath(outcome.source)}
    if outcome.target is not None:
        values["target"] = os.fspath(outcome.target)
    return {name: value for name, value in values.items() if value not in (None, ())}


def _size(size: tuple[int, int] | None) -> str:
    return "?" if size is None else f"{size[0]}x{size[1]}"
