"""Fine-tuning started by a visitor: `srgan-gp finetune` as a process.

One runs at a time. The server never imports PyTorch, and a training that fails ends alone. It ends
with its server, even with one that is killed.
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
    FEWEST_PICTURES,
    TrainingPlan,
    check_plan,
    copy_photos,
    training_command,
)
from srgan_gp.serving.jobs.service import Service
from srgan_gp.serving.public_messages import for_clients

__all__ = ["FEWEST_PICTURES", "FineTuning", "FineTunings", "TrainingPlan", "TrainingState"]

_SHOWN_LINES = 12
_SECONDS_TO_END = 20.0
_SCORE = "validation/"


@dataclass(frozen=True)
class TrainingState:
    """How far a fine-tuning is."""

    is_running: bool
    lines: tuple[str, ...] = ()
    """The last lines that it said."""
    metric: str = ""
    """What the curve shows."""
    curve: tuple[tuple[int, float], ...] = ()
    """(images seen, score), in the order in which they were measured."""
    preview: Path | None = None
    """The newest picture of what the model makes."""
    exit_code: int | None = None
    """None while it runs."""


class FineTuning:
    """One training run, in a folder of the visitor's.

    Args:
        service: gives the folder and keeps it while the run lasts.
        client: whose it is.
        plan: what is asked for.
        device: as for `srgan-gp finetune`.
        most_pictures: a limit on loose photos.

    Raises:
        UsageError: as for `check_plan` and `copy_photos`.
        SrganGpError: there is no room for the photos, or for another process.
    """

    def __init__(
        self, service: Service, client: str, plan: TrainingPlan, device: str, most_pictures: int
    ) -> None:
        check_plan(plan, most_pictures)
        self.name = plan.name
        self._service = service
        self._folder = service.folder(client) / secrets.token_hex(16)
        self._run = self._folder / "run"
        self._lines: deque[str] = deque(maxlen=_SHOWN_LINES)
        service.hold(self._folder)
        try:
            photos = copy_photos(plan, self._folder / "photos")
            self._process = _started(training_command(plan, photos, self._run, device))
        except Exception as error:
            shutil.rmtree(self._folder, ignore_errors=True)
            service.release(self._folder)
            raise for_clients(error) from error
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    @property
    def is_running(self) -> bool:
        """Whether the process lives."""
        return self._listener.is_alive()

    def state(self) -> TrainingState:
        """Look how far it is."""
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
        """Ask it to end; it saves what it has and is killed if it takes too long."""
        if not self.is_running:
            return
        self._process.terminate()
        try:
            self._process.wait(_SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._listener.join()

    def _listen(self) -> None:
        """Keep the last lines that it says, without the folders of this server, to its end."""
        said, tether = self._process.stdout, self._process.stdin
        assert said is not None and tether is not None  # they were asked for
        with said, tether:
            for line in said:
                if line.strip():
                    self._lines.append(str(for_clients(UsageError(line.rstrip()))))
        self._process.wait()
        self._service.release(self._folder)


class FineTunings:
    """The fine-tunings of a server: one at a time, and none when it has ended.

    Args:
        service: of the server.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._guard = threading.Lock()
        self._last: dict[str, FineTuning] = {}
        service.at_end(self.close)

    def start(self, client: str, plan: TrainingPlan) -> FineTuning:
        """Begin a run.

        Raises:
            BusyError: another one is under way, the disk is full or the server ends.
            SrganGpError: as for `FineTuning`.
        """
        settings = self._service.settings
        with self._guard:
            self._service.require_open()
            if any(run.is_running for run in self._last.values()):
                raise BusyError("Another model is being trained; try again later.",
                                retry_seconds=600)  # fmt: skip
            run = FineTuning(self._service, client, plan, settings.device, settings.max_files)
            self._last[client] = run
        return run

    def of(self, client: str) -> FineTuning | None:
        """Find the last run of a client."""
        return self._last.get(client)

    def close(self) -> None:
        """End what is under way; the service lets no other begin by then."""
        with self._guard:
            for run in self._last.values():
                run.stop()


def _started(command: list[str]) -> subprocess.Popen[str]:
    """Start a process that ends with this one: its input does, however this one ends."""
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )


def _curve(path: Path) -> tuple[str, tuple[tuple[int, float], ...]]:
    """Read the first score of a run, and how it went; nothing yet gives an empty curve."""
    points: list[tuple[int, float]] = []
    metric = ""
    with suppress(OSError, ValueError):
        for text in path.read_text(encoding="utf-8").splitlines():
            line: dict[str, Any] = json.loads(text)
            metric = metric or next((key for key in line if key.startswith(_SCORE)), "")
            if metric in line:
                points.append((line["images_seen"], float(line[metric])))
    return metric.removeprefix(_SCORE), tuple(points)
