"""Whole fine-tunings of tiny networks: both tasks, from the first score to the verdict."""

import json
import math
import os
import shutil
import tomllib
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import nn

from srgan_gp.cli import main
from srgan_gp.errors import UsageError
from srgan_gp.exporting.export import export, load_run
from srgan_gp.finetuning.finetune import _score, finetune
from srgan_gp.finetuning.finetune_result import FinetuneResult
from srgan_gp.finetuning.finetune_verdict import Row, Verdict
from srgan_gp.losses.features import Features
from srgan_gp.models.cards import read_card
from srgan_gp.models.new_names import require_free_name
from srgan_gp.networks import build
from srgan_gp.serving.finetuning.training_progress import TrainingOutput
from srgan_gp.training.weights_file import SMOOTHING_KEY

QUICK = {
    "total_images": 32, "batch_size": 4, "patch_sizes": (8,), "patch_starts": (0.0,),
    "validate_images": 16, "device": "cpu", "precision": "fp32", "warmup_images": 0,
}  # fmt: skip
QUICK_FACES = {k: v for k, v in QUICK.items() if not k.startswith("patch")}


def fill(folder, count, side):
    rng = np.random.default_rng(0)
    folder.mkdir()
    for n in range(count):
        blocks = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(blocks).resize((side, side)).save(folder / f"{n}.png")
    return folder


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """A folder of 20 images of 64 x 64; do not change it."""
    return fill(tmp_path_factory.mktemp("data") / "photos", 20, 64)


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    """A folder of 20 images of 16 x 16; do not change it."""
    return fill(tmp_path_factory.mktemp("data") / "faces", 20, 16)


@pytest.fixture(scope="module")
def upscaler(finished_run, tmp_path_factory):
    """A tiny upscaler without a critic."""
    card = export(finished_run, "start", tmp_path_factory.mktemp("models"))
    return str(card.with_suffix(".onnx"))


@pytest.fixture
def face_model(face_weights, monkeypatch):
    """The weights of a tiny face generator beside its critic; features are the pixels."""
    pixels = Features(nn.Sequential(nn.Identity()), (0,), 1)
    monkeypatch.setattr(Features, "load", lambda *_, **__: pixels)
    return face_weights


@pytest.fixture
def face_weights(tmp_path):
    """The weights of a tiny face generator beside its critic."""
    return save_face_weights(tmp_path, "face_resnet", {})


def save_face_weights(folder, architecture, metadata):
    """Save random weights of a tiny face generator, with this metadata, beside its critic."""
    torch.manual_seed(0)
    generator = {"size": 16, "latent_size": 8, "width": 4}
    critic = {"size": 16, "width": 4}
    for kind, name, arguments, suffix in (
        ("generators", architecture, generator, ""),
        ("critics", "face_critic", critic, ".critic"),
    ):
        names = {"task": "face-generation", "architecture": name}
        network = build(kind, name, **arguments)
        save_file(
            network.state_dict(),
            folder / f"some{suffix}.safetensors",
            metadata | names | {"arguments": json.dumps(arguments)},
        )
    return str(folder / "some.safetensors")


def test_an_upscaler_is_scored_before_and_after_on_validation_images(upscaler, photos, tmp_path):
    messages, stages = [], []
    outcome = finetune(
        upscaler, [str(photos)], tmp_path / "run", changes=QUICK, say=messages.append,
        on_stage=lambda *stage: stages.append(stage),
    )  # fmt: skip
    steps = [(done, 4) for done in (1, 2, 3, 4)]
    assert [step for name, *step in stages if "before" in name] == [list(step) for step in steps]
    assert (outcome.trained_on, outcome.validation, outcome.images_seen) == (16, 4, 32)
    assert {row.metric for row in outcome.verdict.rows} == {"psnr_y", "colour_shift"}
    assert {row.downscaler for row in outcome.verdict.rows} == {"matlab", "area-jpeg75"}
    lists = [(tmp_path / "run" / f"{name}.list").read_text() for name in ("train", "held_out")]
    assert not set(lists[0].splitlines()) & set(lists[1].splitlines())
    assert "16 training images, 4 validation images" in messages[0]
    assert sum(line.startswith("warning: ") for line in messages) == 2
    first = json.loads((tmp_path / "run" / "stats.jsonl").read_text().splitlines()[0])
    assert first["images_seen"] == 0
    assert "validation/psnr_y" in first
    assert json.loads(json.dumps(outcome.as_dict()))["held_out"] == 4  # the key of version 0.1
    again = finetune(upscaler, [str(photos)], tmp_path / "run", changes=QUICK)
    assert again == outcome


