"""Progress of a training run, read from its output and its files, in words for the visitor."""

import json
import re
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Stage = Literal["starting", "scoring", "training", "comparing"]

_LINES = 60
_SCORE = "validation/"
# As "2 of 4, 12 s left; scoring the best result", printed by `commands.terminal.stage_progress`.
_SCORING = re.compile(r"(\d+) of (\d+)\b.*; scoring the (model before|best)")
_TITLES = {"psnr_y": "PSNR", "squeeze_distance": "visible difference (squeeze distance)"}

Words = Callable[[re.Match[str]], str]
_IN_WORDS: tuple[tuple[str, Words], ...] = (
    # Printed by `finetuning.finetune`:
    # photo-x4: 80 training images, 20 validation images.
    (
        r"(\S+): (\d+) training images, (\d+) validation images\.",
        lambda m: f"{m[1]} learns from {m[2]} photos. The other {m[3]} measure what it learned.",
    ),
    # warning: 50 training images are few: expect a small change; 100 to 1,000 are better.
    (r"warning: (.*)", lambda m: m[1][0].upper() + m[1][1:]),
    # Plan: 8000 images in batches of 8, learning rate 0.0001, best by psnr_y (higher is better).
    (
        r"Plan: (\d+) images .* best by (\w+) \((\w+) is better\)\.",
        lambda m: (
            f"It trains on {int(m[1]):,} sections of them. The deciding score is the "
            f"{_TITLES.get(m[2], m[2])}: {m[3]} is better."
        ),
    ),
    # Printed by the training and `commands.finetune`:
    # Stopped after 800 images; all is saved. The same command resumes the run.
    (r"Stopped after .*", lambda m: m[0]),
    # It is not better: the PSNR (higher is better) went from 28.1 to 28 (-0.4 %), which is not ...
    (r"It is (better|not better): (.*)", lambda m: f"The new model is {m[1]}: {m[2]}"),
    # Installed as mine: models/mine.toml
    (
        r"Installed as ([^:]+):.*",
        lambda m: f"{m[1]} is installed. It is in the list of models of every tab.",
    ),
    # Not installed, because it is not better.
    (
        r"Not installed, because (.*)\.",
        lambda m: f"It was not installed, because {m[1]}.",
    ),
    # Printed by `cli`; the visitor does not see the prefix:
    # srgan-gp: error: a.png cannot be read.
    (r"srgan-gp: error: (.*)", lambda m: m[1]),
    (r"srgan-gp: internal error: .*", lambda _: "An internal error ended it; see Details."),
)
"""Lines that `srgan-gp finetune` prints, and the sentence for each; the first match counts."""


@dataclass(frozen=True)
class TrainingState:
    """Progress of a fine-tuning run."""

    is_running: bool
    stage: Stage = "starting"
    done: int = 0
    """Steps of the stage: validation images scored, or training images seen."""
    total: int = 0
    """Steps of the stage in all; 0: unknown."""
    seconds_left: int | None = None
    """Estimate for the stage; None: unknown."""
    log: tuple[str, ...] = ()
    """What happened so far, in sentences."""
    lines: tuple[str, ...] = ()
    """Last lines of its output."""
    metric: str = ""
    """Name of the score in `curve`."""
    curve: tuple[tuple[int, float], ...] = ()
    """(images seen, score), in the order of measurement."""
    preview: Path | None = None
    """Most recent preview image: input, result before, result now and original."""
    exit_code: int | None = None
    """None while the process runs."""


class TrainingOutput:
    """Output of a training process, line by line."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=_LINES)
        self._log: deque[str] = deque(maxlen=_LINES)
        self._stage: Stage = "starting"
        self._scored = 0, 0

    def add(self, line: str) -> None:
        """Read a line."""
        self._lines.append(line)
        if line.startswith("Plan:"):
            self._stage = "scoring"
        if found := _SCORING.search(line):
            self._scored = int(found[1]), int(found[2])
            self._stage = "comparing" if found[3] == "best" else "scoring"
        for pattern, words in _IN_WORDS:
            if found := re.fullmatch(pattern, line):
                self._log.append(words(found))
                return

    def state(self, run: Path, exit_code: int | None) -> TrainingState:
        """Return the progress.

        Args:
            run: directory of the run.
            exit_code: of the process; None while it runs.
        """
        metric, curve = _curve(run / "stats.jsonl")
        previews = sorted((run / "previews").glob("image-*.png"))
        stage, (done, total), seconds_left = self._stage, self._scored, None
        # The file stays after the training, so that only the output tells when it is over.
        if stage != "comparing" and (progress := _progress(run / "progress.json")):
            stage = "training"
            done, total = progress["images_seen"], progress["total_images"]
            seconds_left = progress["seconds_left"]
        return TrainingState(
            is_running=exit_code is None,
            stage=stage,
            done=done,
            total=total,
            seconds_left=seconds_left,
            log=tuple(self._log),
            lines=tuple(self._lines),
            metric=metric,
            curve=curve,
            preview=previews[-1] if previews else None,
            exit_code=exit_code,
        )


def _progress(path: Path) -> dict[str, Any] | None:
    """Read the progress of a run; None: there is none yet."""
    with suppress(OSError, ValueError):
        progress: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return progress
    return None


def _curve(path: Path) -> tuple[str, tuple[tuple[int, float], ...]]:
    """Read name and values of the first score of a run; empty if there are none yet."""
    points: list[tuple[int, float]] = []
    metric = ""
    with suppress(OSError, ValueError):
        for text in path.read_text(encoding="utf-8").splitlines():
            line: dict[str, Any] = json.loads(text)
            metric = metric or next((key for key in line if key.startswith(_SCORE)), "")
            if metric in line:
                points.append((line["images_seen"], float(line[metric])))
    return metric.removeprefix(_SCORE), tuple(points)
