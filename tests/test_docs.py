"""The documents say what is true: options, models, files, links, examples."""

import argparse
import doctest
import importlib
import importlib.util
import re
import shutil
from pathlib import Path

import pytest
from PIL import Image

from srgan_gp.cli import COMMANDS

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCUMENTS = sorted(ROOT.glob("*.md")) + sorted(ROOT.glob("*/*.md"))


@pytest.fixture(scope="module")
def update_readme():
    path = ROOT / "scripts" / "update_readme.py"
    specification = importlib.util.spec_from_file_location("update_readme", path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_the_readme_is_what_its_script_would_write(update_readme):
    assert update_readme.updated(README) == README, "run scripts/update_readme.py"


def test_models_of_whoever_runs_the_script_are_not_in_the_readme(
    update_readme, tiny_model, onnx_models, monkeypatch
):
    onnx_models.write_card(tiny_model("private"))
    monkeypatch.setenv("SRGAN_GP_MODELS", str(tiny_model("private").parent))
    rows = "".join([*update_readme.model_rows(), *update_readme.face_rows()])
    assert "`classic-x4`" in rows
    assert "private" not in rows


def test_a_stale_readme_is_noticed(update_readme):
    stale = README.replace("--strip-metadata ", "--keep-nothing ")
    assert update_readme.updated(stale) == README != stale


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_is_in_the_readme_and_has_a_help_text(name, update_readme):
    assert f"srgan-gp {name}" in README
    for action in update_readme.command_parser(name)._actions:
        assert action.help and action.help != argparse.SUPPRESS
        for option in action.option_strings:
            assert re.search(rf"(^|[\s,`]){re.escape(option)}\b", README), option


def test_every_verb_is_a_file_and_every_file_a_verb():
    folder = ROOT / "srgan_gp" / "commands"
    files = {path.stem for path in folder.glob("*.py")} - {
        "__init__", "option_types", "terminal", "verb_parser",
    }  # fmt: skip
    assert files == set(COMMANDS)


def test_the_first_command_is_the_one_for_a_fresh_clone():
    blocks = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    assert blocks[0].strip() == (
        "python3 -m venv .venv && .venv/bin/pip install . "
        "&& .venv/bin/srgan-gp upscale apps/examples -o upscaled"
    )
    assert blocks[1].strip() == (
        '.venv/bin/pip install ".[train,app,ray,dev]" && .venv/bin/python -m pytest'
    )


def test_the_python_example_of_the_readme_runs(tmp_path, monkeypatch):
    [example] = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    source = min((ROOT / "apps" / "examples").glob("*.jpg"))
    shutil.copy(source, tmp_path / "in.jpg")
    monkeypatch.chdir(tmp_path)
    exec(compile(example, "README.md", "exec"), {})
    with Image.open("in.jpg") as small, Image.open("out.png") as large:
        assert large.size == (4 * small.width, 4 * small.height)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_within_the_repository_lead_somewhere(document):
    for target in re.findall(r"\]\(([^)]+)\)", document.read_text(encoding="utf-8")):
        if not target.startswith(("http", "#")):
            assert (document.parent / target.partition("#")[0]).exists(), target


LIGHT_MODULES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for folder in ("commands", "system", "models", "images", "inference", "batch", "faces")
    for path in sorted((ROOT / "srgan_gp" / folder).rglob("*.py"))
    if path.stem != "__init__"
] + ["srgan_gp.cli", "srgan_gp.errors", "srgan_gp.training.options.config"]


def test_the_examples_in_docstrings_are_right():
    results = [doctest.testmod(importlib.import_module(name)) for name in LIGHT_MODULES]
    assert sum(result.failed for result in results) == 0
    assert sum(result.attempted for result in results) >= 5
