import json
import warnings

import numpy as np
import pytest
from PIL import Image

from srgan_gp.cli import main


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (72, 80, 3), np.uint8)
    Image.fromarray(pixels).save(folder / "noise.png")
    return folder


@pytest.mark.parametrize("preset", ["tiny", "tiny-gan"])
def test_a_dry_run_draws_the_pairs_and_trains_nothing(photos, tmp_path, preset, capsys):
    sheet = tmp_path / "pairs.png"
    arguments = ["--preset", preset, "--data", str(photos), "--dry-run", "--pairs", str(sheet)]
    assert main(["train", *arguments]) == 0
    assert json.loads(capsys.readouterr().out)["batch_size"] == 4
    pixels = np.asarray(Image.open(sheet))
    assert pixels.shape[1] == 3 * (32 + 4 + 32 + 4) + 4  # three pairs a row: input, gap, target
    assert {path.name for path in tmp_path.iterdir()} == {"photos", "pairs.png"}


def test_pairs_without_a_dry_run_are_refused(photos, tmp_path, capsys):
    arguments = ["--data", str(photos), "-o", str(tmp_path / "run"), "--pairs", "pairs.png"]
    assert main(["train", *arguments]) == 2
    assert "--dry-run" in capsys.readouterr().err


def test_pairs_of_faces_are_refused(photos, tmp_path, capsys):
    arguments = ["--preset", "tiny-faces", "--data", str(photos), "--dry-run"]
    assert main(["train", *arguments, "--pairs", str(tmp_path / "pairs.png")]) == 2
    assert "no pairs to draw" in capsys.readouterr().err
    assert not (tmp_path / "pairs.png").exists()


def test_a_run_without_an_output_folder_is_refused(photos, capsys):
    assert main(["train", "--data", str(photos)]) == 2
    assert "-o RUN" in capsys.readouterr().err


def test_a_damaged_checkpoint_is_reported_in_one_line(photos, tmp_path, capsys):
    arguments = ["train", "--preset", "tiny", "--device", "cpu", "--data", str(photos)]
    arguments += ["-o", str(tmp_path / "run")]
    assert main(arguments) == 0
    newest = tmp_path / "run" / "checkpoints" / "image-000000064.safetensors"
    newest.write_bytes(newest.read_bytes()[:-1])
    capsys.readouterr()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        assert main(arguments) == 0
    (line,) = [text for text in capsys.readouterr().err.splitlines() if "damaged" in text]
    assert line == (
        f"srgan-gp: warning: The checkpoint {newest} is damaged. The previous checkpoint is used."
    )
