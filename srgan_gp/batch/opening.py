"""Load a model and open the engine that suits the devices."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from srgan_gp.batch.engine import Engine, Settings
from srgan_gp.batch.worker import About, load_upscalers
from srgan_gp.paths import is_file


@dataclass(frozen=True)
class Opened:
    """An engine that is ready, and what is known of its model."""

    engine: Engine
    about: About
    choices: list[str]
    """What runs on what, and why, a line for each device."""


@contextmanager
def opened_engine(
    devices: Sequence[str],
    settings: Settings,
    *,
    model: str | None = None,
    threads: int | None = None,
    fidelity: float | None = None,
    engine: Literal["local", "ray"] = "local",
    address: str | None = None,
) -> Generator[Opened, None, None]:
    """Open an engine for a run, or for several one after the other.

    Args:
        devices: for one, this process does the work; for several, a process each. For Ray one,
            without a number.
        settings: of every run.
        model: as for `Upscaler.load`; None is its default.
        threads: of the CPU, for each device.
        fidelity: as for `Upscaler.load`.
        engine: which one.
        address: of a Ray cluster; None starts a Ray on this machine.

    Raises:
        SrganGpError: as for `Upscaler.load`, or Ray is missing or cannot be reached.
    """
    if engine == "ray" and model is not None and is_file(Path(model)):
        model = str(Path(model).absolute())  # Its workers have a folder of their own.
    load = partial(load_upscalers, model=model, fidelity=fidelity)
    load_here = partial(load, threads=threads)
    if engine == "ray":
        from srgan_gp.batch.ray_engine import RayEngine

        [device] = devices
        cluster = RayEngine(load, settings, address=address, device=device, cores=threads)
        opened = Opened(cluster, cluster.about, cluster.choices)
    elif len(devices) == 1:
        from srgan_gp.batch.pipeline import Pipeline

        upscalers = load_here(devices[0])
        about = About.of(upscalers[0])
        opened = Opened(Pipeline(upscalers, settings), about, [about.choice])
    else:
        from srgan_gp.batch.processes import Processes

        processes = Processes(load_here, devices, settings)
        opened = Opened(processes, processes.about, processes.choices)
    try:
        yield opened
    finally:
        opened.engine.close()
