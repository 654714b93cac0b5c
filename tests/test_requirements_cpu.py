"""`requirements-cpu.txt`: the base dependencies, with two packages replaced by smaller ones."""

import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
REPLACED = {"onnxruntime-gpu": "onnxruntime", "opencv-python": "opencv-python-headless"}


def test_the_small_install_has_the_base_dependencies():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    base = map(Requirement, project["dependencies"])
    expected = {REPLACED.get(r.name, r.name): str(r.specifier) for r in base}
    lines = (ROOT / "requirements-cpu.txt").read_text().splitlines()
    listed = [Requirement(line) for line in lines if line and not line.startswith("#")]
    assert {r.name: str(r.specifier) for r in listed} == expected
    assert not any(r.marker for r in listed)
