"""Load a model and open the engine that suits the devices."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from srgan_gp.batch.engine import Engine, Settings
from srgan_gp.batch.worker import About, load_upscalers


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
) -> Generator[Opened, None, None]:
    """Open an engine for a run, or for several one after the other.

    Args:
        devices: for one, this process does the work; for several, a process each.
        settings: of every run.
        model: as for `Upscaler.load`; None is its default.
        threads: of the CPU, for each device.
        fidelity: as for `Upscaler.load`.

    Raises:
        SrganGpError: as for `Upscaler.load`.
    """
    load = partial(load_upscalers, model=model, threads=threads, fidelity=fidelity)
    if len(devices) == 1:
        from srgan_gp.batch.pipeline import Pipeline

        upscalers = load(devices[0])
        about = About.of(upscalers[0])
        opened = Opened(Pipeline(upscalers, settings), about, [about.choice])
    else:
        from srgan_gp.batch.processes import Processes

        processes = Processes(load, devices, settings)
        opened = Opened(processes, processes.about, processes.choices)
    try:
        yield opened
    finally:
        opened.engine.close()