def test_damaged_images_are_named_and_skipped_before_the_first_score(upscaler, tmp_path):
    photos = fill(tmp_path / "photos", 21, 64)
    whole = (photos / "3.png").read_bytes()
    (photos / "3.png").write_bytes(whole[: len(whole) // 2])
    (photos / "none.jpg").write_bytes(b"no image")
    (photos / "notes.txt").write_text("about the photos")
    messages = []
    outcome = finetune(
        upscaler, [str(photos)], tmp_path / "run", changes=QUICK, say=messages.append
    )
    assert outcome.trained_on + outcome.validation == 20
    assert messages[0] == "Skipped files of other types: 1 .txt"
    assert [line.split(":")[1].rpartition("/")[2] for line in messages[1:3]] == [
        "3.png",
        "none.jpg",
    ]


def test_a_model_that_never_gets_better_is_unchanged(upscaler, photos, tmp_path):
    wild = QUICK | {"learning_rate": 0.5, "patience": 1}
    outcome = finetune(upscaler, [str(photos)], tmp_path / "run", changes=wild)
    assert (outcome.best_images_seen, outcome.images_seen) == (0, 16)
    assert "was better" in outcome.ended_because
    assert not outcome.verdict.is_better
    assert all(row.before == row.after for row in outcome.verdict.rows)


def test_other_images_do_not_continue_a_run(upscaler, photos, tmp_path):
    finetune(upscaler, [str(photos)], tmp_path / "run", changes=QUICK)
    others = fill(tmp_path / "others", 21, 64)
    # Most planned options follow from the number of images; the message names the cause alone.
    for changes in (QUICK, QUICK | {"total_images": 64}):
        with pytest.raises(UsageError, match=r"fine-tuning on other images\. .* with -o, or"):
            finetune(upscaler, [str(others)], tmp_path / "run", changes=changes)


def test_the_length_that_was_typed_is_named_before_what_follows_from_it(upscaler, photos, tmp_path):
    finetune(upscaler, [str(photos)], tmp_path / "run", changes=QUICK)
    longer = QUICK | {"total_images": 2 * QUICK["total_images"]}
    with pytest.raises(UsageError) as caught:
        finetune(upscaler, [str(photos)], tmp_path / "run", changes=longer)
    length = f"total_images ({longer['total_images']}, before: {QUICK['total_images']})"
    assert f"other options: {length}, and with it critic_warmup_images (" in str(caught.value)
    assert "another output folder with -o" in str(caught.value)


def test_a_run_has_a_card_before_the_training(upscaler, photos, tmp_path, monkeypatch):
    from srgan_gp.finetuning import finetune as module

    monkeypatch.setattr(module, "train", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        finetune(upscaler, [str(photos)], tmp_path / "run", changes=QUICK)
    card = tomllib.loads((tmp_path / "run" / "card.toml").read_text())
    assert card["recipe"] == "srgan-gp finetune --from start"


def test_a_face_generator_is_judged_by_kernel_distance_and_novelty(face_model, faces, tmp_path):
    changes = QUICK_FACES | {"freeze_critic_stages": 0, "least_novelty": 0.0}
    outcome = finetune(face_model, [str(faces)], tmp_path / "run", changes=changes)
    assert {row.metric for row in outcome.verdict.rows} == {
        "kid_squeeze", "fd_hog", "fd_pca", "patch_distance", "border_ratio", "novelty",
        "colour_shift",
    }  # fmt: skip
    assert outcome.images_seen == 32


@pytest.mark.usefixtures("face_model")  # features are the pixels
@pytest.mark.filterwarnings("ignore:The best state of this run is that before training")
def test_a_smoothed_model_is_scored_and_exported_with_its_filter(faces, tmp_path, monkeypatch):
    shares = []
    module = "srgan_gp.finetuning.finetune"
    monkeypatch.setattr(
        f"{module}._score",
        lambda generator, *more: shares.append(generator.smoothing) or _score(generator, *more),
    )
    # As if the checkpoint after 16 images were the best: only then the result is scored.
    monkeypatch.setattr(f"{module}.load_run", lambda run_dir: (*load_run(run_dir)[:2], 16))
    smoothed = save_face_weights(tmp_path, "style_resnet", {SMOOTHING_KEY: "0.12"})
    changes = QUICK_FACES | {"freeze_critic_stages": 0, "least_novelty": 0.0}
    finetune(smoothed, [str(faces)], tmp_path / "run", changes=changes)
    assert shares == [0.12, 0.12]  # before and after the training
    card = read_card(export(tmp_path / "run", "finetuned", tmp_path / "models"))
    assert card.training.smoothing == 0.12


def test_a_memorising_run_is_stopped_and_says_so(face_model, faces, tmp_path, monkeypatch):
    def copies(_generator, latents):
        names = (tmp_path / "run" / "train.list").read_text().splitlines()
        return np.stack([np.asarray(Image.open(names[i % 16])) for i in range(len(latents))])

    monkeypatch.setattr("srgan_gp.training.validation.validation_faces.generate_images", copies)
    changes = QUICK_FACES | {"freeze_critic_stages": 0}
    outcome = finetune(face_model, [str(faces)], tmp_path / "run", changes=changes)
    assert outcome.images_seen == 16
    assert "memorises" in outcome.ended_because
    assert not outcome.verdict.is_better


def test_five_images_are_refused_and_nothing_is_written(upscaler, tmp_path):
    five = fill(tmp_path / "five", 5, 64)
    with pytest.raises(UsageError, match=r"^1 training image and 4 validation .* add 15 or more"):
        finetune(upscaler, [str(five)], tmp_path / "run", changes=QUICK)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("weights", ["none", "missing.safetensors"])
def test_without_the_feature_network_nothing_begins(face_weights, faces, tmp_path, weights):
    changes = QUICK_FACES | {"feature_weights": weights}
    said = []
    with pytest.raises(UsageError, match=r"SqueezeNet 1\.1") as caught:
        finetune(face_weights, [str(faces)], tmp_path / "run", changes=changes, say=said.append)
    assert "\n" not in str(caught.value)
    assert said == []
    assert not (tmp_path / "run").exists()


def test_other_options_are_refused_before_anything_is_scored(upscaler, photos, tmp_path):
    finetune(upscaler, [str(photos)], tmp_path / "run", changes=QUICK)
    said = []
    with pytest.raises(UsageError, match="learning_rate"):
        finetune(
            upscaler, [str(photos)], tmp_path / "run",
            changes=QUICK | {"learning_rate": 0.1}, say=said.append,
        )  # fmt: skip
    assert said == []


def test_a_run_that_has_not_begun_accepts_other_images(upscaler, photos, tmp_path):
    (tmp_path / "run").mkdir()
    for name in ("train.list", "held_out.list"):
        (tmp_path / "run" / name).write_text(f"{tmp_path}/gone.png\n")
    finetune(upscaler, [str(photos)], tmp_path / "run", changes=QUICK)
    assert "gone.png" not in (tmp_path / "run" / "train.list").read_text()


def test_what_is_not_finite_is_null_in_json(tmp_path):
    rows = (Row("psnr_y", "matlab", math.inf, 30.0), Row("pattern", "matlab", 1.0, math.nan))
    outcome = FinetuneResult(
        "x", tmp_path, 16, 4, "", 32, 32, "", 1.0, Verdict(False, ("so it is",), rows)
    )  # fmt: skip
    found = json.loads(json.dumps(outcome.as_dict(), allow_nan=False))["verdict"]["rows"]
    assert [(row["before"], row["after"]) for row in found] == [(None, 30.0), (1.0, None)]


def words(upscaler, photos, run_dir, *more):
    values = {k: str(v[0]) if isinstance(v, tuple) else str(v) for k, v in QUICK.items()}
    changes = ["--set", *(f"{key}={value}" for key, value in values.items())]
    line = ["finetune", "--from", upscaler, "--data", str(photos), "-o", str(run_dir)]
    return [*line, *changes, *more]


def check_that_the_app_reads(text, run):
    """The app puts these lines into sentences, and shows the steps and the curve of the run."""
    output = TrainingOutput()
    for line in text.splitlines():
        output.add(line)
    state = output.state(run, 0)
    beginnings = [sentence.split(" ")[0:4] for sentence in state.log]
    assert ["It", "trains", "on", "32"] in beginnings
    assert [words[:4] for words in beginnings if words[1:3] == ["learns", "from"]]
    assert [words for words in beginnings if words[:3] == ["The", "new", "model"]]
    assert state.log[-1].startswith("It was not installed, because ")
    assert state.total == 32 and 0 < state.done <= 32
    assert state.metric == "psnr_y" and state.curve[-1][0] == 32


def test_the_command_prints_a_table_and_a_verdict(upscaler, photos, tmp_path, capsys):
    assert main(words(upscaler, photos, tmp_path / "run")) == 0
    printed = capsys.readouterr()
    check_that_the_app_reads(printed.err + printed.out, tmp_path / "run")
    lines = printed.out.splitlines()
    assert lines[0].split() == ["validation", "images", "better", "before", "after", "change"]
    assert lines[-2].startswith(("It is better: ", "It is not better: "))
    assert "(higher is better; mean of 2 rows)" in lines[-2]
    assert "area-jpeg75: by the mean of areas" in printed.err
    assert lines[-1].startswith("Not installed, because ")
    label, _, following = printed.err.splitlines()[-1].partition(": ")
    assert label in ("Next", "To install it all the same")
    assert following.startswith(f"srgan-gp export {tmp_path}/run --name ")
    assert main(words(upscaler, photos, tmp_path / "run", "--json")) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["verdict"]["is_better"] == lines[-2].startswith("It is better")
    assert found["installed"] is None


def test_ctrl_c_between_the_steps_says_what_is_saved(interrupted_run, upscaler, photos):
    from srgan_gp.finetuning import finetune as module

    run_dir = interrupted_run.folder
    interrupted_run.interrupt(module, "find_source")
    assert main(["finetune", "--from", upscaler, "--data", str(photos), "-o", str(run_dir)]) == 130
    interrupted_run.check_message()


@pytest.mark.parametrize("is_prepared", [False, True])
def test_every_folder_is_listed_once_before_the_plan(
    upscaler, tmp_path, monkeypatch, capsys, is_prepared
):
    from srgan_gp.finetuning import finetune as module

    folders = [tmp_path / "photos"]
    if is_prepared:
        folders = [tmp_path / "photos" / "train", tmp_path / "photos" / "val"]
        folders[0].parent.mkdir()
    for folder, side in zip(folders, (64, 72), strict=False):
        fill(folder, 20, side)
    listed, rglob = [], Path.rglob
    monkeypatch.setattr(
        Path, "rglob", lambda self, pattern: listed.append(self) or rglob(self, pattern)
    )

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "plan", stop)
    words = ["--from", upscaler, "--data", str(tmp_path / "photos"), "-o", str(tmp_path / "run")]
    assert main(["finetune", *words]) == 130
    assert listed == folders


@pytest.mark.parametrize("validation", [False, True])
@pytest.mark.parametrize("is_zip", [False, True])
def test_every_image_is_opened_once_before_the_first_score(
    upscaler, photos, tmp_path, monkeypatch, is_zip, validation
):
    from srgan_gp.finetuning import finetune as module

    fill(tmp_path / "copies", 20, 64)  # of the same sizes as `photos`, so that hashes are compared
    for path in (tmp_path / "copies").iterdir():
        path.write_bytes(path.read_bytes()[:-1] + b"\0")  # the last byte of a checksum: not checked
    folders = [photos, tmp_path / "copies"][: 1 + validation]
    if is_zip:
        folders = [shutil.make_archive(str(tmp_path / path.name), "zip", path) for path in folders]
    opened = []

    def counted(function):
        return lambda *all_, **named: opened.append(all_) or function(*all_, **named)

    owner = zipfile.ZipFile if is_zip else os
    monkeypatch.setattr(owner, "open", counted(owner.open))
    if not is_zip:  # `Path.open` does not call `os.open`
        monkeypatch.setattr(Path, "open", counted(Path.open))
    monkeypatch.setattr(module, "_require_same_images", lambda *_: 1 / 0)
    others = str(folders[1]) if validation else None
    with pytest.raises(ZeroDivisionError):
        finetune(upscaler, [str(folders[0])], tmp_path / "run", validation=others, changes=QUICK)
    names = [str(path) for call in opened for path in call if str(path).endswith(".png")]
    assert len(names) == (40 if validation else 20)
    assert len(set(names)) == (20 if is_zip else len(names))  # both archives have the same names


@pytest.mark.parametrize("is_better", [True, False])
def test_only_what_is_better_is_installed(
    upscaler, photos, tmp_path, capsys, monkeypatch, is_better
):
    monkeypatch.setenv("SRGAN_GP_MODELS", str(tmp_path / "models"))
    from srgan_gp.finetuning import finetune as module

    honest = module.judge

    def judge(*arguments):
        found = honest(*arguments)
        return type(found)(is_better, found.reasons or ("so it is",), found.rows)

    monkeypatch.setattr(module, "judge", judge)
    assert main(words(upscaler, photos, tmp_path / "run", "--name", "mine")) == 0
    printed = capsys.readouterr()
    said = printed.out
    assert ("Installed as mine" in said) == is_better
    upscale = "Next: srgan-gp upscale photo.jpg --model mine"
    install = f"To install it all the same: srgan-gp export {tmp_path}/run"
    following = upscale if is_better else install
    assert printed.err.splitlines()[-1].startswith(following)
    assert (tmp_path / "models" / "mine.onnx").exists() == is_better
    assert ("Not installed" in said) != is_better
    if is_better:
        assert main(words(upscaler, photos, tmp_path / "other", "--name", "mine")) == 2
        assert "already; choose another name, pass --exist" in capsys.readouterr().err
        assert main(words(upscaler, photos, tmp_path / "run", "--name", "mine")) == 0
        assert "Replacing the model 'mine'" in capsys.readouterr().err
        assert main(["models"]) == 0
        assert "fine-tuned on 16 images" in capsys.readouterr().out


def test_no_export_is_advised_if_the_best_state_is_that_before_training(
    photos, tmp_path, capsys, monkeypatch
):
    from srgan_gp.finetuning import finetune as module

    rows = (Row("psnr_y", "matlab", 20.0, 20.0), Row("grain", "matlab", 0.8, 0.8, originals=1.25))
    verdict = Verdict(False, ("no gain",), rows)
    outcome = FinetuneResult("photo-x4", tmp_path, 26, 7, "", 64, 0, "", 1.0, verdict)
    monkeypatch.setattr(module, "finetune", lambda *_, **__: outcome)
    places = ["--data", str(photos), "-o", str(tmp_path)]
    assert main(["finetune", "--from", "photo-x4", *places]) == 0
    out, printed = capsys.readouterr()
    assert out.splitlines()[2].endswith(" 1.25")
    assert "The column originals has the values of the validation images" in printed
    assert "The best state is that before training: nothing would change." in printed
    assert "srgan-gp export" not in printed
    card = tomllib.loads((tmp_path / "card.toml").read_text())
    assert "fine-tuned on" not in str(card).lower()
    assert "26 images" not in str(card)


def test_the_table_of_a_face_model_names_its_truncation(photos, tmp_path, capsys, monkeypatch):
    from srgan_gp.finetuning import finetune as module

    verdict = Verdict(False, ("no gain",), (Row("fd_hog", "", 2.0, 2.0),))
    outcome = FinetuneResult("faces-64", tmp_path, 26, 7, "", 64, 0, "", 1.0, verdict)
    monkeypatch.setattr(module, "finetune", lambda *_, **__: outcome)
    line = ["finetune", "--from", "faces-64", "--data", str(photos), "-o", str(tmp_path)]
    assert main(line) == 0
    printed = capsys.readouterr().err
    assert "4 sets of 7 generated faces of truncation 1" in printed
    measure = f"srgan-gp evaluate faces-64 --data {tmp_path}/held_out.list --train-data "
    assert measure in printed and "--count 7 --trunc 1" in printed


@pytest.mark.parametrize("name", ["photo-x4", "../mine", "a b"])
def test_a_name_that_cannot_be_used_is_refused_before_the_run(
    upscaler, photos, tmp_path, name, capsys
):
    assert main(words(upscaler, photos, tmp_path / "run", "--name", name)) == 2
    assert repr(name) in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_a_model_without_a_card_is_not_replaced(tmp_path, monkeypatch):
    monkeypatch.setenv("SRGAN_GP_MODELS", str(tmp_path))
    require_free_name("mine")
    (tmp_path / "mine.onnx").touch()
    with pytest.raises(UsageError, match="a model 'mine' already"):
        require_free_name("mine")


@pytest.mark.parametrize(
    "change",
    ["speed=3", "total_images", "total_images=", "total_images=many", "low_res=blurry",
     "critic_conditional=yes"],
)  # fmt: skip
def test_a_change_that_makes_no_sense_is_refused(upscaler, photos, tmp_path, change, capsys):
    assert main([*words(upscaler, photos, tmp_path / "run"), "--set", change]) == 2
    said = capsys.readouterr().err.splitlines()
    assert change.partition("=")[0] in said[-1]
    assert not (tmp_path / "run").exists()


def test_a_number_with_a_letter_is_answered_with_the_number(capsys):
    line = ["finetune", "--from", "photo-x4", "--data", "y", "--set", "total_images=64k"]
    assert main(line) == 2
    assert "It takes a whole number, such as 64000." in capsys.readouterr().err


def test_an_option_with_a_typing_error_is_suggested(capsys):
    line = ["finetune", "--from", "photo-x4", "--data", "y", "--set", "total_image=64"]
    assert main(line) == 2
    assert "Did you mean total_images? srgan-gp train --help lists" in capsys.readouterr().err


def test_changes_are_read_as_the_options_of_train_are(tmp_path, monkeypatch):
    from srgan_gp.finetuning import first_checks as module

    seen = {}
    monkeypatch.setattr(module, "plan", lambda *a: seen.update(a[-1]) or 1 / 0)
    photos = fill(tmp_path / "photos", 20, 8)
    line = ["finetune", "--from", "photo-x4", "--data", str(photos), "--threads", "2", "--set"]
    assert main([*line, "patch_sizes=8,16", "critic_conditional=False", "penalty=r1"]) == 1
    assert seen == {
        "patch_sizes": (8, 16), "critic_conditional": False, "penalty": "r1", "threads": 2
    }  # fmt: skip
