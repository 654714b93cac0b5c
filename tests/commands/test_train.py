import io
import json
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from srgan_gp.cli import main
from srgan_gp.training import loop, run_data
from srgan_gp.training.loop import train
from srgan_gp.training.options.presets import resolve

WEIGHTS = Path(__file__).parents[2] / "weights"


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


def test_ctrl_c_before_the_steps_says_what_is_saved(interrupted_run):
    run_dir = interrupted_run.folder
    interrupted_run.interrupt(run_data, "find_images")
    assert main(["train", "--preset", "tiny", "--data", "y", "-o", str(run_dir)]) == 130
    interrupted_run.check_message()


@pytest.mark.parametrize(("rank", "is_printed"), [("0", True), ("1", False)])
def test_of_several_processes_the_first_one_prints(
    photos, tmp_path, monkeypatch, capsys, rank, is_printed
):
    run_dir = tmp_path / "run"
    monkeypatch.setenv("RANK", rank)
    monkeypatch.setattr(loop, "train", lambda *_, **__: run_dir)
    assert main(["train", "--preset", "tiny", "--data", str(photos), "-o", str(run_dir)]) == 0
    printed = capsys.readouterr()
    assert (str(run_dir) in printed.out) is is_printed
    assert bool(printed.err) is is_printed


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


@pytest.fixture
def prepared(tmp_path):
    """Write a zip with `count` images in `train/` and 2 in `val/`; return its path."""

    def write(name="faces.zip", count=4, side=72):
        rng = np.random.default_rng(0)
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            for n in range(count + 2):
                encoded = io.BytesIO()
                pixels = rng.integers(0, 256, (side, side, 3), np.uint8)
                Image.fromarray(pixels).save(encoded, "PNG")
                archive.writestr(f"{'train' if n < count else 'val'}/{n}.png", encoded.getvalue())
        return str(tmp_path / name)

    return write


def tiny_run(run_dir, *more, preset="tiny"):
    return ["train", "--preset", preset, "--device", "cpu", "-o", str(run_dir), *more]


def test_of_a_prepared_zip_only_train_is_trained_on(prepared, tmp_path, capsys):
    run_dir, archive = tmp_path / "run", prepared()
    assert main(tiny_run(run_dir, "--data", archive)) == 0
    printed = capsys.readouterr()
    assert f"4 training images: {archive}:train. 2 validation images: {archive}:val." in printed.err
    described = json.loads((run_dir / "data.json").read_text())
    assert (described["pictures"], described["validation"]["pictures"]) == (4, 2)
    assert "validation/psnr_y" in (run_dir / "stats.jsonl").read_text()
    assert printed.err.splitlines()[-1].startswith(
        f"Next: srgan-gp export {run_dir} --name run -o "
    )
    assert printed.out == f"{run_dir}\n"


def test_a_run_that_was_begun_on_all_images_continues_on_them(prepared, tmp_path, capsys):
    archive = prepared()
    config = resolve("tiny", {"total_images": 32, "device": "cpu"})
    train(config, [archive], tmp_path / "run")  # as version 0.1 did
    assert main(tiny_run(tmp_path / "run", "--data", archive)) == 0
    assert "begun on the images for validation too" in capsys.readouterr().err
    assert json.loads((tmp_path / "run" / "data.json").read_text())["pictures"] == 6


def test_training_images_in_the_validation_set_are_refused(prepared, tmp_path, capsys):
    archive = prepared()
    words = ["--data", f"{archive}:train", "--validation", f"{archive}:train"]
    assert main(tiny_run(tmp_path / "run", *words)) == 2
    assert "4 of 4 validation images are also training images" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_two_prepared_zips_need_the_name_of_a_validation_set(prepared, tmp_path, capsys):
    both = [prepared(), prepared("more.zip")]
    assert main(tiny_run(tmp_path / "run", "--data", *both)) == 2
    assert f"--validation {both[0]}:val" in capsys.readouterr().err


