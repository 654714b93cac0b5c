#!/usr/bin/env python3
"""Build the sdist and the wheel, check them, and print what would be uploaded. Uploads nothing.

The wheel is installed in a fresh environment outside the checkout and used there. Needs the extra
`dev`, and a package index for the build and the environment.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import venv
import zipfile
from collections.abc import Iterable, Sequence
from email.message import Message
from email.parser import HeaderParser
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
_UNWANTED = ("__pycache__", ".pyc", ".part", ".DS_Store", ".ci-venv")
"""Parts of paths that a release must not contain."""
# Runs in the new environment: checks that the installed package is used, and draws photo.png.
_TRIAL = """\
import srgan_gp
from pathlib import Path
from PIL import Image
assert not Path(srgan_gp.__file__).is_relative_to({root!r}), srgan_gp.__file__
assert Path(srgan_gp.__file__).with_name("py.typed").is_file()
Image.effect_noise((48, 32), 60).convert("RGB").save("photo.png")
print("package:", Path(srgan_gp.__file__).parent, "version", srgan_gp.__version__)
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Build and check; return 0, or 1 if something is wrong."""
    options = _parser().parse_args(arguments)
    options.output.mkdir(parents=True, exist_ok=True)
    if any(options.output.iterdir()):
        print(f"{options.output} is not empty; name an empty folder.", file=sys.stderr)
        return 1
    _run(sys.executable, "-m", "build", "--outdir", str(options.output), str(ROOT))
    [sdist], [wheel] = options.output.glob("*.tar.gz"), options.output.glob("*.whl")
    problems = [*problems_of_wheel(wheel), *problems_of_sdist(sdist)]
    for problem in problems:
        print(f"problem: {problem}", file=sys.stderr)
    if problems:
        return 1
    _run(sys.executable, "-m", "twine", "check", "--strict", str(sdist), str(wheel))
    try_wheel(wheel, options.requirements)
    print("\nA release would upload these files; nothing was uploaded:")
    for path in (sdist, wheel):
        data = path.read_bytes()
        print(f"{path.name}  {len(data) / 1e6:.1f} MB  sha256 {hashlib.sha256(data).hexdigest()}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "-o", "--output", type=Path, default=ROOT / "dist", metavar="DIR", help="empty [dist]"
    )
    parser.add_argument(
        "--requirements", type=Path, metavar="FILE",
        help="install these, and the wheel without its dependencies, such as requirements-cpu.txt",
    )  # fmt: skip
    return parser


def problems_of_wheel(path: Path) -> list[str]:
    """Check the names and the metadata of a wheel; return a message for each problem."""
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
        [metadata_name] = [name for name in names if name.endswith(".dist-info/METADATA")]
        metadata = HeaderParser().parsestr(archive.read(metadata_name).decode("utf-8"))
    metadata_folder = metadata_name.partition("/")[0]
    expected = {"srgan_gp/py.typed"}
    expected |= {f"{metadata_folder}/licenses/{name}" for name in _project()["license-files"]}
    expected |= {f"srgan_gp/{name}" for name in _files_below("srgan_gp", "*.py")}
    expected |= {f"srgan_gp/weights/{name}" for name in _files_below("weights", "*")}
    expected |= {f"srgan_gp/apps/{name}" for name in _files_below("apps", "*")}
    folders = (metadata_folder, "srgan_gp")
    # Files that a wheel of this package must not install beside it.
    foreign = sorted(name for name in names if name.partition("/")[0] not in folders)
    return [
        *(f"{path.name} lacks {name}" for name in sorted(expected - names)),
        *(f"{path.name} holds {name}" for name in [*foreign, *_unwanted(names)]),
        *_metadata_problems(metadata, path),
    ]


def problems_of_sdist(path: Path) -> list[str]:
    """Check the names of a source distribution; return a message for each problem."""
    with tarfile.open(path) as archive:
        # Without the folder NAME-VERSION, which contains all files.
        names = {name.partition("/")[2] for name in archive.getnames()}
    expected = {  # examples of the files that have to be there
        "CHANGELOG.md", "LICENSE", "README.md", "constraints.txt", "pyproject.toml", "PKG-INFO",
        "srgan_gp/py.typed", "weights/LICENSE", "weights/photo-x4.onnx", "tests/conftest.py",
        "apps/gradio_app.py", "scripts/build_release.py", "docs/index.md", ".ci/run",
    }  # fmt: skip
    return [
        *(f"{path.name} lacks {name}" for name in sorted(expected - names)),
        *(f"{path.name} holds {name}" for name in _unwanted(names)),
    ]


def try_wheel(wheel: Path, requirements: Path | None) -> None:
    """Install a wheel in a new environment outside the checkout, and use it there.

    Args:
        wheel: the wheel.
        requirements: install these, and the wheel without its dependencies; None: the wheel with
            its dependencies.

    Raises:
        CalledProcessError: a command failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        venv.create(Path(folder, "venv"), with_pip=True)
        bin_folder = Path(folder, "venv", "Scripts" if os.name == "nt" else "bin")
        python, program = str(bin_folder / "python"), str(bin_folder / "srgan-gp")
        install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        if requirements is not None:
            _run(*install, "-r", str(requirements.resolve()))
            install += ["--no-deps"]
        _run(*install, str(wheel.resolve()))
        # Variables such as PYTHONPATH could make the checkout visible.
        clean = {name: text for name, text in os.environ.items() if not name.startswith("PYTHON")}
        commands = (
            [python, "-c", _TRIAL.format(root=str(ROOT))],
            [program, "--version"],
            [program, "models", "verify"],
            [program, "upscale", "photo.png", "-o", "large.png"],
            [program, "generate", "--seed", "7", "-o", "face.png"],
        )
        for command in commands:
            _run(*command, folder=folder, environment=clean)


def _metadata_problems(metadata: Message, path: Path) -> Iterable[str]:
    """Yield a message for each field of the wheel at `path` that differs from pyproject.toml."""
    project = _project()
    expected = {
        "Name": project["name"],
        "Version": project["version"],
        "License-Expression": project["license"],
        "Requires-Python": project["requires-python"],
    }
    for name, text in expected.items():
        if metadata[name] != text:
            yield f"{path.name} has {name} {metadata[name]}, not {text}"


def _project() -> dict[str, Any]:
    """Return the table `project` of pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def _files_below(folder: str, pattern: str) -> Iterable[str]:
    """Yield the files below a folder of the checkout, relative to it, without unwanted ones."""
    for path in (ROOT / folder).rglob(pattern):
        name = path.relative_to(ROOT / folder).as_posix()
        if path.is_file() and not _unwanted([name]):
            yield name


def _unwanted(names: Iterable[str]) -> list[str]:
    """Return the names that contain a part of `_UNWANTED`, sorted."""
    return sorted(name for name in names if any(part in name for part in _UNWANTED))


def _run(
    *command: str, folder: str | None = None, environment: dict[str, str] | None = None
) -> None:
    """Print a command and run it.

    Raises:
        CalledProcessError: the command failed.
    """
    print("$", Path(command[0]).name, *command[1:], flush=True)
    subprocess.run(command, cwd=folder, env=environment, check=True)


if __name__ == "__main__":
    sys.exit(main())
