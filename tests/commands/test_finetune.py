import argparse
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from srgan_gp.cli import main
from srgan_gp.commands.options.run_changes import run_changes
from srgan_gp.data import validation_split
from srgan_gp.errors import UsageError
from srgan_gp.models.cards import FACES

# Prints the exit code of each command line; importing torch is an error.
PROGRAM = """
import ast, sys
sys.modules["torch"] = None
from srgan_gp.cli import main
for words in ast.literal_eval(sys.argv[1]):
    print(main(["finetune", *words]))
"""


@pytest.fixture
def photos(tmp_path):
    """A folder with an image."""
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(folder / "a.png")
    return folder


def changes_of(*changes, task="super-resolution"):
    nothing = dict.fromkeys(("feature_weights", "device", "threads"))
    return run_changes(argparse.Namespace(changes=changes, **nothing), task)


@pytest.mark.parametrize(
    ("typed", "task", "suggested"),
    [
        ("images", "super-resolution", "total_images"),
        ("images", FACES, "total_images"),
        ("total_image", FACES, "total_images"),
        ("image_sizes", FACES, "image_size"),
        ("patch_size", "super-resolution", "patch_sizes"),
    ],
)
def test_an_option_with_the_typed_word_and_an_effect_is_suggested(typed, task, suggested):
    with pytest.raises(UsageError, match=rf"Did you mean {suggested}\?"):
        changes_of(f"{typed}=400", task=task)


def test_an_option_of_the_other_task_is_refused():
    with pytest.raises(UsageError, match="image_size: a run of super-resolution does not use"):
        changes_of("image_size=64")
    assert changes_of("image_size=64", task=FACES) == {"image_size": 64}


def test_mistakes_are_refused_before_torch_is_imported(photos, tmp_path):
    start = ["--from", "photo-x4", "--data"]
    wrong = {
        "There is no model 'photo-x9'": ["--from", "photo-x9", "--data", str(photos)],
        "nothing does not exist": [*start, str(tmp_path / "nothing")],
        "none does not exist": [*start, str(photos), "--validation", str(tmp_path / "none")],
        "Did you mean total_images?": [*start, str(photos), "--set", "images=400"],
        "a.png is one image. Pass the folder": [*start, str(photos / "a.png")],
        "weights.pth is not a file": [*start, str(photos), "--feature-weights", "weights.pth"],
        "is the name of a shipped model": [*start, str(photos), "--name", "photo-x4"],
    }
    commands = [[*words, "-o", str(tmp_path / "run")] for words in wrong.values()]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, repr(commands)], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["8", *["2"] * (len(wrong) - 1)]
    for message, line in zip(wrong, done.stderr.splitlines(), strict=True):
        assert message in line
    assert not (tmp_path / "run").exists()


def test_none_in_place_of_the_file_of_the_feature_network_is_no_missing_file(photos, capsys):
    words = ["finetune", "--from", "photo-x4", "--data", str(photos), "--feature-weights", "none"]
    assert main([*words, "--validation", "gone"]) == 2
    assert capsys.readouterr().err.startswith("srgan-gp: error: gone does not exist.")


def test_ctrl_c_during_the_first_checks_says_what_is_saved(interrupted_run, photos):
    interrupted_run.interrupt(validation_split, "list_images")
    words = ["--from", "photo-x4", "--data", str(photos), "-o", str(interrupted_run.folder)]
    assert main(["finetune", *words]) == 130
    interrupted_run.check_message()


def test_a_file_in_place_of_the_folder_of_the_run_is_refused_first(photos, tmp_path, capsys):
    words = ["--from", "photo-x4", "--data", str(photos), "-o", str(photos / "a.png")]
    assert main(["finetune", *words]) == 2
    assert "The run needs a folder, and" in capsys.readouterr().err
