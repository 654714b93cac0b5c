"""Connection to a Ray cluster, or to a local Ray for one run; and how many workers fit into it."""

import os
import shutil
import signal
import socket
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any

from srgan_gp.errors import DeviceError, MissingExtraError, UsageError
from srgan_gp.system.signals import ENDING

MAX_DEFAULT_CORES = 4
"""Largest default number of CPU cores of a worker; more make a network only a little faster."""
SECONDS_TO_ANSWER = 10.0
"""Timeout of the connection to an address; Ray itself would try for minutes."""
_OBJECT_STORE_BYTES = 80 << 20
"""Shared memory of Ray for messages. They hold only file names; Ray requires at least 75 MB."""


@dataclass(frozen=True)
class Workers:
    """Number of workers that fit into a cluster, and the resources of each."""

    count: int
    """Number of workers."""
    cores: int
    """CPU cores of each worker."""
    gpus: int
    """GPUs of each worker: 0 or 1."""


@contextmanager
def connected(address: str | None) -> Generator[Any, None, None]:
    """Connect to Ray, and disconnect at the end of the `with` block.

    If this process is connected already, that connection is used, and is not closed.

    Args:
        address: address of a cluster, HOST:PORT; None starts Ray on this machine.

    Yields:
        The module `ray`.

    Raises:
        MissingExtraError: Ray is not installed.
        UsageError: `address` is not HOST:PORT.
        DeviceError: no cluster answers, or Ray cannot start.
    """
    ray: Any = _import_ray()
    if address is not None:
        _check_address(address)
    if ray.is_initialized():
        yield ray
        return
    handlers_before = {number: signal.getsignal(number) for number in ENDING}
    folder = tempfile.mkdtemp(prefix="srgan-gp-ray-")  # stays empty if Ray runs elsewhere
    options: dict[str, Any] = {"address": address}
    if address is None:
        options = {"address": "local", "include_dashboard": False, "_temp_dir": folder}
        options["object_store_memory"] = _OBJECT_STORE_BYTES
    try:
        try:
            ray.init(log_to_driver=False, logging_level="critical", **options)
        except Exception as error:
            raise DeviceError(_connection_message(address, error)) from error
        except SystemExit:  # Ray raises SystemExit at a SIGTERM, with an exit code of its own.
            raise SystemExit(128 + signal.SIGTERM) from None
        finally:
            _restore_handlers(handlers_before)
        yield ray
    finally:
        ray.shutdown()
        shutil.rmtree(folder, ignore_errors=True)


def room_for_workers(nodes: list[dict[str, Any]], device: str, cores: int | None) -> Workers:
    """Compute how many workers fit: each gets a GPU, if there are any, and `cores` CPU cores.

    Args:
        nodes: the result of `ray.nodes()`.
        device: `auto`, `cpu` or `cuda`, without an index: Ray assigns the GPUs.
        cores: CPU cores for each worker; None: 1 if there are GPUs; otherwise 4, or as many as the
            smallest machine has.

    Raises:
        DeviceError: a GPU was requested and there is none, or no machine has room for a worker.
    """
    # Numbers of `CPU` and `GPU` of each machine; a missing key means none.
    machines = [node["Resources"] for node in nodes if node["Alive"]]
    gpus_of_machines = [int(machine.get("GPU", 0)) for machine in machines]
    cores_of_machines = [int(machine.get("CPU", 0)) for machine in machines]
    has_gpus = any(gpus_of_machines)
    if device == "cuda" and not has_gpus:
        raise DeviceError("The Ray cluster has no GPU; pass --device cpu or auto.")
    uses_gpus = has_gpus and device != "cpu"
    # `filter` drops the machines without CPU cores.
    default_cores = min([MAX_DEFAULT_CORES, *filter(None, cores_of_machines)])
    cores_of_worker = cores or (1 if uses_gpus else default_cores)
    counts = [available // cores_of_worker for available in cores_of_machines]
    if uses_gpus:  # each worker has one of them
        counts = [min(pair) for pair in zip(counts, gpus_of_machines, strict=True)]
    if not any(counts):
        raise DeviceError(
            f"No machine of the Ray cluster has {cores_of_worker} CPU cores"
            f"{' and a GPU' if uses_gpus else ''} for a worker; pass a smaller --threads."
        )
    return Workers(sum(counts), cores_of_worker, gpus=1 if uses_gpus else 0)


def _import_ray() -> ModuleType:
    """Import and return the module `ray`, or raise a MissingExtraError."""
    # Ray drops the lines that match this pattern: "." matches all lines. `log_to_driver=False` only
    # drops the output of the workers: Ray would still print its own messages, such as that a worker
    # crashed, on stdout, where this program prints results.
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".")
    try:
        return import_module("ray")
    except ImportError as error:
        raise MissingExtraError(
            "--engine ray needs the package ray, which is not installed: "
            'pip install "srgan-gp[ray]" (in a clone: pip install ".[ray]").'
        ) from error


def _check_address(address: str) -> None:
    """Raise an error if an address is not HOST:PORT or nothing answers there."""
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not port.isdecimal() or int(port) > 65535:
        raise UsageError(f"--address takes HOST:PORT, as `ray start` prints it, not {address}.")
    try:
        # An IPv6 address is in brackets.
        socket.create_connection((host.strip("[]"), int(port)), SECONDS_TO_ANSWER).close()
    except OSError as error:
        raise DeviceError(_connection_message(address, error)) from error


def _restore_handlers(handlers: dict[int, Any]) -> None:
    """Restore the signal handlers that Ray has replaced.

    Ray replaces them only in the main thread, and only there can they be restored.
    """
    for number, handler in handlers.items():
        if signal.getsignal(number) is not handler:
            signal.signal(number, handler)


def _connection_message(address: str | None, error: Exception) -> str:
    """Return the message of a failed connection, with the first line of the error."""
    reason = str(error).strip().split("\n")[0] or type(error).__name__
    if address is None:
        return f"Ray cannot start on this machine: {reason}"
    return (
        f"No Ray cluster can be used at {address} ({reason}); check --address, set "
        "RAY_AUTH_MODE=token where the cluster has a token, or remove --address to start Ray here."
    )
