"""`srgan-gp doctor`: reports on packages, devices, models and a trial run, for bug reports."""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from srgan_gp.commands.terminal import print_message, print_result, printable
from srgan_gp.errors import PictureError

MODEL_TASKS = ("super-resolution",)  # `verb_parser` lists their models
EXAMPLES = (
    ("srgan-gp doctor", "Print what a bug report needs, and problems of the installation."),
    ("srgan-gp doctor --json", "Print the same as JSON."),
    ("srgan-gp doctor --device cuda", "Say why the first GPU cannot be used."),
)

_MODEL = "model of the trial run [photo-x4]"
_DEVICE = "device of the trial run [auto]"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of this verb."""
    add = parser.add_argument_group("Trial run").add_argument
    add("-n", "--model", metavar="NAME", help=_MODEL)
    add("--device", default="auto", metavar="auto|cpu|cuda[:N]|tensorrt[:N]", help=_DEVICE)
    add = parser.add_argument_group("Automation").add_argument
    add("--json", action="store_true", help="print one JSON object on stdout")


def run(options: argparse.Namespace) -> int:
    """Print the report; the user's home folder is written as ~.

    Returns:
        0, or 3 where the installation has a problem.
    """
    from srgan_gp.diagnosis.diagnose import diagnose

    print_message("This takes some seconds; a small image is upscaled twice.")
    facts = diagnose(options.model, options.device)
    if options.json:
        print_result(_without_home(json.dumps(facts, indent=2)))
    else:
        for line in _lines(facts):
            print_result(printable(_without_home(line)))
    return PictureError.exit_code if facts["problems"] else 0


def _without_home(text: str) -> str:
    try:
        home = str(Path.home())
    except RuntimeError:  # the user has none, as in some containers
        return text
    return text if home in ("/", "") else text.replace(home, "~")


def _lines(facts: dict[str, Any]) -> Iterator[str]:
    """Format the report that `diagnosis.diagnose.diagnose` returns."""
    yield f"srgan-gp {facts['version']}, Python {facts['python']}, {facts['system']}"
    yield "packages: " + _pairs(facts["packages"])
    for extra, missing in facts["missing_of_extras"].items():
        yield f"extra {extra}: " + (
            f"optional, without {', '.join(missing)}" if missing else "complete"
        )
    runtime = facts["onnxruntime"]
    yield "ONNX Runtime installed: " + (_pairs(facts["onnxruntime_builds"]) or "no build")
    yield (
        f"ONNX Runtime imported: {runtime['build']} {runtime['version']}, "
        f"CUDA {runtime['cuda'] or 'none'}, providers {', '.join(runtime['providers'] or ['none'])}"
    )
    yield from _device_lines(facts)
    yield from _trial_lines(facts["trial"])
    for model in facts["models"]:
        state = "damaged or unusable" if model["problem"] else "as on its card"
        digest = str(model["sha256"])[:12]
        yield f"model {model['name']}, version {model['version']}: SHA-256 {digest}, {state}"
    for network in facts["helper_networks"]:
        where = (
            f"{network['path']}, SHA-256 {network['sha256'][:12]}" if network["path"] else "none"
        )
        yield f"helper network {network['name']} ({network['purpose']}): {where}"
    yield from (f"problem: {problem}" for problem in facts["problems"])
    if not facts["problems"]:
        yield "no problem found"


def _device_lines(facts: dict[str, Any]) -> Iterator[str]:
    cpu, driver, runtime = facts["cpu"], facts["driver"], facts["onnxruntime"]
    yield (
        f"CPU: {cpu['name']}, {cpu['usable_cores']} of {cpu['cores']} cores usable, "
        f"memory {_gigabytes(cpu['free_memory_bytes'])} free of {_gigabytes(cpu['memory_bytes'])}"
    )
    yield f"instruction sets: {' '.join(cpu['instruction_sets']) or 'unknown'}"
    version = f"CUDA {driver['driver_cuda']}" if driver["driver_cuda"] else "no CUDA version"
    yield f"NVIDIA driver: {driver['problem'] or version}"
    for index, gpu in enumerate(driver["gpus"]):
        if gpu is None:
            yield f"GPU {index}: the driver does not tell its name"
        else:
            yield (
                f"GPU {index}: {gpu['name']}, compute capability {gpu['compute_capability']}, "
                f"memory {_gigabytes(gpu['free_memory'])} free of {_gigabytes(gpu['total_memory'])}"
            )
    if runtime["cuda"]:
        hint = "" if driver["gpus"] else " (only needed for an NVIDIA GPU)"
        problem = runtime["cuda_problem"]
        yield f"CUDA libraries: {f'{problem}{hint}' if problem else 'load'}"
        yield "CUDA packages: " + (_pairs(facts["cuda_packages"]) or "none")


def _trial_lines(trial: dict[str, Any]) -> Iterator[str]:
    from srgan_gp.batch.results.time_forecast import duration_text

    if "problem" in trial:
        return  # it is listed with the other problems
    yield f"trial run: {trial['choice']}"
    yield (
        f"trial run: {trial['precision']}, {trial['seconds']:.3f} s, "
        f"{trial['megapixels_per_second']:.3f} megapixels of input a second"
    )
    if speed := trial["megapixels_per_second"]:
        yield f"trial run: a photo of 12 megapixels takes {duration_text(12 / speed)}"


def _pairs(versions: dict[str, str | None]) -> str:
    return ", ".join(f"{name} {version or 'missing'}" for name, version in versions.items())


def _gigabytes(count: int | None) -> str:
    return "unknown" if count is None else f"{count / 1e9:.1f} GB"
