"""Installed packages: versions, missing packages of the extras, builds of ONNX Runtime.

An extra is a set of optional packages, as in `pip install srgan-gp[train]`. A build of ONNX Runtime
is a package that contains it, such as `onnxruntime` or `onnxruntime-gpu`.
"""

import re
from importlib.metadata import PackageNotFoundError, distributions, requires, version

PACKAGES = ("numpy", "onnx", "opencv-python", "pillow", "safetensors", "torch", "gradio", "ray")
"""Packages whose versions are reported."""
EXTRAS = ("train", "app", "ray")
"""Extras whose packages are checked. A command that lacks a package of another extra prints the pip
command for it. The extra `gpu` is checked by loading its libraries, in
`machine.describe_onnxruntime`."""
CUDA_PACKAGE = re.compile(
    r"nvidia-(cudnn|cublas|cuda-runtime|cufft|curand)(-cu\d+)?", re.IGNORECASE
)
"""Names of packages with the CUDA libraries that ONNX Runtime needs."""


def find_version(package: str) -> str | None:
    """Return the version of a package; None if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def missing_packages(extra: str) -> list[str]:
    """List the packages of an extra of srgan-gp that are not installed."""
    try:
        required = requires("srgan-gp") or []
    except PackageNotFoundError:  # run from a checkout that is not installed
        return []
    missing: list[str] = []
    for requirement in required:  # such as `ray[default]>=2.4; extra == "ray"`
        if re.search(rf"extra == ['\"]{re.escape(extra)}['\"]", requirement):
            name = re.split(r"[\s\[<>=!~;]", requirement)[0]
            if find_version(name) is None:
                missing.append(name)
    return missing


def onnxruntime_builds() -> dict[str, str]:
    """Map the name of each installed build of ONNX Runtime to its version.

    All builds install the same folder `onnxruntime`, so two of them overwrite each other's files.
    """
    return _matching_versions(re.compile(r"onnxruntime(-\w+)?", re.IGNORECASE))


def cuda_packages() -> dict[str, str]:
    """Map the name of each installed package with CUDA libraries to its version."""
    return _matching_versions(CUDA_PACKAGE)


def _matching_versions(pattern: re.Pattern[str]) -> dict[str, str]:
    """Map each installed package whose name matches to its version, sorted by name."""
    versions: dict[str, str] = {}
    for distribution in distributions():
        name = str(distribution.metadata["Name"])
        if pattern.fullmatch(name):
            versions[name] = distribution.version
    return dict(sorted(versions.items()))
