"""Start-up time of a command: the time for Python, imports and files, besides the network."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.timing import in_turns, median, python


def benchmark_startup(model: str, image: Path, threads: int, repeats: int) -> dict[str, Any]:
    """Time new processes, from an empty one to one that upscales an image, and the network alone.

    Args:
        model: name of a model or path of an .onnx file.
        image: an 8-bit JPEG.
        threads: CPU threads.
        repeats: number of runs of each.

    Returns:
        Medians in seconds: of processes (`bare_python`, `import_srgan_gp`, `help`, `first_image`);
        and in this process, where everything is loaded, of the network alone (`network`) and of
        reading, upscaling and writing (`end_to_end`). Also two differences and a ratio of these
        medians, whose names say which.
    """
    from srgan_gp.images import read_image, write_image
    from srgan_gp.inference.pixel_values import to_planes
    from srgan_gp.inference.session import Session
    from srgan_gp.inference.upscaler import Upscaler

    session = Session.open(model, device="cpu", threads=threads)
    upscaler = Upscaler(session)
    planes = to_planes(read_image(image).pixels)
    session.run(planes)  # warm up
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / f"result{image.suffix}"

        def end_to_end() -> None:
            write_image(upscaler.upscale_picture(read_image(image)), result)

        command = ["-m", "srgan_gp", "upscale", str(image), "-o", str(result), "-n", model]
        command += ["--device", "cpu", "--threads", str(threads), "--exist", "overwrite"]
        jobs: dict[str, Callable[[], object]] = {
            "bare_python": python("-c", "pass"),
            "import_srgan_gp": python("-c", "import srgan_gp"),
            "help": python("-m", "srgan_gp", "--help"),
            "first_image": python(*command),
            "network": lambda: session.run(planes),
            "end_to_end": end_to_end,
        }
        rounds = in_turns(jobs, repeats)
    values: dict[str, Any] = {"model": session.info.name, "image": image.name}
    values["size"] = f"{planes.shape[3]} x {planes.shape[2]}"
    for name in jobs:
        values[f"{name}_seconds"] = median(rounds, name)
    values["help_above_bare_python_seconds"] = (
        values["help_seconds"] - values["bare_python_seconds"]
    )
    values["first_image_above_network_seconds"] = (
        values["first_image_seconds"] - values["network_seconds"]
    )
    values["end_to_end_over_network"] = values["end_to_end_seconds"] / values["network_seconds"]
    return values