def test_options_of_the_other_task_are_refused_together(photos, tmp_path, capsys):
    words = ["--data", str(photos), "--equivariance-weight", "0.4", "--sharpen-targets", "1"]
    assert main(tiny_run(tmp_path / "run", *words, preset="tiny-faces")) == 2
    error = capsys.readouterr().err
    assert "sharpen_targets, equivariance_weight: a run of face-generation does not use" in error
    assert main(tiny_run(tmp_path / "run", "--data", str(photos), "--latent-size", "8")) == 2
    assert "latent_size" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--critic-detail", "critic_detail: only the critic projected_critic has a feature part"),
        ("--feature-ratio 2 --detail-ratio 3", "feature_ratio, detail_ratio: only the critic"),
        ("--critic projected_critic --detail-ratio 3", "this run has none: critic_detail is False"),
        ("--adversarial-ratio 0 --critic-width 8", "critic_width: this run has no critic"),
    ],
)
def test_options_of_parts_that_the_critic_lacks_are_refused(
    photos, tmp_path, capsys, words, message
):
    line = tiny_run(tmp_path / "run", "--data", str(photos), *words.split(), preset="tiny-faces")
    assert main(line) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "words",
    [
        "--critic projected_critic --critic-detail --detail-ratio 3 --feature-ratio 2",
        f"--start-from {WEIGHTS / 'faces-64.onnx'} --detail-ratio 2 --feature-ratio 1",
        "--critic-width 6",
    ],
)
def test_options_of_parts_that_the_critic_has_are_accepted(photos, capsys, words):
    line = ["--preset", "faces-64-cpu", "--data", str(photos), "--dry-run", *words.split()]
    assert main(["train", *line]) == 0
    config = json.loads(capsys.readouterr().out)
    assert config["critic_detail"] is ("--detail-ratio" in words)


def test_a_dry_run_takes_a_folder_whose_name_is_too_long(photos, capsys):
    assert main(["train", "--data", str(photos), "-o", "a" * 300, "--dry-run"]) == 0
    assert json.loads(capsys.readouterr().out)["scale"] == 4


def test_a_run_with_an_option_without_effect_is_resumed(prepared, tmp_path):
    run_dir, data = tmp_path / "run", prepared("tiny-faces.zip", side=16) + ":train"
    line = tiny_run(run_dir, "--data", data, "--feature-ratio", "2", preset="tiny-faces")
    assert main(line) == 2
    run_dir.mkdir()
    (run_dir / "config.json").write_text("{}")
    assert main(line) == 2, "there is no checkpoint to resume"
    # As earlier versions did, which accepted the option.
    train(resolve("tiny-faces", {"device": "cpu", "feature_ratio": 2.0}), [data], run_dir)
    assert main(line) == 0


@pytest.fixture
def face_model(prepared, tmp_path):
    """A face model whose critic is wider than that of the preset."""
    archive = prepared("tiny-faces.zip", side=16)
    words = ["--data", f"{archive}:train", "--critic-width", "6", "--critic-norm", "layer"]
    assert main(tiny_run(tmp_path / "first", *words, preset="tiny-faces")) == 0
    assert main(["export", str(tmp_path / "first"), "--name", "some", "-o", str(tmp_path)]) == 0
    return tmp_path / "some.onnx"


def test_the_critic_of_the_model_to_start_from_is_taken_over(
    face_model, prepared, tmp_path, capsys
):
    words = ["--data", f"{prepared('new.zip', side=16)}:train", "--start-from", str(face_model)]
    line = tiny_run(tmp_path / "second", *words, preset="tiny-faces")
    assert main([*line, "--total-images", "8"]) == 0
    config = json.loads((tmp_path / "second" / "config.json").read_text())
    assert [config[name] for name in ("critic", "critic_width", "critic_norm")] == [
        "face_critic", 6, "layer"
    ]  # fmt: skip
    face_model.unlink()
    face_model.with_suffix(".critic.safetensors").unlink()
    assert main(line) == 0  # a resumed run does not need the model
    capsys.readouterr()


def test_another_critic_is_refused_with_the_options_of_the_right_one(
    face_model, prepared, tmp_path, capsys
):
    words = ["--data", f"{prepared('new.zip', side=16)}:train", "--start-from", str(face_model)]
    line = tiny_run(tmp_path / "second", *words, preset="tiny-faces")
    assert main([*line, "--critic-width", "5"]) == 2
    expected = "Pass the critic face_critic (size 16, width 6, norm layer)"
    assert expected in capsys.readouterr().err


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
    (line,) = [text for text in capsys.readouterr().err.splitlines() if "is damaged" in text]
    assert line == (
        f"srgan-gp: warning: The checkpoint {newest} is damaged. The previous checkpoint is used."
    )


def test_a_run_without_images_is_refused(tmp_path, capsys):
    assert main(["train", "-o", str(tmp_path / "run")]) == 2
    assert "pass --data PATH" in capsys.readouterr().err


def test_the_problems_of_a_run_are_named_from_its_log_alone(tmp_path, capsys):
    lines = [
        {"images_seen": n, "health/interpolate_norm": 3.1, "health/steep_share": 0.12}
        for n in range(8)
    ]
    (tmp_path / "stats.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (tmp_path / "config.json").write_text("{}")
    assert main(["train", "--diagnose", str(tmp_path)]) == 0
    found = capsys.readouterr().out
    assert found == "Gradient norm 3.1, 12% above 2: penalty too weak; raise --penalty-weight.\n"


def test_the_diagnosis_of_a_folder_that_is_no_run_is_refused(tmp_path, capsys):
    assert main(["train", "--diagnose", str(tmp_path)]) == 2
    assert "holds no log of a training run" in capsys.readouterr().err
