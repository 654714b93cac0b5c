"""The command line: exit codes, messages on stderr, results on stdout."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from srgan_gp.cli import main

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["enlarge"],
        ["upscale", "a.png", "--scale", "0"],
        ["upscale", "a.png", "--scale", "big"],
        ["upscale", "a.png", "--scale", "nan"],
        ["upscale", "a.png", "--scale", "1e300"],
        ["upscale", "a.png", "--tile", "0"],
        ["upscale", "a.png", "--quality", "101"],
        ["upscale", "a.png", "--quality", "jpeg=101"],
        ["upscale", "a.png", "--quality", "heic=90"],
        ["upscale", "a.png", "--quality", "jpeg=90,"],
        ["upscale", "a.png", "--exist", "ask"],
        ["upscale", "a.png", "--threads", "0"],
        ["upscale", "a.png", "--gpu-id", "-1"],
        ["upscale", "a.png", "--colour"],
        ["train", "--preset", "huge", "--data", "x", "-o", "y"],
        ["evaluate", "m"],
        ["export"],
    ],
    ids=" ".join,
)
def test_wrong_arguments_end_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2
    assert "error" in capsys.readouterr().err


def test_models_lists_every_card(capsys):
    assert main(["models", "--json"]) == 0
    listed = {model["name"] for model in json.loads(capsys.readouterr().out)["models"]}
    assert listed >= {path.stem for path in (ROOT / "weights").glob("*.toml")}
    assert main(["models"]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in listed)


def test_options_that_are_not_given_come_from_the_preset(capsys):
    arguments = ["train", "--preset", "tiny", "--data", "x", "-o", "y", "--dry-run"]
    arguments += ["--generator-args", "width=24"]
    assert main(arguments) == 0
    config = json.loads(capsys.readouterr().out)
    assert config["generator_args"] == ["width=24", "blocks=2", "tail=direct"]
    assert config["total_images"] == 64


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "--data", "x", "-o", "y"],
        ["evaluate", "classic-x4", "--data", "x"],
        ["export", "y", "--name", "z"],
    ],
    ids=" ".join,
)
def test_without_pytorch_the_pip_command_is_named(arguments):
    hide = "import sys; sys.modules['torch'] = None\n"
    code = hide + f"from srgan_gp.cli import main; sys.exit(main({arguments!r}))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr.startswith("srgan-gp: error: This command needs the package torch")
    assert 'pip install "srgan-gp[train]"' in done.stderr


def test_prepare_without_scikit_image_names_the_pip_command(tmp_path):
    photos = ROOT / "apps" / "examples"
    arguments = ["prepare", str(photos), "-o", str(tmp_path / "faces.zip"), "--aligned"]
    hide = "import sys; sys.modules['skimage'] = sys.modules['skimage.measure'] = None\n"
    code = hide + f"from srgan_gp.cli import main; sys.exit(main({arguments!r}))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert 'pip install "srgan-gp[train]"' in done.stderr
    assert not list(tmp_path.iterdir())


def test_an_internal_error_is_one_line_unless_debugging(monkeypatch, capsys):
    def broken(**_):
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("srgan_gp.models.catalog.list_models", broken)
    assert main(["models"]) == 1
    assert "internal error: ZeroDivisionError: a bug" in capsys.readouterr().err
    with pytest.raises(ZeroDivisionError):
        main(["models", "--debug"])
    monkeypatch.setenv("SRGAN_GP_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        main(["models"])


def test_a_termination_signal_ends_with_143(monkeypatch):
    def terminate(**_):
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr("srgan_gp.models.catalog.list_models", terminate)
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit) as stop:
        main(["models"])
    assert stop.value.code == 143
    assert signal.getsignal(signal.SIGTERM) is before


def run_program(*arguments, **streams):
    return subprocess.run(
        [sys.executable, "-m", "srgan_gp", *arguments], cwd=ROOT, check=False, **streams
    )


AS_ON_WINDOWS = "import signal; del signal.SIGPIPE, signal.SIGHUP\n"


@pytest.mark.parametrize("arguments", [["models", "--json"], ["--version"]], ids=" ".join)
@pytest.mark.parametrize("system", ["", AS_ON_WINDOWS], ids=["here", "as on Windows"])
def test_a_closed_pipe_prints_no_traceback(arguments, system):
    code = f"{system}import sys; from srgan_gp.cli import main; sys.exit(main({arguments!r}))"
    read_end, write_end = os.pipe()
    os.close(read_end)
    try:
        done = subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT, check=False, stdout=write_end, stderr=subprocess.PIPE,
        )  # fmt: skip
    finally:
        os.close(write_end)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.parametrize("arguments", [["models", "--json"], ["--version"]], ids=" ".join)
def test_a_full_disk_behind_stdout_is_one_line(arguments):
    with Path("/dev/full").open("w") as full:
        done = run_program(*arguments, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 5
    assert done.stderr == (
        "srgan-gp: error: The results cannot be printed: No space left on device.\n"
    )


def test_a_closed_stdout_does_not_stop_the_run(tmp_path, tiny_model):
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    arguments = ["upscale", str(tmp_path / "a.png"), "-n", str(tiny_model()), "--json"]
    command = [sys.executable, "-m", "srgan_gp", *arguments]
    program = f"import os; os.close(1); os.execv({sys.executable!r}, {command!r})"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, check=False, capture_output=True
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert (tmp_path / "a_x2.png").exists()


def test_a_full_disk_behind_stderr_does_not_stop_the_run(tmp_path, tiny_model):
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    arguments = ["upscale", str(tmp_path / "a.png"), "-n", str(tiny_model())]
    with Path("/dev/full").open("w") as full:
        assert run_program(*arguments, stderr=full).returncode == 0
    assert (tmp_path / "a_x2.png").exists()


def test_the_module_is_the_command(capsys):
    done = run_program("--version", capture_output=True, text=True)
    assert (done.returncode, done.stdout[:9]) == (0, "srgan-gp ")
