"""Every command in README.md, CONTRIBUTING.md and docs/ exists, and runs where nothing forbids it.

docs/development/testing.md explains the comments that mark blocks.
"""

import argparse
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from srgan_gp.cli import COMMANDS, build_parser, main

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
HOW = ("run", "dry-run", "app", "shared", "parse-only")
FENCE = re.compile(
    r"^(?P<indent> *)(?:<!-- test: (?P<mark>[^>]*?) -->\n(?P=indent))?```(?P<language>\w*)\n"
    r"(?P<text>.*?)^(?P=indent)```$",
    re.DOTALL | re.MULTILINE,
)
SHOWN_ONLY = {"text", "bat", "json", "nginx", "ini", "math", ""}
"""Languages of blocks that hold no command for this machine."""
OTHER_PROGRAMS = {
    ".", "apt", "certbot", "cp", "curl", "docker", "echo", "mkdir", "nginx", "pip", "pre-commit",
    "python", "python3", "systemctl", "tensorboard", "torchrun",
}  # fmt: skip


@dataclass(frozen=True)
class Block:
    """A fenced block of commands or of Python."""

    document: str
    line: int
    language: str
    how: str
    text: str

    @property
    def commands(self):
        """Each command of a shell block, as it was written; a backslash joins lines."""
        joined = self.text.replace("\\\n", " ")
        return [line.strip() for line in joined.splitlines() if shlex.split(line, comments=True)]


def blocks_of(path):
    text = path.read_text(encoding="utf-8")
    for found in FENCE.finditer(text):
        language, mark = found["language"], found["mark"]
        if language in SHOWN_ONLY:
            assert mark is None, f"{path}: a block of {language!r} is not run"
            continue
        how, _, reason = (mark or "run").partition(" because ")
        line = text.count("\n", 0, found.start()) + 1
        where = f"{path.relative_to(ROOT)}:{line}"
        assert language in ("sh", "python"), f"{where}: a block of {language!r}"
        assert how in HOW, f"{where}: unknown mark {mark!r}"
        assert bool(reason) is (how == "parse-only"), f"{where}: parse-only needs a reason"
        content = textwrap.dedent(found["text"])
        yield Block(path.relative_to(ROOT).as_posix(), line, language, how, content)


BLOCKS = [block for path in DOCUMENTS for block in blocks_of(path)]
COMMAND_LINES = [
    pytest.param(line, id=f"{block.document}:{block.line}: {line[:60]}")
    for block in BLOCKS
    if block.language == "sh"
    for line in block.commands
]


