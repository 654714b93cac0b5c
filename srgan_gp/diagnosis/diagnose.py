"""`diagnose`: all facts about an installation, and the problems among them.

A trial run upscales a small image. Helper networks are networks of other projects that some
commands need: a face detector, and a network that compares images. They are optional: a missing one
is not a problem.
"""

import platform
from collections.abc import Iterator
from typing import Any

from srgan_gp.diagnosis.installed_models import describe_helper_networks, describe_models
from srgan_gp.diagnosis.installed_packages import (
    EXTRAS,
    PACKAGES,
    cuda_packages,
    find_version,
    missing_packages,
    onnxruntime_builds,
)
from srgan_gp.diagnosis.machine import describe_cpu, describe_gpus, describe_onnxruntime
from srgan_gp.diagnosis.trial_run import run_trial


def diagnose(model: str | None = None, device: str = "auto") -> dict[str, Any]:
    """Collect the facts that a bug report needs.

    Args:
        model: name or path of the model of the trial run; None: the default one.
        device: device of the trial run, as for `upscaler.Upscaler.load`.

    Returns:
        JSON values by subject. `packages`, `onnxruntime_builds` and `cuda_packages` are versions by
        package; the version of a missing package is None. `missing_of_extras` lists missing
        packages by extra. `problems` lists messages: what is wrong and what to do. Each other value
        is documented by the function below that returns it.
    """
    facts: dict[str, Any] = {
        "version": find_version("srgan-gp"),
        "python": platform.python_version(),
        "system": platform.platform(),
        "packages": {name: find_version(name) for name in PACKAGES},
        "missing_of_extras": {extra: missing_packages(extra) for extra in EXTRAS},
        "onnxruntime_builds": onnxruntime_builds(),
        "cuda_packages": cuda_packages(),
        "cpu": describe_cpu(),
        # Before `describe_onnxruntime`, which loads CUDA libraries itself: the trial is to load
        # them as any other run does.
        "trial": run_trial(model, device),
        "onnxruntime": describe_onnxruntime(),
        "driver": describe_gpus(),
        "models": describe_models(),
        "helper_networks": describe_helper_networks(),
    }
    return facts | {"problems": list(_problems(facts))}


def _problems(facts: dict[str, Any]) -> Iterator[str]:
    """Yield a message for each problem among the facts: what is wrong, and what to do."""
    builds = facts["onnxruntime_builds"]
    if len(builds) > 1:
        names = " ".join(builds)
        yield (
            f"{len(builds)} builds of ONNX Runtime are installed ({', '.join(builds)}) and have "
            f"overwritten each other's files. Run: pip uninstall -y {names}; then install "
            "srgan-gp again."
        )
    runtime, driver = facts["onnxruntime"], facts["driver"]
    if runtime["import_problem"]:
        yield f"ONNX Runtime cannot be imported: {runtime['import_problem']}"
    elif driver["gpus"]:  # what ONNX Runtime needs is known only if it can be imported
        yield from _gpu_problems(runtime, driver["driver_cuda"])
    if trial_problem := facts["trial"].get("problem"):  # missing after a successful run
        yield f"The trial run failed: {trial_problem}"
    for model in facts["models"]:
        if model["problem"]:
            yield model["problem"]


def _gpu_problems(runtime: dict[str, Any], driver_cuda: str | None) -> Iterator[str]:
    """Yield why ONNX Runtime cannot use a GPU that the driver reports.

    Args:
        runtime: result of `describe_onnxruntime`; its `cuda` is the CUDA version that the build is
            for, or None.
        driver_cuda: newest CUDA version that the driver supports, such as `12.4`; None: unknown.
    """
    needed = runtime["cuda"]
    if needed is None:
        yield (
            "The driver reports a GPU, but this build of ONNX Runtime has no CUDA. Run: pip "
            "uninstall -y onnxruntime; then install srgan-gp again."
        )
    elif driver_cuda and _major(driver_cuda) < _major(needed):
        yield (
            f"The driver supports CUDA {driver_cuda}, and ONNX Runtime needs {needed}. Install a "
            "newer NVIDIA driver."
        )
    if runtime["cuda_problem"]:
        yield (
            f"The CUDA part of ONNX Runtime does not load: {runtime['cuda_problem']}. Run: pip "
            "install 'srgan-gp[gpu]'."
        )


def _major(version: str) -> int:
    """Return the first number of a version."""
    return int(version.partition(".")[0])
