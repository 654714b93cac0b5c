"""`srgan-gp --completion SHELL`: completes verbs, options, choices, models and paths."""

import subprocess

import pytest

from srgan_gp.cli import COMMANDS, main
from srgan_gp.commands.shells.shell_completion import SHELLS


@pytest.fixture
def script(capsys):
    def print_one(shell):
        with pytest.raises(SystemExit) as stop:
            main(["--completion", shell])
        assert stop.value.code == 0
        return capsys.readouterr().out

    return print_one


@pytest.fixture
def complete(script, tmp_path):
    """Complete the last word of a command line by bash."""
    file = tmp_path / "completion.bash"
    file.write_text(script("bash"))
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "photo.jpg").touch()

    def run(*words):
        program = (
            'source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); '
            '_shtab_srgan_gp; printf "%s\\n" "${COMPREPLY[@]}"'
        )
        command = ["bash", "-c", program, str(file), "srgan-gp", *words]
        done = subprocess.run(
            command, cwd=tmp_path / "folder", capture_output=True, text=True, check=True
        )
        assert done.stderr == ""
        return done.stdout.split()

    return run


def test_bash_completes_verbs_options_choices_models_and_paths(complete):
    assert complete("gen") == ["generate"]
    assert complete("upscale", "a.png", "--exis") == ["--exist"]
    assert complete("upscale", "a.png", "--exist", "over") == ["overwrite"]
    assert "photo-x4" in complete("upscale", "a.png", "--model", "photo")
    assert complete("generate", "--model", "") == ["faces-64"]
    assert complete("upscale", "ph") == ["photo.jpg"]


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_has_a_script_with_every_verb(script, shell):
    text = script(shell)
    assert [name for name in COMMANDS if name not in text] == []
    assert "strip-metadata" in text
    assert "photo-x4-psnr" in text


def test_another_shell_is_refused(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--completion", "ksh"])
    assert stop.value.code == 2
    assert "choose from bash, zsh" in capsys.readouterr().err