def words_of(line):
    """Split a command line into commands, each a list of words without its environment."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    command = []
    for word in [*lexer, ";"]:
        if set(word) <= set(";&|"):
            while command and re.match(r"[A-Z_]+=", command[0]):
                command = command[1:]
            if command:
                yield command
            command = []
        else:
            command.append(word)


def check_words(words):
    """Check one command: that its program, verb, options and values exist."""
    program, *rest = words
    name = program.rpartition("/")[2]
    if name == "srgan-gp" or rest[:2] == ["-m", "srgan_gp"]:
        check_verb(rest[2:] if rest[:1] == ["-m"] else rest)
    elif name == "torchrun":
        check_verb(rest[rest.index("srgan_gp") + 1 :])
    elif name == "pip":
        check_extras(rest)
    elif name.startswith("python") and rest and rest[0].startswith("scripts/"):
        check_script(*rest)
    elif "/" in program and not program.startswith((".venv", "/")):
        check_script(*words)
    else:
        assert name in OTHER_PROGRAMS, words


def check_verb(words):
    if words in (["--help"], ["--version"]) or words[0] == "--completion":
        return
    assert words[0] in COMMANDS, words
    parser = build_parser()
    if "--help" in words:
        words = [word for word in words if word != "--help"]
        parser.parse_known_args([words[0], "x"])
        return
    parser.parse_args(words)


def check_extras(words):
    import tomllib

    known = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for word in words:
        if found := re.search(r"\[(.+)\]", word):
            assert set(found[1].split(",")) <= set(known), word


def check_script(path, *words):
    file = ROOT / path
    assert file.is_file(), path
    folder = file.parent / "benchmarks" if file.stem == "benchmark" else None
    sources = [file, *(folder.glob("*.py") if folder else ())]
    text = "".join(source.read_text(encoding="utf-8") for source in sources)
    for word in words:
        if word.startswith("--"):
            assert word in text, f"{path} has no {word}"


@pytest.mark.parametrize("line", COMMAND_LINES)
def test_every_command_has_a_program_options_and_values_that_exist(line):
    for words in words_of(line.partition(" #")[0]):
        check_words(words)


def test_a_wrong_option_is_noticed(capsys):
    for line in ("srgan-gp upscale a.jpg --sise 3", "srgan-gp enlarge a.jpg", "gimp a.jpg"):
        with pytest.raises((SystemExit, AssertionError)):
            check_words(shlex.split(line))
    capsys.readouterr()


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A folder with what the documents talk about: tiny images, and folders of the checkout."""
    folder = tmp_path_factory.mktemp("desk")
    rng = np.random.default_rng(0)

    def image(name, width=24, height=16, mode="RGB"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        channels = len(mode)
        pixels = rng.integers(0, 256, (height, width, channels), np.uint8)
        return Image.fromarray(pixels, mode), path

    for name in ("photo.jpg", "in.jpg"):
        saved, path = image(name)
        saved.save(path)
    for name in ("photos/a.jpg", "photos/b.jpg", "photos/sub/c.png", "validation/a.png"):
        saved, path = image(name, 80, 72)
        saved.save(path)
    for number in range(5):
        saved, path = image(f"aligned/{number}.png", 256, 256)
        saved.save(path)
    saved, path = image("logo.png", mode="RGBA")
    saved.save(path)
    saved, path = image("scan.tif")
    saved.save(path)
    frames = [image("animation.gif")[0] for _ in range(2)]
    frames[0].save(folder / "animation.gif", save_all=True, append_images=frames[1:])
    saved, path = image("apps/examples/example.png")
    saved.save(path)
    (folder / "models").mkdir()
    (folder / "path" / "to").mkdir(parents=True)
    shutil.copy(ROOT / "weights" / "classic-x4.onnx", folder / "path" / "to" / "it.onnx")
    for name in ("weights", "scripts"):
        (folder / name).symlink_to(ROOT / name)
    return folder


@pytest.fixture
def at_desk(desk, tmp_path, monkeypatch):
    """A copy of the desk for one document, and the current folder."""
    own = tmp_path / "desk"
    shutil.copytree(desk, own, symlinks=True)
    monkeypatch.chdir(own)
    monkeypatch.setenv("SRGAN_GP_MODELS", str(own / "models"))
    return own


def execute(line, *extra):
    """Run one line: `srgan-gp` alone in this process, everything else by a shell."""
    (words, *others) = words_of(line.partition(" #")[0])
    is_plain = not others and words[0] == "srgan-gp" and not re.search(r"[<>$]|^\w+=", line)
    if is_plain:
        try:
            code = main([*words[1:], *extra])
        except SystemExit as ended:  # --help
            code = ended.code
        assert code == 0, line
        return
    tools = Path("tools").absolute()
    tools.mkdir(exist_ok=True)
    shim = tools / "srgan-gp"
    shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m srgan_gp "$@"\n')
    shim.chmod(0o755)
    path = os.pathsep.join([str(tools), str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = os.environ | {"PATH": path, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["sh", "-e", "-c", line], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{line}\n{done.stderr}"


def cases(*how, languages=("sh",)):
    """Group blocks by document: later ones may use what earlier ones wrote."""
    found = [block for block in BLOCKS if block.how in how and block.language in languages]
    return [
        pytest.param([b for b in found if b.document == document], id=document)
        for document in dict.fromkeys(block.document for block in found)
    ]


@pytest.mark.parametrize("blocks", cases("run", "dry-run"))
def test_commands_run(blocks, at_desk, capsys):
    for block in blocks:
        for line in block.commands:
            execute(line, *(["--dry-run"] if block.how == "dry-run" else []))
    capsys.readouterr()


@pytest.mark.parametrize("blocks", cases("run", languages=("python",)))
def test_python_examples_run(blocks, at_desk, capsys):
    for block in blocks:
        exec(compile(block.text, f"{block.document}:{block.line}", "exec"), {})
        printed = capsys.readouterr().out.splitlines()
        for comment in re.findall(r"print\(.*\)  # (.+)", block.text):
            assert comment in printed


def test_python_examples_that_are_not_run_are_python():
    for block in BLOCKS:
        if block.language == "python":
            compile(block.text, block.document, "exec")


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    from starlette.testclient import TestClient

    from srgan_gp.serving.http.server import build_app, guard
    from srgan_gp.serving.jobs.service import Service
    from srgan_gp.serving.server_settings import ServerSettings

    settings = ServerSettings(device="cpu", threads=1, folder=tmp_path_factory.mktemp("server"))
    service = Service(settings)
    try:
        yield TestClient(guard(build_app(service), settings)[0], base_url="http://127.0.0.1:7860")
    finally:
        service.close()


def curl_parser():
    parser = argparse.ArgumentParser("curl", exit_on_error=False)
    parser.add_argument("url")
    parser.add_argument("-F", action="append", default=[], dest="form")
    parser.add_argument("-o", dest="output")
    parser.add_argument("-D", dest="headers")
    parser.add_argument("-u", dest="user")
    parser.add_argument("--fail-with-body", action="store_true")
    return parser


@pytest.mark.parametrize("blocks", cases("app"))
def test_requests_get_their_files(blocks, client, at_desk):
    for line in [line for block in blocks for line in block.commands]:
        (words,) = words_of(line.partition(" #")[0])
        assert words[0] == "curl"
        options = curl_parser().parse_args(words[1:])
        values = dict(text.split("=", 1) for text in options.form)
        files = {
            name: (Path(value[1:]).name, Path(value[1:]).read_bytes())
            for name, value in values.items()
            if value.startswith("@")
        }
        data = {name: value for name, value in values.items() if name not in files}
        answer = client.post(options.url, data=data, files=files)
        assert answer.status_code == 200, answer.text
        assert "x-report" in answer.headers
        with Image.open(io.BytesIO(answer.content)) as image:
            image.load()


@pytest.mark.shared
@pytest.mark.parametrize("blocks", cases("shared"))
def test_commands_run_with_the_shared_data(blocks, at_desk, capsys):
    shared = Path(os.environ.get("SRGAN_GP_SHARED") or ROOT.parent / "shared")
    names = {
        "benchmark.zip": shared / "data" / "bench_sr.zip",
        "models/yunet.onnx": shared / "models" / "face_detection_yunet.onnx",
    }
    (at_desk.parent / "shared").symlink_to(shared)
    for name, target in names.items():
        if not (at_desk / name).exists():
            (at_desk / name).symlink_to(target)
    with Image.open(ROOT / "apps" / "examples" / "astronaut.jpg") as portrait:
        portrait.resize((768, 768)).save(at_desk / "photos" / "portrait.jpg")
    weights = ["--feature-weights", "none"]  # the other scores do for a test of the command
    for line in [line for block in blocks for line in block.commands]:
        execute(line, *(weights if " evaluate " in line else []))
    capsys.readouterr()
