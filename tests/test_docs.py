"""The documents say what is true: options, models, codes, links, examples in docstrings."""

import argparse
import doctest
import importlib
import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import srgan_gp
from srgan_gp.cli import COMMANDS

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMAND_LINE = (ROOT / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
DOCUMENTS = [
    *sorted(ROOT.glob("*.md")),
    *sorted(ROOT.glob("*/*.md")),
    *sorted((ROOT / "docs").glob("*/*.md")),
]


@pytest.fixture(scope="module")
def update_readme():
    """The script, with its folder on the path as Python puts it there."""
    path = ROOT / "scripts" / "update_readme.py"
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(path.parent)
        specification = importlib.util.spec_from_file_location("update_readme", path)
        module = importlib.util.module_from_spec(specification)
        specification.loader.exec_module(module)
        yield module
    for name in [name for name in sys.modules if name.partition(".")[0] == "generated"]:
        del sys.modules[name]


def test_the_generated_parts_are_what_their_script_would_write(update_readme):
    stale = [
        path.name
        for path in update_readme.documents()
        if update_readme.update_parts(text := path.read_text("utf-8"), update_readme.PARTS) != text
    ]
    assert stale == [], "run scripts/update_readme.py"


def test_every_part_is_in_a_document(update_readme):
    text = "".join(path.read_text("utf-8") for path in update_readme.documents())
    for name in update_readme.PARTS:
        assert f"<!-- begin {name} -->" in text


def test_models_of_the_user_are_not_in_the_documents(
    update_readme, tiny_model, onnx_models, monkeypatch
):
    onnx_models.write_card(tiny_model("private"))
    monkeypatch.setenv("SRGAN_GP_MODELS", str(tiny_model("private").parent))
    parts = update_readme.PARTS
    rows = "".join([*parts["models"](), *parts["faces"](), *parts["cards"]()])
    assert "`classic-x4`" in rows
    assert "private" not in rows


def test_a_stale_part_is_noticed(update_readme):
    stale = COMMAND_LINE.replace("--strip-metadata", "--keep-nothing")
    assert update_readme.update_parts(stale, update_readme.PARTS) == COMMAND_LINE != stale


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_is_documented_and_has_a_help_text(name, update_readme):
    from generated.command_line import command_parser

    assert f"## srgan-gp {name}\n" in COMMAND_LINE
    for action in command_parser(name)._actions:
        assert action.help and action.help != argparse.SUPPRESS
        for option in action.option_strings:
            assert re.search(rf"(^|[\s,`>]){re.escape(option)}\b", COMMAND_LINE), option


def test_every_verb_is_a_file_and_every_file_a_verb():
    folder = ROOT / "srgan_gp" / "commands"
    files = {path.stem for path in folder.glob("*.py")} - {
        "__init__", "terminal", "verb_parser",
    }  # fmt: skip
    assert files == set(COMMANDS)


def test_every_code_of_an_error_is_documented():
    page = (ROOT / "docs" / "reference" / "exit-codes.md").read_text("utf-8")
    sources = "".join(path.read_text("utf-8") for path in (ROOT / "srgan_gp").rglob("*.py"))
    for code in set(re.findall(r"\"(E_[A-Z_]+)\"", sources)):
        assert f"`{code}`" in page, code


def test_every_variable_of_the_environment_is_documented():
    page = (ROOT / "docs" / "reference" / "environment.md").read_text("utf-8")
    sources = [*(ROOT / "srgan_gp").rglob("*.py"), ROOT / "pyproject.toml"]
    text = "".join(path.read_text("utf-8") for path in sources)
    for name in set(re.findall(r"\bSRGAN_GP_[A-Z]+\b", text)):
        assert f"`{name}`" in page, name


def test_every_public_name_is_in_the_reference():
    page = (ROOT / "docs" / "reference" / "python.md").read_text("utf-8")
    for name in srgan_gp.__all__:
        assert f"\n::: srgan_gp.{name}\n" in page, name


@pytest.mark.slow
def test_the_python_examples_have_no_type_errors(tmp_path):
    page = (ROOT / "docs" / "reference" / "python.md").read_text("utf-8")
    examples = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    for number, example in enumerate(examples):
        (tmp_path / f"example_{number}.py").write_text(example, "utf-8")
    settings = {"typeCheckingMode": "standard", "extraPaths": [str(ROOT)]}
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings), "utf-8")
    command = [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, "-p", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_readme_is_short():
    assert len(README.encode()) <= 12_000


def test_the_first_command_is_the_one_for_a_fresh_clone():
    blocks = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    assert blocks[0].strip() == (
        "python3 -m venv .venv && .venv/bin/pip install . "
        "&& .venv/bin/srgan-gp upscale apps/examples -o upscaled"
    )


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
