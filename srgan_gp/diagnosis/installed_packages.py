"""Installed packages: versions, missing packages of the extras, builds of ONNX Runtime."""

import re
from importlib.metadata import PackageNotFoundError, distributions, requires, version

PACKAGES = ("numpy", "onnx", "opencv-python", "pillow", "safetensors", "torch", "gradio", "ray")
"""Packages whose version is reported; None where one is not installed."""
EXTRAS = ("train", "app", "ray")
"""Extras whose packages are checked. The libraries of `gpu` are checked by loading them."""
CUDA_PACKAGE = re.compile(
    r"nvidia-(cudnn|cublas|cuda-runtime|cufft|curand)(-cu\d+)?", re.IGNORECASE
)


def find_version(package: str) -> str | None:
    """Return the version of a package; None if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def missing_packages(extra: str) -> list[str]:
    """List the packages of an extra of this package that are not installed."""
    try:
        required = requires("srgan-gp") or []
    except PackageNotFoundError:  # run from a checkout that is not installed
        return []
    needed = [
        re.split(r"[\s\[<>=!~;]", line)[0]
        for line in required
        if re.search(rf"extra == ['\"]{re.escape(extra)}['\"]", line)
    ]
    return [name for name in needed if find_version(name) is None]


def onnxruntime_builds() -> dict[str, str]:
    """Map the name of each installed build of ONNX Runtime to its version.

    All builds install the same folder `onnxruntime`, so that two of them overwrite each other's
    files.
    """
    return dict(sorted(_matching(re.compile(r"onnxruntime(-\w+)?", re.IGNORECASE)).items()))


def cuda_packages() -> dict[str, str]:
    """Map the name of each installed package with CUDA libraries to its version."""
    return dict(sorted(_matching(CUDA_PACKAGE).items()))


def _matching(pattern: re.Pattern[str]) -> dict[str, str]:
    return {
        name: found.version
        for found in distributions()
        if (name := str(found.metadata["Name"])) and pattern.fullmatch(name)
    }
