"""What a run shows and keeps of itself: progress bar, stats.jsonl, TensorBoard, previews."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from srgan_gp.errors import TrainingError
from srgan_gp.files import atomic_write
from srgan_gp.images import Picture, write_image
from srgan_gp.training import checkpoint
from srgan_gp.training.health import health_line
from srgan_gp.write_errors import errors_about


class Reports:
    """The reports of one run; a resumed run goes on without doubled lines.

    Where TensorBoard's log cannot be written, that is said once and the run goes on without it.

    Args:
        run_dir: gets `stats.jsonl`, `previews/` and `tensorboard/`.
        total_images: length of the run, for the time left.
        images_seen: where the run stands; later lines of an interrupted run are dropped.

    Raises:
        TrainingError: `stats.jsonl` is there and no log of a run.
    """

    def __init__(self, run_dir: Path, total_images: int, images_seen: int) -> None:
        self._run_dir = run_dir
        self._lines = _lines_until(run_dir / "stats.jsonl", images_seen)
        self._console = Console(stderr=True)
        self._board: SummaryWriter | None = None
        with self._or_without_board():
            # It hides points from `purge_step` on; those at `images_seen` are not drawn anew.
            self._board = SummaryWriter(run_dir / "tensorboard", purge_step=images_seen + 1)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._row = self._bar.add_task("images", total=total_images, completed=images_seen)
        self._notes: dict[str, list[Tensor]] = {}
        self._means: dict[str, float] = {}

    def __enter__(self) -> "Reports":
        """Show the progress bar."""
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Take the bar down and close TensorBoard's file."""
        self._bar.stop()
        with self._or_without_board():
            if self._board:
                self._board.close()

    def advance(self, images_seen: int, notes: dict[str, Tensor]) -> None:
        """Note one step; the numbers stay on their device until the next line is written."""
        for name, value in notes.items():
            self._notes.setdefault(name, []).append(value)
        self._bar.update(self._row, completed=images_seen)

    def write(self, progress: checkpoint.Progress) -> None:
        """Write a line of means since the last one; a name without a note is left out."""
        line = {"images_seen": progress.images_seen, "step": progress.step}
        self._means = {n: float(torch.stack(found).mean()) for n, found in self._notes.items()}
        if looks := len(self._notes.get("health/held_out_estimate", ())):
            self._means["health/looks"] = float(looks)
        line |= self._means
        line |= {"seconds": round(progress.seconds, 1)}
        self._notes.clear()
        self._keep(line)

    def validation(self, progress: checkpoint.Progress, preview: np.ndarray | None) -> None:
        """Write a line of scores, say them and the run's health, and keep the preview."""
        scores = {f"validation/{name}": value for name, value in progress.validation.items()}
        if scores:
            self._keep({"images_seen": progress.images_seen} | scores)
            shown = ", ".join(f"{name} {value:.3f}" for name, value in progress.validation.items())
            self.say(f"{progress.images_seen} images, {progress.seconds:.0f} s: {shown}")
        if health := health_line(self._means):
            self.say(health)
        if preview is not None:
            folder = self._run_dir / "previews"
            with errors_about(folder):
                folder.mkdir(exist_ok=True)
            write_image(Picture(preview), folder / f"image-{progress.images_seen:09d}.png")

    def note(self, images_seen: int, message: str) -> None:
        """Say a message and keep it, as a line of `stats.jsonl` and a text of TensorBoard."""
        self.say(message)
        self._keep({"images_seen": images_seen, "message": message})

    def say(self, sentence: str) -> None:
        """Print a line above the progress bar, on stderr."""
        self._console.print(sentence, markup=False, highlight=False, soft_wrap=True)

    def _keep(self, line: dict[str, Any]) -> None:
        self._lines.append(json.dumps(line))
        with atomic_write(self._run_dir / "stats.jsonl") as file:
            file.write("".join(f"{text}\n" for text in self._lines).encode())
        with self._or_without_board():
            for name, value in line.items():
                if not self._board or name == "images_seen":
                    continue
                add = self._board.add_text if isinstance(value, str) else self._board.add_scalar
                add(name, value, line["images_seen"])

    @contextmanager
    def _or_without_board(self) -> Generator[None, None, None]:
        try:
            yield
        except OSError as error:
            self._board = None
            reason = error.strerror or error
            self.say(f"TensorBoard's log cannot be written ({reason}); the run goes on without it.")


def _lines_until(path: Path, images_seen: int) -> list[str]:
    if not path.exists():
        return []
    try:
        lines = path.read_text().splitlines()
        return [line for line in lines if json.loads(line)["images_seen"] <= images_seen]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(
            f"{path} is no log of a run ({error}); move it away to go on without the lines so far."
        ) from error
