"""Time of a batch run (a folder of images) relative to the network alone and to a plain loop.

A batch run decodes and encodes images in other threads while the network runs.
"""

import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.cheap_network import open_cheap
from benchmarks.timing import in_turns_on_both_clocks, median
from srgan_gp.batch.engines.engine_interface import UpscaleSettings
from srgan_gp.batch.engines.thread_engine import ThreadEngine
from srgan_gp.batch.inputs.walk import walk
from srgan_gp.batch.naming.output_options import Output
from srgan_gp.batch.naming.plan import make_plan
from srgan_gp.batch.plan_runner import Outcome, PlanRunner
from srgan_gp.batch.results.journal import Journal
from srgan_gp.images import read_image, write_image
from srgan_gp.inference.pixel_values import to_planes
from srgan_gp.inference.session import Session
from srgan_gp.inference.upscaler import Upscaler

SMALLEST, LARGEST = 256, 512  # pixels: sides of the images
QUALITY = 95  # of JPEG files
CHEAPER = 10  # time of the model over that of the cheap network
EXAMPLES = Path(__file__).resolve().parents[2] / "apps" / "examples"


def benchmark_batch(model: str, images: int, threads: int, repeats: int) -> dict[str, Any]:
    """Time a folder of JPEGs, with a model and with a network of a tenth of its time.

    Args:
        model: name of a model or path of an .onnx file.
        images: number of images of 256 to 512 pixels a side.
        threads: CPU threads of the network.
        repeats: number of rounds in which each job runs once.

    Returns:
        Median seconds of the network alone, of a loop that reads, upscales and writes one image
        after the other, and of a run with its journal; their ratios; and the same values with a
        prefix for the cheap network. The ratio of CPU times does not depend on other programs; on
        one core it equals the ratio of the images per second.
    """
    session = Session.open(model, device="cpu", threads=threads)
    values: dict[str, Any] = {
        "model": session.info.name,
        "images": f"{images} JPEGs of {SMALLEST} to {LARGEST} pixels",
        "threads": threads,
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_images(folder / "in", images)
        values |= compare_jobs(session, folder, repeats)
        cheap, share = open_cheap(session, 1 / CHEAPER, threads)
        values["cheap_network_over_network"] = share
        for key, value in compare_jobs(cheap, folder, repeats).items():
            values[f"cheap_{key}"] = value
    return values


def compare_jobs(session: Session, folder: Path, repeats: int) -> dict[str, float]:
    """Time network, loop and run in turns, after a warm-up.

    Args:
        session: the network.
        folder: its subfolder `in` has the images; results are written to the subfolder `out`.
        repeats: number of rounds.

    Returns:
        Median seconds of the three jobs, and ratios of two of them, by name.
    """
    sources = sorted((folder / "in").iterdir())
    planes = [to_planes(read_image(source).pixels) for source in sources]
    upscaler = Upscaler(session)
    session.run(planes[0])  # warm-up

    def network() -> None:
        for plane in planes:
            session.run(plane)

    def loop() -> None:
        out = make_empty(folder / "out")
        for source in sources:
            picture = upscaler.upscale_picture(read_image(source))
            write_image(picture, out / source.name, quality=QUALITY)

    def run() -> None:
        run_folder(upscaler, folder / "in", make_empty(folder / "out"))

    jobs = {"network": network, "loop": loop, "run": run}
    rounds, cpu_rounds = in_turns_on_both_clocks(jobs, repeats)
    values = {f"{name}_seconds": median(rounds, name) for name in jobs}
    values["network_over_run"] = median(rounds, "network", over="run")
    values["loop_over_run"] = median(rounds, "loop", over="run")
    values["network_over_run_cpu_time"] = median(cpu_rounds, "network", over="run")
    return values


def run_folder(upscaler: Upscaler, inputs: Path, out: Path) -> None:
    """Upscale a folder as `srgan-gp upscale` does, with a loaded model.

    Raises:
        SystemExit: an image failed.
    """
    outcomes: list[Outcome] = []
    # Two workers with one network: one decodes or encodes while the other computes.
    workers = [upscaler, upscaler.sharing()]
    engine = ThreadEngine(workers, UpscaleSettings(quality=QUALITY))
    try:
        with (
            Journal.open(out) as journal,
            make_plan(walk([str(inputs)]), Output(out), journal=journal) as plan,
        ):
            PlanRunner(plan, engine, outcomes.append, journal).run()
    finally:
        engine.close()
    failures = [outcome for outcome in outcomes if outcome.status != "done"]
    if failures:
        raise SystemExit(f"{failures[0].source}: {failures[0].message}")


def make_images(folder: Path, count: int) -> None:
    """Write JPEGs of different sizes: the example images, randomly cropped and resized."""
    folder.mkdir()
    generator = np.random.default_rng(0)
    paths = sorted(EXAMPLES.glob("*.*g"))  # .jpg and .png
    examples = [Image.open(path).convert("RGB") for path in paths]
    for number in range(count):
        example = examples[number % len(examples)]
        width, height = (int(side) for side in generator.integers(SMALLEST, LARGEST + 1, 2))
        left, top = (int(generator.integers(0, side // 4)) for side in example.size)
        # The crop: left, top, right and bottom in pixels of the example.
        box = (left, top, example.width - left // 2, example.height - top // 2)
        image = example.resize((width, height), Image.Resampling.LANCZOS, box=box)
        image.save(folder / f"{number:04}.jpg", quality=QUALITY)


def make_empty(folder: Path) -> Path:
    """Create an empty folder, in place of an existing one, and return it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder
