"""`srgan-gp doctor`: reports on packages, devices, models and a trial run, for bug reports.

`diagnosis.diagnose` collects the facts; this module prints them.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from srgan_gp.commands.terminal import print_message, print_result, printable
from srgan_gp.errors import PictureError

MODEL_TASKS = ("super-resolution",)  # `--help` lists the models of these tasks
# Command line and purpose of each example in `--help`.
EXAMPLES = (
    ("srgan-gp doctor", "Print what a bug report needs, and problems of the installation."),
    ("srgan-gp doctor --json", "Print the same as JSON."),
    ("srgan-gp doctor --device cuda", "Say why the first GPU cannot be used."),
)

# Help texts of the options; the default is in brackets.
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
    """Print the report; the user's home folder is printed as ~.

    Returns:
        0, or 3 if the installation has a problem.
    """
    from srgan_gp.diagnosis.diagnose import diagnose

    print_message("This takes some seconds; a small image is upscaled twice.")
    facts = diagnose(options.model, options.device)
    if options.json:
        print_result(_without_home(json.dumps(facts, indent=2)))
    else:
        for line in _report_lines(facts):
            print_result(printable(_without_home(line)))
    # 3, as for a run with failed images.
    return PictureError.exit_code if facts["problems"] else 0


def _without_home(text: str) -> str:
    """Replace the path of the home folder by ~: bug reports are public."""
    try:
        home = str(Path.home())
    except RuntimeError:  # the user has none, as in some containers
        return text
    return text if home in ("/", "") else text.replace(home, "~")


def _report_lines(facts: dict[str, Any]) -> Iterator[str]:
    """Format the report that `diagnosis.diagnose.diagnose` returns, which documents its keys."""
    yield f"srgan-gp {facts['version']}, Python {facts['python']}, {facts['system']}"
    yield f"packages: {_version_list(facts['packages'])}"
    for extra, missing in facts["missing_of_extras"].items():
        state = f"optional, without {', '.join(missing)}" if missing else "complete"
        yield f"extra {extra}: {state}"
    runtime = facts["onnxruntime"]
    yield f"ONNX Runtime installed: {_version_list(facts['onnxruntime_builds']) or 'no build'}"
    providers = ", ".join(runtime["providers"] or ["none"])
    yield (
        f"ONNX Runtime imported: {runtime['build']} {runtime['version']}, "
        f"CUDA {runtime['cuda'] or 'none'}, providers {providers}"
    )
    yield from _device_lines(facts)
    yield from _trial_lines(facts["trial"])
    for model in facts["models"]:
        state = "damaged or unusable" if model["problem"] else "as on its card"
        digest = str(model["sha256"])[:12]  # "None" for a model that could not be read
        yield f"model {model['name']}, version {model['version']}: SHA-256 {digest}, {state}"
    for network in facts["helper_networks"]:
        file = "none"
        if network["path"]:
            file = f"{network['path']}, SHA-256 {network['sha256'][:12]}"
        yield f"helper network {network['name']} ({network['purpose']}): {file}"
    for problem in facts["problems"]:
        yield f"problem: {problem}"
    if not facts["problems"]:
        yield "no problem found"


def _device_lines(facts: dict[str, Any]) -> Iterator[str]:
    """Format the part of the report about CPU, GPUs and CUDA libraries."""
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
        libraries = runtime["cuda_problem"] or "load"
        if runtime["cuda_problem"] and not driver["gpus"]:
            libraries += " (only needed for an NVIDIA GPU)"
        yield f"CUDA libraries: {libraries}"
        yield f"CUDA packages: {_version_list(facts['cuda_packages']) or 'none'}"


def _trial_lines(trial: dict[str, Any]) -> Iterator[str]:
    """Format the result of `diagnosis.trial_run.run_trial`."""
    from srgan_gp.batch.results.time_forecast import duration_text

    if "problem" in trial:
        return  # `_report_lines` lists the problem with all others
    yield f"trial run: {trial['choice']}"
    yield (
        f"trial run: {trial['precision']}, {trial['seconds']:.3f} s, "
        f"{trial['megapixels_per_second']:.3f} megapixels of input a second"
    )
    speed = trial["megapixels_per_second"]
    if speed:  # 0 for a speed below the digits it is rounded to
        yield f"trial run: a photo of 12 megapixels takes {duration_text(12 / speed)}"


def _version_list(versions: dict[str, str | None]) -> str:
    """Format versions by package, such as `numpy 2.1.0, torch missing`; "" if there are none."""
    return ", ".join(f"{name} {version or 'missing'}" for name, version in versions.items())


def _gigabytes(count: int | None) -> str:
    """Format a number of bytes in gigabytes; None is `unknown`."""
    return "unknown" if count is None else f"{count / 1e9:.1f} GB"
