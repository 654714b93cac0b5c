"""Opens an engine: loads the model and chooses threads, processes or Ray.

`srgan-gp upscale` opens an engine for its run.
"""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

from srgan_gp.batch.engines.engine_interface import Engine, UpscaleSettings
from srgan_gp.batch.engines.upscaler_loading import About, load_upscalers
from srgan_gp.inference.face_enhancement.face_options import FaceOptions
from srgan_gp.inference.upscaler import DEFAULT_MODEL, Upscaler
from srgan_gp.models.named_models import model_for_scale
from srgan_gp.system.paths import is_file


@dataclass(frozen=True)
class OpenEngine:
    """An engine that is ready, with facts about its model."""

    engine: Engine
    about: About
    """Facts about the model, such as its name and scale."""
    choices: list[str]
    """Lines for the user about the model and the devices, with the reasons of their choice."""
    upscaler: Upscaler | None = None
    """The model, for use while no job runs; None: other processes have the model."""


@contextmanager
def open_engine(
    devices: Sequence[str],
    settings: UpscaleSettings,
    *,
    model: str | None = None,
    threads: int | None = None,
    fidelity: float | None = None,
    precision: str = "auto",
    faces: FaceOptions | None = None,
    tta: bool = False,
    engine: Literal["local", "ray"] = "local",
    address: str | None = None,
    image_width: int | None = None,
) -> Generator[OpenEngine, None, None]:
    """Open an engine for one run, or for several in sequence; close it after the `with` block.

    Args:
        devices: names of the devices. With one device, this process runs the jobs; with several,
            each device has a worker process. Ray takes exactly one name: `auto`, `cpu` or `cuda`.
        settings: options of all runs.
        model: as for `upscaler.Upscaler.load`. None: the default model or, if the scale of the run
            is up to 2, the model that the card of the default model names for such scales.
        threads: CPU threads for each device; None: as for `upscaler.Upscaler.load`, or for Ray as
            for `RayEngine`.
        fidelity: as for `upscaler.Upscaler.load`: weight of the second model in an average of two.
        precision: as for `upscaler.Upscaler.load`.
        faces: as for `upscaler.Upscaler.load`.
        tta: as for `upscaler.Upscaler.load`.
        engine: `local` for this machine, `ray` for a cluster.
        address: address of a Ray cluster, HOST:PORT; None starts Ray on this machine.
        image_width: width of the only image in pixels, which gives the scale of the run if
            `settings` have a width; None: there are several images, or the width is unknown.

    Raises:
        SrganGpError: as for `upscaler.Upscaler.load`; or Ray is not installed, cannot be reached,
            or starts no worker.
    """
    note: str | None = None  # why the model for small scales runs, or why it does not
    is_default = model is None
    model = model or DEFAULT_MODEL
    scale = settings.scale
    if settings.width and image_width:
        scale = settings.width / image_width
    if is_default and scale is not None:
        # For small scales the card of the default model names another model. `fidelity` is an
        # average with a second model; if the other model has none, the default model is used.
        model, note = model_for_scale(model, scale, fidelity)
    if engine == "ray":  # Workers have other working directories, so paths are made absolute.
        model = _absolute(model)
        if faces is not None:
            detector = None if faces.detector is None else _absolute(str(faces.detector))
            faces = replace(faces, model=_absolute(str(faces.model)), detector=detector)
    load = partial(
        load_upscalers, model=model, fidelity=fidelity, precision=precision, faces=faces, tta=tta
    )
    load_on_this_machine = partial(load, threads=threads)
    if engine == "ray":
        from srgan_gp.batch.engines.ray.ray_engine import RayEngine

        [device] = devices
        cluster = RayEngine(load, settings, address=address, device=device, cores=threads)
        opened = OpenEngine(cluster, cluster.about, cluster.choices)
    elif len(devices) == 1:
        from srgan_gp.batch.engines.thread_engine import ThreadEngine

        upscalers = load_on_this_machine(devices[0])
        about = About.of(upscalers[0])  # all of them share one model
        opened = OpenEngine(ThreadEngine(upscalers, settings), about, [about.choice], upscalers[0])
    else:
        from srgan_gp.batch.engines.process_engine import ProcessEngine

        processes = ProcessEngine(load_on_this_machine, devices, settings)
        opened = OpenEngine(processes, processes.about, processes.choices)
    if note:
        opened.choices.insert(0, note)
    try:
        yield opened
    finally:
        opened.engine.close()


def _absolute(name: str) -> str:
    """Return the absolute path of an existing file; the name of a model is returned unchanged."""
    return str(Path(name).absolute()) if is_file(Path(name)) else name
