"""A fine-tuning that a visitor starts: `srgan-gp finetune` as a process of its own.

One runs at a time. The server never imports PyTorch, and a training that fails ends alone.
"""

import atexit
import json
import secrets
import shutil
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from srgan_gp.errors import BusyError, UsageError
from srgan_gp.files import atomic_write
from srgan_gp.serving.jobs import Service
from srgan_gp.serving.models import check_known
from srgan_gp.serving.sentences import for_strangers
from srgan_gp.serving.zip_limits import check_zip

FEWEST_PICTURES = 20
_SHOWN_LINES = 12
_SECONDS_TO_END = 20.0
_SCORE = "validation/"


@dataclass(frozen=True)
class TrainingPlan:
    """What a visitor asks for."""

    model: str
    """Name of the model to start from."""
    photos: Sequence[tuple[Path, str]]
    """Uploaded photos and zips of photos, each with the name that its owner gave it."""
    name: str
    """Of the new model."""
    total_images: int | None = None
    """Images to train on; None: as `srgan-gp finetune` plans."""


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
        UsageError: there are too few or too many photos, or a zip is refused.
    """

    def __init__(
        self, service: Service, client: str, plan: TrainingPlan, device: str, most_pictures: int
    ) -> None:
        _check(plan, most_pictures)
        self.name = plan.name
        self._service = service
        self._folder = service.folder(client) / secrets.token_hex(16)
        photos = _moved(plan, self._folder / "photos")
        self._run = self._folder / "run"
        command = [sys.executable, "-m", "srgan_gp", "finetune", f"--from={plan.model}"]
        command += [f"--output={self._run}", f"--name={plan.name}", f"--device={device}"]
        if plan.total_images is not None:
            command.append(f"--set=total_images={plan.total_images}")
        command += ["--data", *map(str, photos)]
        self._lines: deque[str] = deque(maxlen=_SHOWN_LINES)
        service.hold(self._folder)
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
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
        assert self._process.stdout is not None  # it was asked for
        with self._process.stdout as said:
            for line in said:
                if line.strip():
                    self._lines.append(str(for_strangers(UsageError(line.rstrip()))))
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
        atexit.register(self.close)

    def start(self, client: str, plan: TrainingPlan) -> FineTuning:
        """Begin a run.

        Raises:
            BusyError: another one is under way.
            UsageError: as for `FineTuning`.
        """
        settings = self._service.settings
        with self._guard:
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
        """End what is under way."""
        for run in self._last.values():
            run.stop()


def _check(plan: TrainingPlan, most_pictures: int) -> None:
    """Refuse what no training can use.

    Raises:
        UsageError: there is no such model, there are too few or too many photos, or a zip is
            refused.
    """
    check_known(plan.model)
    zips = [photo for photo in plan.photos if photo[1].lower().endswith(".zip")]
    loose = len(plan.photos) - len(zips)
    if loose > most_pictures:
        raise UsageError(f"{loose} photos are too many; bring {most_pictures}, or a zip of them.")
    count = loose + sum(check_zip(*photo) for photo in zips)
    if count < FEWEST_PICTURES:
        raise UsageError(f"{count} photos are too few to learn from; bring {FEWEST_PICTURES}.")


def _moved(plan: TrainingPlan, folder: Path) -> list[Path]:
    """Copy uploads to where they are kept, under names of ours; gives what to train on."""
    folder.mkdir(parents=True)
    zips: list[Path] = []
    for number, (path, name) in enumerate(plan.photos):
        target = folder / f"{number:04}{path.suffix.lower()}"
        if name.lower().endswith(".zip"):
            target = folder.parent / f"{number:04}.zip"
            zips.append(target)
        with path.open("rb") as source, atomic_write(target) as file:
            shutil.copyfileobj(source, file)
    return [*zips, folder] if any(folder.iterdir()) else zips


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
