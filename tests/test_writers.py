"""One module writes files: every other way to write one is found in the source and refused."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted((ROOT / "srgan_gp").rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_only_one_module_writes_files(path):
    if path != ROOT / "srgan_gp/system/files.py":
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
