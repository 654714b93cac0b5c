"""Checks of the release script: what a wheel and an sdist must and must not hold."""

import importlib.util
import io
import re
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
ABOUT = f"srgan_gp-{PROJECT['version']}.dist-info"


@pytest.fixture(scope="module")
def script():
    path = ROOT / "scripts" / "build_release.py"
    spec = importlib.util.spec_from_file_location("build_release", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def wheel(tmp_path):
    """Write a wheel with the names of a complete one, without some and with others."""

    def write(without=(), and_also=(), **changes):
        about = {
            "Name": "srgan-gp",
            "Version": PROJECT["version"],
            "License-Expression": "Apache-2.0 AND CC-BY-NC-SA-4.0",
            "Requires-Python": PROJECT["requires-python"],
        }
        lines = [f"{name}: {text}" for name, text in (about | changes).items()]
        names = {f"{ABOUT}/licenses/LICENSE", f"{ABOUT}/licenses/weights/LICENSE", *and_also}
        for folder, prefix in (("srgan_gp", ""), ("apps", "srgan_gp/"), ("weights", "srgan_gp/")):
            for path in (ROOT / folder).rglob("*"):
                if path.is_file() and "__pycache__" not in path.parts:
                    names.add(f"{prefix}{path.relative_to(ROOT).as_posix()}")
        path = tmp_path / f"srgan_gp-{PROJECT['version']}-py3-none-any.whl"
        with zipfile.ZipFile(path, "w") as archive:
            for name in sorted(names - set(without)):
                archive.writestr(name, "")
            archive.writestr(f"{ABOUT}/METADATA", "\n".join(["Metadata-Version: 2.4", *lines, ""]))
        return path

    return write


def test_a_complete_wheel_has_no_problem(script, wheel):
    assert script.problems_of_wheel(wheel()) == []


@pytest.mark.parametrize(
    "name",
    [
        "srgan_gp/py.typed",
        "srgan_gp/apps/gradio_app.py",
        "srgan_gp/weights/faces-64.onnx",
        "srgan_gp/weights/LICENSE",
        f"{ABOUT}/licenses/weights/LICENSE",
        "srgan_gp/serving/jobs/service.py",
    ],
)
def test_a_missing_file_is_a_problem(script, wheel, name):
    [problem] = script.problems_of_wheel(wheel(without=[name]))
    assert problem.endswith(f"lacks {name}")


@pytest.mark.parametrize("name", ["tests/test_cli.py", "srgan_gp/__pycache__/cli.pyc", "notes.txt"])
def test_a_file_that_does_not_belong_there_is_a_problem(script, wheel, name):
    assert any(
        problem.endswith(f"holds {name}")
        for problem in script.problems_of_wheel(wheel(and_also=[name]))
    )


def test_another_version_or_licence_is_a_problem(script, wheel):
    path = wheel(**{"Version": "9.9", "License-Expression": "Apache-2.0"})
    problems = script.problems_of_wheel(path)
    assert [re.search(r"has (\S+) ", problem)[1] for problem in problems] == [
        "Version", "License-Expression",
    ]  # fmt: skip


def test_an_sdist_has_what_a_build_and_the_tests_need(script, tmp_path):
    path = tmp_path / "srgan_gp-0.1.0.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name in ("README.md", "tests/__pycache__/a.pyc"):
            archive.addfile(tarfile.TarInfo(f"srgan_gp-0.1.0/{name}"), io.BytesIO())
    problems = script.problems_of_sdist(path)
    assert f"{path.name} lacks weights/LICENSE" in problems
    assert f"{path.name} holds tests/__pycache__/a.pyc" in problems
    assert f"{path.name} lacks README.md" not in problems


def test_a_folder_with_older_files_is_refused(script, tmp_path, capsys):
    (tmp_path / "old.whl").touch()
    assert script.main(["-o", str(tmp_path)]) == 1
    assert "is not empty" in capsys.readouterr().err


def test_the_licence_expression_names_the_licence_of_every_card():
    spdx = {"Apache-2.0": "Apache-2.0", "CC BY-NC-SA 4.0": "CC-BY-NC-SA-4.0"}
    cards = [tomllib.loads(path.read_text("utf-8")) for path in (ROOT / "weights").glob("*.toml")]
    licences = {spdx[card["licence"]] for card in cards} | {"Apache-2.0"}
    assert set(PROJECT["license"].split(" AND ")) == licences
    text = (ROOT / "weights" / "LICENSE").read_text("utf-8")
    _, other, general = re.split(r"^(?:faces-64|All other models)\n-+$", text, flags=re.MULTILINE)
    for card in cards:
        part = general if card["licence"] == "Apache-2.0" else other
        assert re.search(rf"\b{card['name']}\b", part), card["name"]
        assert spdx[card["licence"]] in part


def test_the_version_is_written_in_one_place():
    """Everything else reads it from the metadata of the installed package."""
    pattern = re.compile(rf"(?<![\d.]){re.escape(PROJECT['version'])}(?![\d.])")
    sources = [*(ROOT / "srgan_gp").rglob("*.py"), *(ROOT / "apps").rglob("*.py")]
    sources += [*(ROOT / "scripts").rglob("*.py"), *(ROOT / "docs").rglob("*.md")]
    places = [
        path.relative_to(ROOT).as_posix()
        for path in sources
        if any(
            pattern.search(line) and re.search("version|whl", line, re.IGNORECASE)
            for line in path.read_text("utf-8").splitlines()
        )
    ]
    assert places == []


def test_no_classifier_names_a_licence():
    """PEP 639: a package with a licence expression must have none."""
    assert not [name for name in PROJECT["classifiers"] if name.startswith("License ::")]
