"""Progress of a training run: read from its output and its files, in sentences for the visitor.

`TrainingOutput` reads the lines that `srgan-gp finetune` prints. The training itself writes
`stats.jsonl`, `progress.json` and preview images into the directory of the run.
"""

import json
import re
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Stage = Literal["starting", "scoring", "training", "comparing"]
"""`starting`: reads the photos. `scoring`: scores the model before the training. `comparing`:
scores the result of the training."""

# Lines kept of the output, and sentences kept of the log. The page shows all of them: more make it
# longer, fewer may cut off the beginning of a traceback.
_MAX_LINES = 60
_SCORE_PREFIX = "validation/"  # of the keys of scores in `stats.jsonl`
# As "2 of 4, 12 s left; scoring the best result", printed by `commands.terminal.stage_progress`.
_SCORING = re.compile(r"(\d+) of (\d+)\b.*; scoring the (model before|best)")
_SCORE_TITLES = {"psnr_y": "PSNR", "squeeze_distance": "visible difference (squeeze distance)"}

ToSentence = Callable[[re.Match[str]], str]
_SENTENCES: tuple[tuple[str, ToSentence], ...] = (
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
            f"{_SCORE_TITLES.get(m[2], m[2])}: {m[3]} is better."
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
"""Lines that `srgan-gp finetune` prints, as regular expressions, and functions that make a sentence
of a match. The first expression that matches a line is used. A line without a match gives no
sentence."""


@dataclass(frozen=True)
class TrainingState:
    """Progress of a fine-tuning run at one moment."""

    is_running: bool
    stage: Stage = "starting"
    done: int = 0
    """Images of the stage that are done: validation images scored, or training images seen."""
    total: int = 0
    """Number of images of the stage; 0: unknown."""
    seconds_left: int | None = None
    """Estimated time until the end of the stage; None: unknown."""
    log: tuple[str, ...] = ()
    """Last events, as sentences for the visitor."""
    lines: tuple[str, ...] = ()
    """Last lines of the output."""
    metric: str = ""
    """Name of the score in `curve`, such as `psnr_y`; empty while there is none."""
    curve: tuple[tuple[int, float], ...] = ()
    """(images seen, score), in the order of measurement."""
    preview: Path | None = None
    """Most recent preview image: input, result before, result now and original. None: no image."""
    exit_code: int | None = None
    """Exit code of the process; None while it runs."""


class TrainingOutput:
    """Collects the output of a training process, and derives the progress from it."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque(maxlen=_MAX_LINES)
        self._log: deque[str] = deque(maxlen=_MAX_LINES)
        self._stage: Stage = "starting"
        # Validation images of the scoring in progress: scored so far, and in all.
        self._scored, self._to_score = 0, 0

    def add(self, line: str) -> None:
        """Read a line of the output, without its line break."""
        self._lines.append(line)
        if line.startswith("Plan:"):  # the photos are read; the model is scored next
            self._stage = "scoring"
        scoring = _SCORING.search(line)
        if scoring is not None:
            self._scored, self._to_score = int(scoring[1]), int(scoring[2])
            self._stage = "comparing" if scoring[3] == "best" else "scoring"
        for pattern, to_sentence in _SENTENCES:
            match = re.fullmatch(pattern, line)
            if match is not None:
                self._log.append(to_sentence(match))
                return

    def state(self, run: Path, exit_code: int | None) -> TrainingState:
        """Return the progress by the output and by the files of the run.

        Args:
            run: directory of the run.
            exit_code: exit code of the process; None while it runs.
        """
        metric, curve = _read_curve(run / "stats.jsonl")
        previews = sorted((run / "previews").glob("image-*.png"))
        stage, done, total, seconds_left = self._stage, self._scored, self._to_score, None
        progress = _read_progress(run / "progress.json")
        # The file exists from the start of the training on, and stays after its end. That the
        # training has ended is known from the output only.
        if progress is not None and stage != "comparing":
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


def _read_progress(path: Path) -> dict[str, Any] | None:
    """Read the progress of a training.

    Returns:
        `images_seen`, `total_images` and `seconds_left` (None: unknown); None before the training.
    """
    with suppress(OSError, ValueError):
        progress: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return progress
    return None


def _read_curve(path: Path) -> tuple[str, tuple[tuple[int, float], ...]]:
    """Read the values of the first score in the statistics of a run.

    Returns:
        Name of the score, and (images seen, score) in the order of measurement; empty if there is
        no score yet.
    """
    points: list[tuple[int, float]] = []
    score_key = ""
    with suppress(OSError, ValueError):  # no file yet, or the last line is incomplete
        for line in path.read_text(encoding="utf-8").splitlines():
            values: dict[str, Any] = json.loads(line)
            if not score_key:
                score_keys = [key for key in values if key.startswith(_SCORE_PREFIX)]
                score_key = score_keys[0] if score_keys else ""
            if score_key in values:
                points.append((values["images_seen"], float(values[score_key])))
    return score_key.removeprefix(_SCORE_PREFIX), tuple(points)
