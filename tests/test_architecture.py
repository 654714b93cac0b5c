"""Architecture rules: imports at start-up, requirements, sizes and names of modules and folders."""

import ast
import os
import re
import resource
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from PIL import Image

import srgan_gp
from srgan_gp.cli import COMMANDS

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted((ROOT / "srgan_gp").rglob("*.py"))
PAGE_MODULES = sorted((ROOT / "apps").rglob("*.py"))
HEAVY = {"torch", "onnxruntime", "gradio", "numpy", "PIL", "cv2", "onnx", "rich", "kornia", "shtab"}


def modules_after(code, **environment):
    """Run `code` in a new process and return the names of the modules that it loaded."""
    program = code + "\nimport sys; print(*sys.modules, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        env=os.environ | environment,
        cwd=ROOT,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stderr.split())


def command(*words):
    return (
        f"from srgan_gp.cli import main\ntry: code = main({list(words)!r})\n"
        "except SystemExit as stop: code = stop.code\nassert not code, code"
    )


def size_of(path):
    with Image.open(path) as image:
        return image.size


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.jpg"
    Image.effect_noise((24, 16), 40).convert("RGB").save(path)
    return path


@pytest.mark.parametrize(
    "words", [["--help"], ["--version"], *([name, "--help"] for name in COMMANDS)], ids=" ".join
)
def test_help_imports_nothing_heavy(words):
    assert modules_after(command(*words)).isdisjoint(HEAVY)


def test_importing_the_package_imports_no_other_module_of_it():
    loaded = modules_after("import srgan_gp")
    assert {name for name in loaded if name.startswith("srgan_gp")} == {"srgan_gp"}


def test_upscaling_a_jpeg_imports_only_what_it_needs(photo, tiny_model):
    loaded = modules_after(command("upscale", str(photo), "-n", str(tiny_model())))
    assert "onnxruntime" in loaded
    assert loaded.isdisjoint({"torch", "torchvision", "gradio", "cv2", "kornia", "rich", "ray"})
    assert size_of(photo.with_name("photo_x2.jpg")) == (48, 32)


@pytest.mark.parametrize(
    ("words", "name", "size"),
    [([], "face.png", (8, 8)), (["--interpolate", "0-1"], "walk.gif", (8, 8))],
)
def test_generating_faces_imports_only_what_it_needs(tmp_path, tiny_face_model, words, name, size):
    target = tmp_path / name
    loaded = modules_after(
        command("generate", "-n", str(tiny_face_model()), *words, "-o", str(target))
    )
    assert "onnxruntime" in loaded
    assert loaded.isdisjoint({"torch", "torchvision", "gradio", "cv2", "kornia", "rich", "ray"})
    assert size_of(target) == size


def test_one_device_imports_no_multiprocessing(photo):
    # A shipped model, because the checks of other models import onnx.
    loaded = modules_after(command("upscale", str(photo), "-n", "classic-x4"))
    assert loaded.isdisjoint({"multiprocessing", "socket", "onnx"})


def test_upscaling_a_jpeg_works_where_opencv_cannot_be_imported(photo, tiny_model):
    broken = "import sys; sys.modules['cv2'] = None\n"
    modules_after(broken + command("upscale", str(photo), "-n", str(tiny_model())))
    assert size_of(photo.with_name("photo_x2.jpg")) == (48, 32)


def test_the_version_is_printed_in_less_than_half_a_second():
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    modules_after(command("--version"))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # CPU time, which depends little on other processes; measured 0.1 s.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.5


def test_public_names_are_sorted_and_exist():
    assert srgan_gp.__all__ == sorted(srgan_gp.__all__)
    for name in [*srgan_gp.__all__, "__version__"]:
        assert getattr(srgan_gp, name) is not None
    with pytest.raises(AttributeError, match="missing_name"):
        srgan_gp.missing_name  # noqa: B018


def test_the_installed_version_is_that_of_the_project():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert srgan_gp.__version__ == project["version"]


@pytest.mark.parametrize(
    "system", ["linux x86_64", "linux aarch64", "darwin arm64", "win32 AMD64", "win32 ARM64"]
)
def test_exactly_one_build_of_onnxruntime_is_required_on_each_machine(system):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    platform, machine = system.split()
    where = {"sys_platform": platform, "platform_machine": machine}
    needed = {
        requirement.name
        for requirement in map(Requirement, project["dependencies"])
        if requirement.name.startswith("onnxruntime")
        and requirement.marker is not None
        and requirement.marker.evaluate(where)
    }
    has_gpu_build = system in ("linux x86_64", "win32 AMD64")
    assert needed == {"onnxruntime-gpu" if has_gpu_build else "onnxruntime"}


def test_constraints_meet_the_requirements():
    pinned = {}
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        if not line.startswith("#"):
            name, version = re.fullmatch(r"([a-z0-9.-]+)==([0-9][0-9a-z.]*)", line).groups()
            pinned[name] = version
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    tested = [text for name in ("train", "app", "ray", "lab", "dev") for text in extras[name]]
    for text in [*project["dependencies"], *tested]:
        requirement = Requirement(text)
        if requirement.name != "onnxruntime":  # the build for other machines
            assert requirement.specifier.contains(pinned[requirement.name]), text


FORBIDDEN_NAMES = {"utils", "helpers", "common", "misc", "base", "core", "manager"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_are_named_after_a_subject_and_have_a_docstring(path):
    assert path.stem not in FORBIDDEN_NAMES
    first_line = (ast.get_docstring(ast.parse(path.read_text())) or "").partition("\n")[0]
    assert first_line.endswith((".", ":")), "the first line of the docstring is a sentence"


def test_a_module_name_occurs_once():
    """Except for `commands/`, whose modules are named after verbs."""
    names = [
        path.stem for path in MODULES if path.stem != "__init__" and path.parent.name != "commands"
    ]
    assert sorted(names) == sorted(set(names))


def test_a_module_has_at_most_250_lines():
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text().splitlines())
        for path in [*MODULES, *PAGE_MODULES]
    }
    assert {name: length for name, length in lengths.items() if length > 250} == {}


def test_a_script_of_the_page_has_at_most_250_lines():
    scripts = (ROOT / "apps" / "static").glob("*.js")
    lengths = {path.name: len(path.read_text("utf-8").splitlines()) for path in scripts}
    assert lengths
    assert {name: length for name, length in lengths.items() if length > 250} == {}


def test_a_folder_has_at_most_14_modules():
    folders = {path.parent for path in [*MODULES, *PAGE_MODULES]}
    for folder in folders:
        names = [path.name for path in folder.glob("*.py") if path.name != "__init__.py"]
        assert len(names) <= 14, folder


def test_every_folder_has_a_docstring():
    """In its `__init__.py`, also where a folder contains only other folders."""
    folders = {folder for path in MODULES for folder in path.parents if folder.is_relative_to(ROOT)}
    for folder in folders - {ROOT}:
        assert ast.get_docstring(ast.parse((folder / "__init__.py").read_text())), folder
