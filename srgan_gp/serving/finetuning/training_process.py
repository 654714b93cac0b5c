"""Fine-tuning runs of visitors: `srgan-gp finetune` as a child process, one at a time.

The server itself never imports PyTorch. The process ends with the server, even if the server is
killed.
"""

import secrets
import shutil
import subprocess
import threading
from pathlib import Path

from srgan_gp.errors import BusyError, ModelRefusedError, UsageError
from srgan_gp.models.removal import remove_model
from srgan_gp.serving.finetuning.trained_models import zip_of_model
from srgan_gp.serving.finetuning.training_progress import TrainingOutput, TrainingState
from srgan_gp.serving.finetuning.training_request import (
    MIN_PHOTOS,
    TrainingPlan,
    check_plan,
    copy_photos,
    training_command,
)
from srgan_gp.serving.jobs.service import Service
from srgan_gp.serving.public_messages import errors_for_clients, for_clients

__all__ = ["MIN_PHOTOS", "TrainingPlan", "TrainingRun", "TrainingState", "VisitorTrainings"]

_STOP_SECONDS = 20.0
"""Time that a process has to save a checkpoint before it is killed. A shorter time may lose the
steps since the last checkpoint; the shutdown of the server may take as long as this time."""
_RETRY_SECONDS = 600
"""Advice to a client when to try again, while another run is in progress. A run takes much longer
than other jobs: earlier attempts would mostly fail, later ones leave the server idle."""


class TrainingRun:
    """One training run, in the directory of a visitor; the process starts at once.

    Args:
        service: provides the directory, and protects it from removal during the run.
        client: key of the visitor that the run belongs to.
        plan: request of the visitor.

    Raises:
        UsageError: a value of the plan is invalid, or a photo has expired.
        SrganGpError: the disk is full, or the process cannot be started.
    """

    def __init__(self, service: Service, client: str, plan: TrainingPlan) -> None:
        check_plan(plan, service.settings)
        self.name = plan.name
        self._service, self._client = service, client
        self._folder = service.folder(client) / secrets.token_hex(16)
        self._run_folder = self._folder / "run"
        self._output = TrainingOutput()
        service.hold(self._folder)  # protects it from removal, until `release`
        try:
            photos = copy_photos(plan, self._folder / "photos")
            command = training_command(plan, photos, self._run_folder, service.settings)
            self._process = _start_process(command)
        except Exception as error:
            shutil.rmtree(self._folder, ignore_errors=True)
            service.release(self._folder)
            # Any error becomes a `SrganGpError` whose message visitors may read.
            raise for_clients(error) from error
        self._reader = threading.Thread(target=self._read_output, daemon=True)
        self._reader.start()

    @property
    def is_running(self) -> bool:
        """Whether the process is running, or its output is not read to the end."""
        return self._reader.is_alive()

    def state(self) -> TrainingState:
        """Return the current progress; it reads files of the run."""
        exit_code = None if self.is_running else self._process.returncode
        return self._output.state(self._run_folder, exit_code)

    def zip_of_model(self) -> Path:
        """Write a zip of the files of the new model into the directory of the visitor.

        Raises:
            UsageError: the model was not installed, or was removed.
            OutputError: the zip cannot be written.
        """
        return zip_of_model(self.name, self._service.folder(self._client) / secrets.token_hex(16))

    def stop(self) -> None:
        """Terminate the process, which saves a checkpoint; kill it if that takes too long."""
        if not self.is_running:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._reader.join()

    def _read_output(self) -> None:
        """Collect the output, without paths of the server, until the process ends."""
        stdout, stdin = self._process.stdout, self._process.stdin
        assert stdout is not None and stdin is not None  # both are pipes
        with stdout, stdin:
            for line in stdout:
                if line.strip():
                    # `for_clients` removes paths and options from the message of a UsageError.
                    public_line = str(for_clients(UsageError(line.rstrip())))
                    self._output.add(public_line)
        self._process.wait()
        self._service.release(self._folder)


class VisitorTrainings:
    """Fine-tuning runs of a server: one at a time, and none after shutdown.

    A client is the key of a visitor, from `http.job_routes.owner_of`. The last run of each client
    is kept.

    Args:
        service: service of the server.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._guard = threading.Lock()
        self._last_runs: dict[str, TrainingRun] = {}  # by client
        service.at_end(self.close)

    def start(self, client: str, plan: TrainingPlan) -> TrainingRun:
        """Start a run, and return it.

        Raises:
            BusyError: another run is in progress, the disk is full or the server is shutting down.
            UsageError: a value of the plan is invalid, or a photo has expired.
            SrganGpError: the process cannot be started.
        """
        with self._guard:
            self._service.require_open()
            if any(run.is_running for run in self._last_runs.values()):
                raise BusyError("Another training run is in progress. Try again later.",
                                retry_seconds=_RETRY_SECONDS)  # fmt: skip
            run = TrainingRun(self._service, client, plan)
            # `TrainingRun` refuses the name of an installed model. So if an earlier run has this
            # name, its model was removed or never installed. Forget that run: its client could
            # otherwise remove the new model.
            for other_client, other_run in list(self._last_runs.items()):
                if other_run.name == run.name:
                    del self._last_runs[other_client]
            self._last_runs[client] = run
        return run

    def last_run_of(self, client: str) -> TrainingRun | None:
        """Return the last run of a client; None: the client has none.

        It does not wait for the lock, which another client may hold for seconds.
        """
        return self._last_runs.get(client)

    def remove_model(self, client: str) -> str:
        """Remove the model of the last run of a client, and return its name.

        Raises:
            UsageError: the client has no model, it is still in training, or it was removed already.
            OutputError: a file cannot be removed.
        """
        with self._guard:
            run = self._last_runs.get(client)
            if run is None or run.is_running:
                raise UsageError("You have no finished model.")
            try:
                with errors_for_clients():
                    remove_model(run.name)
            except ModelRefusedError:  # from `remove_model`: there is no such model
                raise UsageError(f"The model {run.name} was removed already.") from None
            del self._last_runs[client]
        return run.name

    def close(self) -> None:
        """Stop the run in progress; the service, which is closing, accepts no other."""
        with self._guard:
            for run in self._last_runs.values():
                run.stop()


def _start_process(command: list[str]) -> subprocess.Popen[str]:
    """Start a process with pipes for its input and for its output and errors together.

    The command has the option `--end-with-input`, so that the process ends when its input is
    closed, also if the server is killed.
    """
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
    )
