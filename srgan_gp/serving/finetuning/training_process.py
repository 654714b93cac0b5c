"""Runs `srgan-gp finetune` as a child process for a visitor, one at a time.

The server itself never imports PyTorch. The process ends with its server, even if that is killed.
"""

import json
import secrets
import shutil
import subprocess
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from srgan_gp.errors import BusyError, UsageError
from srgan_gp.serving.finetuning.training_request import (
    MIN_PHOTOS,
    TrainingPlan,
    check_plan,
    copy_photos,
    training_command,
)
from srgan_gp.serving.jobs.service import Service
from srgan_gp.serving.public_messages import for_clients

__all__ = ["MIN_PHOTOS", "FineTuning", "FineTunings", "TrainingPlan", "TrainingState"]

_SHOWN_LINES = 12
_SECONDS_TO_END = 20.0
_SCORE = "validation/"


@dataclass(frozen=True)
class TrainingState:
    """Progress of a fine-tuning run."""

    is_running: bool
    lines: tuple[str, ...] = ()
    """Last lines of its output."""
    metric: str = ""
    """Name of the score in `curve`."""
    curve: tuple[tuple[int, float], ...] = ()
    """(images seen, score), in the order of measurement."""
    preview: Path | None = None
    """Most recent preview image."""
    exit_code: int | None = None
    """None while the process runs."""


class FineTuning:
    """One training run, in the directory of a visitor.

    Args:
        service: provides the directory and protects it during the run.
        client: client that the run belongs to.
        plan: request of the visitor.
        device: as for `srgan-gp finetune`.
        max_photos: maximum number of photos outside of zips.

    Raises:
        UsageError: as for `check_plan` and `copy_photos`.
        SrganGpError: the disk is full, or the process cannot be started.
    """

    def __init__(
        self, service: Service, client: str, plan: TrainingPlan, device: str, max_photos: int
    ) -> None:
        check_plan(plan, max_photos)
        self.name = plan.name
        self._service = service
        self._folder = service.folder(client) / secrets.token_hex(16)
        self._run = self._folder / "run"
        self._lines: deque[str] = deque(maxlen=_SHOWN_LINES)
        service.hold(self._folder)
        try:
            photos = copy_photos(plan, self._folder / "photos")
            self._process = _start_process(training_command(plan, photos, self._run, device))
        except Exception as error:
            shutil.rmtree(self._folder, ignore_errors=True)
            service.release(self._folder)
            raise for_clients(error) from error
        self._reader = threading.Thread(target=self._read_output, daemon=True)
        self._reader.start()

    @property
    def is_running(self) -> bool:
        """Whether the process is running."""
        return self._reader.is_alive()

    def state(self) -> TrainingState:
        """Return the progress."""
        code = None if self.is_running else self._process.returncode
        metric, curve = _curve(self._run / "stats.jsonl")
        previews = sorted((self._run / "previews").glob("*.png"))
        return TrainingState(
            is_running=code is None,
            lines=tuple(self._lines),
            metric=metric,
            curve=curve,
            preview=previews[-1] if previews else None,
            exit_code=code,
        )

    def stop(self) -> None:
        """Terminate the process, which saves a checkpoint; kill it if that takes too long."""
        if not self.is_running:
            return
        self._process.terminate()
        try:
            self._process.wait(_SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._reader.join()

    def _read_output(self) -> None:
        """Collect the last lines of output, without paths of the server, until the process ends."""
        stdout, stdin = self._process.stdout, self._process.stdin
        assert stdout is not None and stdin is not None  # both are pipes
        with stdout, stdin:
            for line in stdout:
                if line.strip():
                    self._lines.append(str(for_clients(UsageError(line.rstrip()))))
        self._process.wait()
        self._service.release(self._folder)


class FineTunings:
    """Fine-tuning runs of a server: one at a time, and none after shutdown.

    Args:
        service: service of the server.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._guard = threading.Lock()
        self._last: dict[str, FineTuning] = {}
        service.at_end(self.close)

    def start(self, client: str, plan: TrainingPlan) -> FineTuning:
        """Start a run.

        Raises:
            BusyError: another run is in progress, the disk is full or the server is shutting down.
            SrganGpError: as for `FineTuning`.
        """
        settings = self._service.settings
        with self._guard:
            self._service.require_open()
            if any(run.is_running for run in self._last.values()):
                raise BusyError("Another training run is in progress. Try again later.",
                                retry_seconds=600)  # fmt: skip
            run = FineTuning(self._service, client, plan, settings.device, settings.max_files)
            self._last[client] = run
        return run

    def of(self, client: str) -> FineTuning | None:
        """Return the last run of a client."""
        return self._last.get(client)

    def close(self) -> None:
        """Stop the running one; by then the service accepts no other."""
        with self._guard:
            for run in self._last.values():
                run.stop()


def _start_process(command: list[str]) -> subprocess.Popen[str]:
    """Start a process that ends with this one, by `--end-with-input`."""
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )


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
