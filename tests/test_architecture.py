"""The guards of the layout: what is imported when, who writes files, what may be called what."""

import ast
import os
import re
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from PIL import Image

import srgan_gp

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted((ROOT / "srgan_gp").rglob("*.py"))
HEAVY = {"torch", "onnxruntime", "gradio", "numpy", "PIL", "cv2", "onnx", "rich", "kornia"}


def modules_after(code, **environment):
    """Run `code` in a fresh process and return the names of the modules loaded by its end."""
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
    "words", [["--help"], ["--version"], ["train", "--help"], ["upscale", "--help"]], ids=" ".join
)
def test_help_imports_nothing_heavy(words):
    assert modules_after(command(*words)).isdisjoint(HEAVY)


def test_importing_the_package_imports_none_of_its_modules():
    loaded = modules_after("import srgan_gp")
    assert {name for name in loaded if name.startswith("srgan_gp")} == {"srgan_gp"}


def test_upscaling_a_jpeg_loads_the_runtime_and_nothing_it_does_not_need(photo, tiny_model):
    loaded = modules_after(command("upscale", str(photo), "-n", str(tiny_model)))
    assert "onnxruntime" in loaded
    assert loaded.isdisjoint({"torch", "torchvision", "gradio", "cv2", "kornia", "rich"})
    assert size_of(photo.with_name("photo_x4.jpg")) == (96, 64)


def test_upscaling_a_jpeg_works_where_opencv_cannot_be_imported(photo, tiny_model):
    broken = "import sys; sys.modules['cv2'] = None\n"
    modules_after(broken + command("upscale", str(photo), "-n", str(tiny_model)))
    assert size_of(photo.with_name("photo_x4.jpg")) == (96, 64)


def test_the_version_is_printed_in_well_under_a_second():
    start = time.perf_counter()
    modules_after(command("--version"))
    assert time.perf_counter() - start < 2  # measured 0.1 s; the rest is for a busy machine


def test_public_names_are_sorted_and_all_there():
    assert srgan_gp.__all__ == sorted(srgan_gp.__all__)
    for name in [*srgan_gp.__all__, "__version__"]:
        assert getattr(srgan_gp, name) is not None
    with pytest.raises(AttributeError, match="nothing_like_it"):
        srgan_gp.nothing_like_it  # noqa: B018


def test_the_version_is_written_once_and_installed():
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


def test_constraints_are_names_and_versions_that_meet_the_requirements():
    pinned = {}
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        if not line.startswith("#"):
            name, version = re.fullmatch(r"([a-z0-9.-]+)==([0-9][0-9a-z.]*)", line).groups()
            pinned[name] = version
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    for text in [*project["dependencies"], *extras["train"], *extras["app"], *extras["dev"]]:
        requirement = Requirement(text)
        if requirement.name != "onnxruntime":  # the other build, for other machines
            assert requirement.specifier.contains(pinned[requirement.name]), text


FORBIDDEN_NAMES = {"utils", "helpers", "common", "misc", "base", "core", "manager"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_are_named_after_a_subject_and_say_what_they_hold(path):
    assert path.stem not in FORBIDDEN_NAMES
    first_line = (ast.get_docstring(ast.parse(path.read_text())) or "").partition("\n")[0]
    assert first_line.endswith((".", ":")), "the first line of the docstring is one sentence"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_one_module_writes_files(path):
    if path.name != "files.py":
        assert list(writers(ast.parse(path.read_text()))) == []


@pytest.mark.parametrize(
    "line",
    [
        "open(path, 'w')",
        "open(path, mode='ab')",
        "path.open('xb')",
        "path.write_text('')",
        "path.write_bytes(b'')",
        "image.save(path)",
        "Image.fromarray(pixels).save(path)",
        "torch.save(state, path)",
        "save_file(tensors, path)",
        "cv2.imwrite(str(path), pixels)",
        "np.savez(path, pixels)",
        "os.replace(one, other)",
        "path.rename(other)",
        "onnx.save_model(model, path)",
    ],
)
def test_the_rule_about_writers_sees(line):
    assert len(list(writers(ast.parse(f"def f(path):\n    {line}")))) == 1


@pytest.mark.parametrize(
    "code",
    [
        "open(path)",
        "path.open('rb')",
        "Image.open(file)",
        "text.replace('a', 'b')",
        "def f():\n    buffer = io.BytesIO()\n    image.save(buffer, format='PNG')",
        "def f():\n    with atomic_write(path) as file:\n        image.save(file)",
        "def f():\n    with atomic_write(path) as file:\n        torch.save(state, file)",
        "checkpoint.save(state, folder)",
    ],
)
def test_the_rule_about_writers_lets_pass(code):
    assert list(writers(ast.parse(code))) == []


# Functions of other packages that write to the path they are given.
WRITING_FUNCTIONS = {"imwrite", "save_file", "save_model", "savez", "savetxt", "tofile", "copyfile"}
WRITING_FUNCTIONS |= {"write_text", "write_bytes", "rename", "save_image"}
OUR_OWN_SAVE = {"checkpoint", "config"}  # modules and objects whose `save` calls atomic_write


def writers(tree):
    """Find calls that write a file by its path: `(line, source)` of each."""
    streams = set(stream_names(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and is_writer(node, streams):
            yield node.lineno, ast.unparse(node)


def is_writer(call, streams):
    function = call.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    owner = ast.unparse(function.value) if isinstance(function, ast.Attribute) else ""
    if name == "open":
        return bool(set(mode_of(call, is_method=bool(owner))) & set("wax+"))
    if name in ("replace", "rename", "link") and owner == "os":
        return True
    if name == "save":
        to_stream = any(isinstance(a, ast.Name) and a.id in streams for a in call.args)
        return bool(owner) and owner not in OUR_OWN_SAVE and not to_stream
    return name in WRITING_FUNCTIONS


def mode_of(call, *, is_method):
    """Read the mode of a call of `open(path, mode)` or `path.open(mode)`; "" for the default."""
    given = [keyword.value for keyword in call.keywords if keyword.arg == "mode"]
    given += call.args[0 if is_method else 1 :][:1]
    return given[0].value if given and isinstance(given[0], ast.Constant) else ""


def stream_names(tree):
    """Names bound to buffers in memory and to the files that `atomic_write` opens."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and "BytesIO(" in ast.unparse(node.value):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))
        if isinstance(node, ast.withitem) and isinstance(node.optional_vars, ast.Name):
            yield node.optional_vars.id
        if isinstance(node, ast.arg) and node.annotation and "IO" in ast.unparse(node.annotation):
            yield node.arg
