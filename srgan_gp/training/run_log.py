"""Progress bar, stats.jsonl, progress.json, TensorBoard and preview images of a training run.

`loop.train` creates `Reports` in the first process. `stats.jsonl` has one JSON object a line, each
with `images_seen`: means of the log values of the steps, scores of a validation (`validation/...`),
or a `message`. `reports.logged_numbers` explains the numbers.
"""

import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from srgan_gp.errors import TrainingError
from srgan_gp.images import Picture, write_image
from srgan_gp.metrics.score_directions import format_scores
from srgan_gp.system.files import atomic_write
from srgan_gp.system.write_errors import convert_write_errors
from srgan_gp.training import checkpoint
from srgan_gp.training.critic.diagnostics import diagnostics_line
from srgan_gp.training.reports.logged_numbers import explain_numbers
from srgan_gp.training.reports.preview_sheet import (
    lay_out_columns,
    save_results_before,
    with_results_before,
)
from srgan_gp.training.reports.time_left import TimeLeft

PROGRESS_FILE = "progress.json"
"""For programs that show the progress of a run: `images_seen`, `total_images`, `seconds_left`."""


class Reports:
    """Reports of one run, a context manager that shows the progress bar on stderr.

    A resumed run continues the files without duplicate lines. If TensorBoard's log cannot be
    written, a message says so once and the run continues without it.

    Args:
        run_dir: gets `stats.jsonl`, `progress.json`, `previews/` and `tensorboard/`.
        total_images: images of the whole run.
        images_seen: images seen at the start or at the checkpoint. Lines of `stats.jsonl` with more
            are removed: they are of an interrupted run, which the resumed run repeats.

    Raises:
        TrainingError: `stats.jsonl` exists and is not the log of a run.
        OutputError: from every method that writes, if `run_dir` cannot be written.
    """

    def __init__(self, run_dir: Path, total_images: int, images_seen: int) -> None:
        self._run_dir, self._previews = run_dir, run_dir / "previews"
        self._lines = _lines_until(run_dir / "stats.jsonl", images_seen)
        self._console = Console(stderr=True)
        self._board: SummaryWriter | None = None  # None: TensorBoard's log cannot be written
        with self._without_board_on_error():
            # TensorBoard hides the points after `images_seen`, which the resumed run writes again.
            self._board = SummaryWriter(run_dir / "tensorboard", purge_step=images_seen + 1)
            if not images_seen:
                self._board.add_text("how to read the numbers", explain_numbers())
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[left]}"),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._bar_task = self._bar.add_task(
            "images", total=total_images, completed=images_seen, left=""
        )
        self._total, self._time = total_images, TimeLeft(total_images, images_seen)
        self._values: dict[str, list[Tensor]] = {}  # log values since the last line, by name
        self._means: dict[str, float] = {}  # of the last line

    def __enter__(self) -> "Reports":
        """Show the progress bar."""
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the progress bar and close TensorBoard's file."""
        self._bar.stop()
        with self._without_board_on_error():
            if self._board:
                self._board.close()

    def advance(self, images_seen: int, log_values: dict[str, Tensor]) -> None:
        """Show the progress after a batch and collect its log values for the next line.

        Args:
            images_seen: images seen after the batch.
            log_values: scalars by name. They stay on their device until the next line is written:
                reading a value from a GPU waits until the GPU has computed it.
        """
        for name, value in log_values.items():
            self._values.setdefault(name, []).append(value)
        time_left = self._time.describe(images_seen)
        self._bar.update(self._bar_task, completed=images_seen, left=time_left)
        if not self._console.is_terminal and self._time.is_line_due():
            self.say(f"{images_seen} of {self._total} images, {time_left}")
        if self._time.is_file_due():
            progress = {
                "images_seen": images_seen,
                "total_images": self._total,
                "seconds_left": self._time.seconds(images_seen),
            }
            with atomic_write(self._run_dir / PROGRESS_FILE) as file:
                file.write(json.dumps(progress).encode())

    def report_start(self, preview: Mapping[str, np.ndarray] | None) -> None:
        """Print where the reports are, and save a new run's results before its first step.

        Args:
            preview: images by label, as for `write_validation`. The image with the label `result
                now` is saved. None: the run is resumed, or has no preview.
        """
        self.say(f"Previews: {self._previews}. Curves: tensorboard --logdir {self._run_dir}")
        if preview is None:
            return
        with convert_write_errors(self._previews):
            self._previews.mkdir(exist_ok=True)
        save_results_before(preview, self._previews)

    def write_means(self, progress: checkpoint.Progress) -> None:
        """Write a line with the means of the log values since the last line."""
        self._means = {
            name: float(torch.stack(values).mean()) for name, values in self._values.items()
        }
        # The critic scores validation images on some batches only. The error of the mean of these
        # scores depends on the number of such batches.
        if batches := len(self._values.get("health/validation_estimate", ())):
            self._means["health/validation_batches"] = float(batches)
        line = {"images_seen": progress.images_seen, "step": progress.step}
        line |= self._means
        line |= {"seconds": round(progress.seconds, 1)}
        self._values.clear()
        self._write_line(line)

    def write_validation(
        self, progress: checkpoint.Progress, preview: Mapping[str, np.ndarray] | None
    ) -> None:
        """Write and print a line of scores, print the critic's diagnostics, and save a preview.

        The diagnostics are means of the line that `write_means` has written last.

        Args:
            progress: numbers of the run; `progress.validation` has the scores.
            preview: images of equal height, (H, W, 3) uint8 RGB, by label; None: no preview.
        """
        scores = {f"validation/{name}": value for name, value in progress.validation.items()}
        if scores:
            self._write_line({"images_seen": progress.images_seen} | scores)
            shown = format_scores(progress.validation)
            self.say(f"{progress.images_seen} images, {progress.seconds:.0f} s: {shown}")
        if critic_summary := diagnostics_line(self._means):
            self.say(critic_summary)
        if preview is not None:
            with convert_write_errors(self._previews):
                self._previews.mkdir(exist_ok=True)
            sheet = lay_out_columns(with_results_before(preview, self._previews))
            path = self._previews / f"image-{progress.images_seen:09d}.png"
            write_image(Picture(sheet), path)
            with self._without_board_on_error():
                if self._board:
                    self._board.add_image("preview", sheet, progress.images_seen, dataformats="HWC")

    def say_and_save(self, images_seen: int, message: str) -> None:
        """Print a message and save it as a line of `stats.jsonl` and a text of TensorBoard."""
        self.say(message)
        self._write_line({"images_seen": images_seen, "message": message})

    def say(self, message: str) -> None:
        """Print a message above the progress bar, on stderr."""
        self._console.print(message, markup=False, highlight=False, soft_wrap=True)

    def _write_line(self, line: dict[str, Any]) -> None:
        """Add a line to `stats.jsonl`, which is replaced atomically, and its values to TensorBoard.

        Args:
            line: numbers or texts by name; `images_seen` is the horizontal axis of TensorBoard.
        """
        self._lines.append(json.dumps(line))
        with atomic_write(self._run_dir / "stats.jsonl") as file:
            file.write("".join(f"{text}\n" for text in self._lines).encode())
        with self._without_board_on_error():
            for name, value in line.items():
                if not self._board or name == "images_seen":
                    continue
                add = self._board.add_text if isinstance(value, str) else self._board.add_scalar
                add(name, value, line["images_seen"])

    @contextmanager
    def _without_board_on_error(self) -> Generator[None, None, None]:
        """Continue without TensorBoard, with a message, if the block cannot write its log."""
        try:
            yield
        except OSError as error:
            self._board = None
            reason = error.strerror or error
            self.say(f"TensorBoard's log cannot be written ({reason}); continuing without it.")


def _lines_until(path: Path, images_seen: int) -> list[str]:
    """Read the lines of `stats.jsonl` up to `images_seen`; none if the file does not exist."""
    if not path.exists():
        return []
    try:
        lines = path.read_text().splitlines()
        return [line for line in lines if json.loads(line)["images_seen"] <= images_seen]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TrainingError(
            f"{path} is not the log of a run ({error}). Move it away to continue without its lines."
        ) from error
